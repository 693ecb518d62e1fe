"""The typed wire for browsers: its lines in text messages of a WebSocket (RFC 6455), on a port with a page.

- A connection begins with requests of HTTP. Those for files are answered, and each may be followed by another
  one for a short time; one for the socket opens it. `HeadBuffer` takes the requests, and ``websockets`` the
  frames.
- A text message of a client is one line. One of a server is any number of whole lines, each with its newline.
  Stored lines are sent as they are, with only a header before them, and all readers get the same bytes.
- There are no extensions, and a binary message is a fault: what is compressed for one is not for all.
- A close frame with the code 1000, or without one, is a goodbye. Any other, and a stream that ends without,
  is a lost connection: browsers say 1001 when a page is loaded again.
- Whoever is refused before the socket is open gets a status of HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from logging import CRITICAL, Logger
from typing import ClassVar, Final

from websockets.exceptions import (
    InvalidHandshake,
    InvalidMethod,
    InvalidProtocol,
    InvalidUpgrade,
    NegotiationError,
)
from websockets.frames import Close, CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from chatcore.address import Peer
from chatcore.encoding import encode_acks
from chatcore.errors import ErrorCode, Fault
from chatcore.fields import ClosingReason, Code
from chatcore.limits import Limits
from chatcore.messages import (
    Closing,
    DurabilityWord,
    Error,
    Found,
    Page,
    ServerFrame,
    Stored,
    client_frames,
    encode,
)
from chatcore.site import Site
from chatcore.wire import Capabilities, Codec, Hangup, Item, Moved, Reply, Wire
from chatcore.wire.assets import answer
from chatcore.wire.framing import FrameCounter, text_message, text_messages
from chatcore.wire.http import HeadBuffer, RefusedRequest, is_persistent, parse_head
from chatcore.wire.ndjson import frame_or_fault, page_line

__all__ = ["SUBPROTOCOL", "WebSocket", "WebSocketCodec"]

SUBPROTOCOL: Final = Subprotocol("chatcore.v1")
"""What a client may offer. It need not, but must not offer others alone."""

SOCKET: Final = "ws"
"""The last part of the path of the socket."""

KEPT_SECONDS: Final = 2.0
"""How long a connection waits for another request after an answer: a page asks for its files together. Idle
connections count against the limits, so none lasts as long as browsers would have them."""

KEPT_IN_ALL: Final = 5.0
"""Seconds after the first request in which another one may come: the handshake has a deadline, too."""

KEPT_BYTES: Final = 64 * 1024
"""Bytes of answers after which no further request is taken: a peer may ask on and on without reading.
Browsers share a page between several connections, and this is as much as all of it."""

_CODES: Final[dict[ClosingReason, int]] = {
    "drain": CloseCode.SERVICE_RESTART,
    "taken_over": 4001,
    "timeout": 4002,
    "stalled": 4003,
    "protocol": CloseCode.PROTOCOL_ERROR,
    "banned": 4004,
    "revoked": 4005,
}
_REFUSALS: Final[dict[Code, tuple[int, int | None]]] = {
    "bad_state": (408, None),  # no hello came in time, nor a request
    "limit_exceeded": (503, CloseCode.TRY_AGAIN_LATER),
    "unavailable": (503, CloseCode.TRY_AGAIN_LATER),
    "unauthorized": (403, CloseCode.POLICY_VIOLATION),
    "forbidden": (403, CloseCode.POLICY_VIOLATION),
}
"""The status before the socket is open, and the code of the close frame before the welcome."""

_BAD_REQUEST: Final[tuple[int, int | None]] = (400, None)

_TOO_MANY: Final = RefusedRequest(
    429, "too many requests come from your address; try again in a moment", [("Retry-After", "1")]
).encode()

_FAILURES: Final[dict[int, tuple[ErrorCode, str]]] = {
    CloseCode.MESSAGE_TOO_BIG: ("too_long", "a message is longer than line_bytes"),
    CloseCode.UNSUPPORTED_DATA: ("bad_frame", "a message is not text"),
    CloseCode.INVALID_DATA: ("bad_frame", "a message is not UTF-8"),
}
_NOT_VALID: Final[tuple[ErrorCode, str]] = ("bad_frame", "this is not a stream of WebSocket frames")

_SILENT = Logger("websockets", CRITICAL)
"""What peers do wrong is told them, and is not for our log."""


class WebSocketCodec:
    """One connection's half: first a request, then frames, then nothing more."""

    __slots__ = (
        "_answered",
        "_close",
        "_code",
        "_counter",
        "_head",
        "_kept_until",
        "_max_size",
        "_over",
        "_partial",
        "_peer",
        "_protocol",
        "_site",
        "_welcomed",
        "deadline",
        "open",
    )

    def __init__(self, peer: Peer, site: Site, line_bytes: int) -> None:
        self.open = False
        self.deadline: float | None = None
        self._peer = peer
        self._site = site
        self._head: HeadBuffer | None = HeadBuffer()
        self._protocol: ServerProtocol | None = None
        self._max_size = line_bytes
        self._counter = FrameCounter()
        self._partial = b""  # of a message in several frames
        self._answered = 0  # bytes, before the socket is open
        self._kept_until: float | None = None  # the last moment for one more request, from the first one on
        self._over = False  # whatever comes is ignored
        self._welcomed = False
        self._code: int | None = None  # with which we close, if it is not for the frame `Closing` to say
        self._close: bytes | None = None  # the answer to the close frame that came

    # --- input -----------------------------------------------------------------------------------

    def opening(self, *, requires_key: bool) -> list[Item]:
        """Return nothing: on this wire the peer says everything."""
        return []

    def cut(self, data: bytes, lines: int) -> tuple[int, int]:
        """Return the size of so many frames, or of what is there of the head, and how many lines it costs."""
        if self._over:
            return len(data), 0
        if self._head is not None:
            size = self._head.cut(data)
            return size, min(data.count(b"\n", 0, size), lines)
        return self._counter.cut(data, lines)

    def receive_data(self, data: bytes, now: float) -> list[Item]:
        """Take bytes from the peer; return what they complete."""
        items: list[Item] = []
        try:
            while self._head is not None and (whole := self._head.push(data)) is not None:
                head, data = whole
                items += self._take_request(parse_head(head), now)
        except RefusedRequest as refused:
            return [*items, *self._answered_last(refused.encode())]
        if self._protocol is not None and data:
            items += self._take_frames(data)
        return items

    def receive_eof(self) -> list[Item]:
        """Take the end of the stream. It is a loss, unless it follows an answer."""
        if self._over:
            return []
        lost = self.deadline is None
        self._end()
        return [Hangup(lost=lost)]

    def handle_deadline(self, now: float) -> list[Item]:
        """End a connection on which no further request came; elsewhere, silence has no meaning here."""
        if self.deadline is None or now < self.deadline:
            return []
        self._end()
        return [Hangup()]

    def _take_request(self, request: Request, now: float) -> list[Item]:
        self.deadline = None
        try:
            items = self._answer(request, now)
        except RefusedRequest as refused:
            items = self._answered_last(refused.encode())
        peer = self._site.true_peer(self._peer, request.headers.get_all("X-Forwarded-For"))
        if peer == self._peer:
            return items
        return [Moved(peer, b"" if self.open else _TOO_MANY), *items]

    def _answer(self, request: Request, now: float) -> list[Item]:
        if not self._site.knows_host(request.headers["Host"]):
            raise RefusedRequest(
                421, "this host is unknown here; name it with the server's option --web-host"
            )
        name = request.path.partition("?")[0].rpartition("/")[2]
        if name == SOCKET:
            return [self._shake_hands(request)]
        if not self._may_go_on(request, now):
            return self._answered_last(answer(request, self._site, name))
        self._head, self.deadline = HeadBuffer(), now + KEPT_SECONDS
        data = answer(request, self._site, name, ends=False)
        self._answered += len(data)
        return [Reply(data, free=True)]

    def _may_go_on(self, request: Request, now: float) -> bool:
        """Tell whether another request may follow. A proxy would send those of other people."""
        if self._kept_until is None:
            self._kept_until = now + KEPT_IN_ALL
        has_time = now < self._kept_until and self._answered < KEPT_BYTES
        return has_time and is_persistent(request) and not self._site.trusts(self._peer.host)

    def _answered_last(self, data: bytes) -> list[Item]:
        self._end()
        return [Reply(data, free=True), Hangup()]

    def _shake_hands(self, request: Request) -> Reply:
        origin = request.headers.get("Origin")
        if origin is not None and not self._site.knows_origin(origin, request.headers["Host"]):
            raise RefusedRequest(
                403,
                "pages of this origin may not connect; a proxy has to pass Host, and the server's option "
                "--web-origin names other origins",
            )
        protocol = _Protocol(state=State.OPEN, max_size=self._max_size, logger=_SILENT)
        agreed = _agree(protocol, request)
        self._head, self._protocol, self.open = None, protocol, True
        return Reply(agreed, free=True)

    def _take_frames(self, data: bytes) -> list[Item]:
        protocol = self._protocol
        assert protocol is not None
        self._counter.take(data)
        protocol.receive_data(data)
        items: list[Item] = []
        for frame in protocol.events_received():
            if isinstance(frame, Frame) and not self._over:
                items += self._take_frame(frame)
        if protocol.parser_exc is not None and not self._over:
            sent = protocol.close_sent
            items.append(self._fail(CloseCode.PROTOCOL_ERROR if sent is None else sent.code))
        protocol.data_to_send()  # its own pongs and close frames: ours are in order with the rest
        if self._over:
            protocol.parser.close()  # which holds it in a cycle
        return items

    def _take_frame(self, frame: Frame) -> Sequence[Item]:
        match frame.opcode:
            case Opcode.PING:
                return [Reply(Frame(Opcode.PONG, frame.data).serialize(mask=False))]
            case Opcode.PONG:
                return []
            case Opcode.CLOSE:
                return [self._closed(frame)]
            case Opcode.BINARY:
                return [self._fail(CloseCode.UNSUPPORTED_DATA)]
            case Opcode.TEXT | Opcode.CONT:
                self._partial += bytes(frame.data)
                return self._take_message() if frame.fin else []

    def _take_message(self) -> Sequence[Item]:
        line, self._partial = self._partial, b""
        item = frame_or_fault(client_frames.validator.validate_json, line)
        if isinstance(item, Fault) and not _is_text(line):
            return [self._fail(CloseCode.INVALID_DATA)]
        return [item]

    def _closed(self, frame: Frame) -> Hangup:
        code = Close.parse(frame.data).code
        self._end()
        self._close = Frame(Opcode.CLOSE, frame.data).serialize(mask=False)
        return Hangup(lost=code not in (CloseCode.NORMAL_CLOSURE, CloseCode.NO_STATUS_RCVD))

    def _fail(self, code: int) -> Fault:
        self._end()
        self._code = code
        return Fault(*_FAILURES.get(code, _NOT_VALID), fatal=True)

    def _end(self) -> None:
        self._over, self._head, self._protocol, self._partial = True, None, None, b""
        self.deadline = None

    # --- output ----------------------------------------------------------------------------------

    def encode(self, frame: ServerFrame) -> bytes:
        """Return a frame as a text message; before the socket is open, an error as a status of HTTP."""
        if not self.open:
            return self._refuse(frame)
        if isinstance(frame, Error) and not self._welcomed and self._code is None:
            _, self._code = _REFUSALS.get(frame.code, _BAD_REQUEST)
        elif frame.type == "welcome":
            self._welcomed, self._code = True, None
        data = text_message(encode(frame))
        if isinstance(frame, Closing):
            data += _close_frame(self._code or _CODES.get(frame.reason, CloseCode.NORMAL_CLOSURE))
        return data

    def encode_acks(self, room: str, durability: DurabilityWord, stored: Sequence[tuple[str, int]]) -> bytes:
        """Return their lines as one text message."""
        return text_message(encode_acks(room, durability, stored)) if self.open else b""

    def encode_page(self, page: Page | Found, messages: list[bytes]) -> bytes:
        """Return the line of the page, with the messages in it, as one text message."""
        return text_message(page_line(page, messages))

    def ending(self) -> bytes:
        """Return the close frame, where no `Closing` has brought it."""
        if not self.open:
            return b""
        return self._close or _close_frame(self._code or CloseCode.NORMAL_CLOSURE)

    def _refuse(self, frame: ServerFrame) -> bytes:
        if self._over:
            return b""
        if self.deadline is not None:  # nothing has been asked
            self._end()
            return b""
        if isinstance(frame, Error):
            status, _ = _REFUSALS.get(frame.code, _BAD_REQUEST)
            refused = RefusedRequest(status, frame.message)
        elif isinstance(frame, Closing):
            late = frame.reason == "timeout"
            refused = RefusedRequest(408 if late else 503, "no request came" if late else "the server ends")
        else:
            return b""
        self._end()
        return refused.encode()


