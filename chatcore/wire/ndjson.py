"""The typed wire: one JSON object a line, UTF-8 (RFC 8259), ended by a newline."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json

from chatcore.address import Peer
from chatcore.encoding import encode_acks
from chatcore.errors import ErrorCode, Fault
from chatcore.fields import PostId, RoomName
from chatcore.limits import Limits
from chatcore.messages import (
    ClientFrame,
    DurabilityWord,
    Found,
    Page,
    ServerFrame,
    Stored,
    client_frames,
    encode,
)
from chatcore.wire import Capabilities, Codec, NonFrame, Wire
from chatcore.wire.lines import LineBuffer, Recogniser, cut_lines

__all__ = ["Ndjson", "NdjsonCodec", "NdjsonDecoder", "frame_or_fault", "ndjson", "page_line"]

SILENCE = 0.5
"""Seconds after which a line that cannot become a frame is answered, whether or not it ends: a script that
sends text without newlines learns so what this port speaks."""

NOT_JSON = "the line is not JSON"
NOT_TEXT = "this port speaks newline-delimited JSON, not lines of text; connect to a plain:// address instead"

F = TypeVar("F")

_BLANK = b" \t\r\v\f"
"""What a blank line may begin with; an empty line begins with nothing, which is in here too."""

_room_name: TypeAdapter[str] = TypeAdapter(RoomName)
_post_id: TypeAdapter[str] = TypeAdapter(PostId)

_CODE_OF_FIELD: dict[str, ErrorCode] = {"nick": "bad_name", "room": "bad_name", "text": "bad_text"}
_CODE_OF_ERROR: dict[str, ErrorCode] = {
    "union_tag_invalid": "unknown_type",
    "union_tag_not_found": "unknown_type",
    "missing": "bad_frame",
}


class NdjsonDecoder(Generic[F]):
    """The reading half of a connection of either side.

    With ``silence``, a line that is not the beginning of an object is a fault after so many seconds.
    """

    __slots__ = ("_decode", "_lines", "_recogniser", "_silence", "deadline")

    def __init__(self, frames: TypeAdapter[F], line_bytes: int, silence: float | None = None) -> None:
        self._decode: Callable[[bytes], F] = frames.validator.validate_json
        self._lines = LineBuffer(line_bytes)
        self._recogniser: Recogniser | None = Recogniser()
        self._silence = silence
        self.deadline: float | None = None

    def opening(self, *, requires_key: bool) -> list[F | NonFrame]:
        """Return nothing: on this wire the peer says everything."""
        return []

    def cut(self, data: bytes, lines: int) -> tuple[int, int]:
        """Return the size of so many lines, and their number."""
        return cut_lines(data, lines)

    def receive_data(self, data: bytes, now: float) -> list[F | NonFrame]:
        """Take bytes from the peer; return a frame or a fault for every line they complete."""
        starts = self._recogniser is not None
        if self._recogniser is not None:
            if foreign := self._recogniser.push(data):
                self._lines.close()
                self.deadline = None
                message = f"this port speaks newline-delimited JSON, not {foreign}"
                return [Fault("bad_frame", message, fatal=True)]
            if self._recogniser.done:
                self._recogniser = None
        overflowed = self._lines.overflow
        items = self._items(self._lines.push(data))
        if starts and self._silence is not None:
            waits = not items and not _may_be_object(self._lines.peek())
            self.deadline = now + self._silence if waits else None
        if items:  # it has shown what it is
            self._recogniser = None
        if self._lines.overflow and not overflowed:
            items.append(Fault("too_long", "a line is longer than line_bytes", fatal=True))
        return items

    def receive_eof(self) -> list[F | NonFrame]:
        """Take the last line, which need not end in a newline."""
        self.deadline = None
        return self._items([self._lines.take()])

    def handle_deadline(self, now: float) -> list[F | NonFrame]:
        """Return a fault if what came before the silence is text; any other silence has no meaning here."""
        if self.deadline is None or now < self.deadline:
            return []
        self.deadline = None
        if _may_be_object(self._lines.peek()):
            return []
        self._lines.close()
        return [Fault("bad_frame", NOT_TEXT, fatal=True)]

    def _items(self, lines: list[bytes]) -> list[F | NonFrame]:
        decode, not_text = self._decode, NOT_JSON if self._silence is None else NOT_TEXT
        items: list[F | NonFrame] = []
        for line in lines:
            if line[:1] in _BLANK and not line.strip():
                continue  # no fault: NDJSON lets a reader skip it
            items.append(frame_or_fault(decode, line, not_text))
        return items


def frame_or_fault(decode: Callable[[bytes], F], line: bytes, not_text: str = NOT_JSON) -> F | Fault:
    """Return the frame that a line is, or what is wrong with it; ``not_text`` is said of a line of text."""
    try:
        return decode(line)
    except ValidationError as error:
        return _fault(error, line, not_text)


def page_line(page: Page | Found, messages: list[bytes]) -> bytes:
    """Return the line of a page, with lines of messages in its list, which is empty and its last field."""
    return encode(page)[: -len(b"]}\n")] + b",".join(m[:-1] for m in messages) + b"]}\n"


def _may_be_object(line: bytes) -> bool:
    return line.lstrip()[:1] in (b"", b"{")


def _fault(error: ValidationError, line: bytes, not_text: str) -> Fault:
    """Say in our own words what is wrong: a validation error can repeat its whole input."""
    first = error.errors(include_input=False, include_url=False, include_context=False)[0]
    where = [part for part in first["loc"] if isinstance(part, str)]
    code = _CODE_OF_ERROR.get(first["type"]) or _CODE_OF_FIELD.get(where[-1] if where else "", "bad_frame")
    if code == "unknown_type":
        message = "unknown frame type"
    elif len(where) > 1:
        message = f"{'.'.join(where[1:])} is not valid in {where[0]} ({first['type']})"
    elif first["type"] == "json_invalid":
        message = NOT_JSON if _may_be_object(line) else not_text
    else:
        message = f"the line is not a frame ({first['type']})"
    room, id_ = _context(line)
    return Fault(code, message, room=room, id=id_)


def _context(line: bytes) -> tuple[str | None, str | None]:
    """Return the room and the id that a faulty line names, as far as they are fit to be repeated."""
    try:
        value: Any = from_json(line)
    except ValueError:
        return None, None
    if not isinstance(value, dict):
        return None, None
    return _valid(_room_name, value.get("room")), _valid(_post_id, value.get("id", value.get("token")))


def _valid(kind: TypeAdapter[str], value: Any) -> str | None:
    try:
        return kind.validate_python(value, strict=True)
    except ValidationError:
        return None


class NdjsonCodec(NdjsonDecoder[ClientFrame]):
    """A server's half of one connection."""

    __slots__ = ()

    open = True  # there is no handshake but the protocol's own

    def encode(self, frame: ServerFrame) -> bytes:
        """Return a frame as one line."""
        return encode(frame)

    def encode_acks(self, room: str, durability: DurabilityWord, stored: Sequence[tuple[str, int]]) -> bytes:
        """Return a line for each."""
        return encode_acks(room, durability, stored)

    def encode_page(self, page: Page | Found, messages: list[bytes]) -> bytes:
        """Return the line of the page, with the messages in it."""
        return page_line(page, messages)

    def ending(self) -> bytes:
        """Return nothing: the end of the stream is the end."""
        return b""


class Ndjson:
    """The typed wire, seen from a server."""

    name: ClassVar[str] = "ndjson"
    capabilities: ClassVar[Capabilities] = Capabilities(
        echo=True, keepalive=True, resends=True, reserves_nick=True, implied_hello=False
    )

    def codec(self, peer: Peer, limits: Limits) -> Codec:
        """Return the half of a new connection."""
        return NdjsonCodec(client_frames, limits.line_bytes, SILENCE)

    def encode(self, frame: ServerFrame) -> bytes:
        """Return a frame as one line."""
        return encode(frame)

    def encode_stored(self, stored: Stored) -> bytes:
        """Return the line that is stored: it is this wire's."""
        return stored.line

    def join(self, messages: Sequence[bytes]) -> bytes:
        """Return the lines, one after the other."""
        return b"".join(messages)

    def trusts(self, peer: Peer) -> bool:
        """Tell that nobody speaks for others."""
        return False


ndjson = Ndjson()
_: type[Wire] = Ndjson