class _Protocol(ServerProtocol):
    """The frames of one connection, whose handshake is ours to answer."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        """Return ours if it is offered, and ``None`` if nothing is."""
        if subprotocols and SUBPROTOCOL not in subprotocols:
            raise NegotiationError("none of these subprotocols is known")
        return SUBPROTOCOL if subprotocols else None


def _agree(protocol: ServerProtocol, request: Request) -> bytes:
    """Return the answer that opens a socket; raises `RefusedRequest`."""
    version = ("Sec-WebSocket-Version", "13")
    try:
        key, _, chosen = protocol.process_request(request)
    except InvalidMethod:
        raise RefusedRequest(405, "a socket is opened with GET", [("Allow", "GET")]) from None
    except InvalidProtocol:
        raise RefusedRequest(505, "a socket needs HTTP/1.1") from None
    except InvalidUpgrade:
        upgrade = ("Upgrade", "websocket")
        raise RefusedRequest(426, "this is the address of a WebSocket", [upgrade, version]) from None
    except InvalidHandshake:
        raise RefusedRequest(400, "this is not how a WebSocket is opened", [version]) from None
    lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
    lines.append(f"Sec-WebSocket-Accept: {key}")
    if chosen is not None:
        lines.append(f"Sec-WebSocket-Protocol: {chosen}")
    return "\r\n".join([*lines, "\r\n"]).encode()


def _close_frame(code: int) -> bytes:
    return Frame(Opcode.CLOSE, Close(code, "").serialize()).serialize(mask=False)


def _is_text(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


@dataclass(frozen=True, slots=True)
class WebSocket:
    """The wire, seen from a server. All are equal, whatever their site: they encode alike."""

    site: Site = field(default_factory=Site, compare=False)

    name: ClassVar[str] = "websocket"
    capabilities: ClassVar[Capabilities] = Capabilities(
        echo=True, keepalive=True, resends=True, reserves_nick=True, implied_hello=False
    )

    def codec(self, peer: Peer, limits: Limits) -> Codec:
        """Return the half of a new connection."""
        return WebSocketCodec(peer, self.site, limits.line_bytes)

    def encode(self, frame: ServerFrame) -> bytes:
        """Return a frame as a text message."""
        return text_message(encode(frame))

    def encode_stored(self, stored: Stored) -> bytes:
        """Return the line that is stored, without the header that `join` puts before it and others."""
        return stored.line

    def join(self, messages: Sequence[bytes]) -> bytes:
        """Return the lines in as few text messages as they fit into."""
        return text_messages(messages)

    def trusts(self, peer: Peer) -> bool:
        """Tell whether this is one of the site's proxies."""
        return self.site.trusts(peer.host)


_: type[Wire] = WebSocket
