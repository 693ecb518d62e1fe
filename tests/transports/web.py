"""Peers that open a WebSocket, and read it by the package ``wsproto``, which the product does not use."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from chatcore.transport import Host, Listen, Server, Transport
from tests.transports.peers import Peer, TypedPeer
from tests.wire.websocket import CloseReason, FrameProtocol, Opcode, close, raw_frame, request

__all__ = ["OverWeb", "WebPeer", "ask_for"]


class OverWeb:
    """A transport that serves browsers where others serve clients of the typed wire."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.name = f"{transport.name}-web"
        self.summary = transport.summary
        self.applies_channels = True

    def start(self, hub: Host, listens: Sequence[Listen]) -> Server:
        return self._transport.start(hub, [_for_browsers(listen) for listen in listens])


def _for_browsers(listen: Listen) -> Listen:
    return replace(listen, scheme="http") if listen.scheme == "chat" else listen


def ask_for(
    port: int,
    path: str,
    *headers: str,
    method: str = "GET",
    name: str = "127.0.0.1",
    source: str | None = None,
) -> tuple[int, str, bytes]:
    """Ask for a file; return the status, the headers and the body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {name}:{port}", "Connection: close", *headers, "", ""]
    with Peer(port, source=source) as peer:
        peer.send("\r\n".join(lines).encode())
        return _parsed(peer.receive_rest())


def _parsed(answer: bytes) -> tuple[int, str, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), body


class WebPeer(TypedPeer):
    """A `TypedPeer` on a WebSocket: each line goes in a text message, and comes in one. Of a line that is
    sent in parts, each part is a frame.

    It waits until the socket is open; if it need not, it asks for one when it first sends or reads. ``name``
    is the host that it asks for, ``head`` the answer to that, and ``code`` that of the close frame that the
    server has sent.
    """

    def __init__(
        self,
        port: int,
        nick: str | None = None,
        *rooms: str,
        waits: bool = True,
        headers: tuple[str, ...] = (),
        name: str = "127.0.0.1",
        path: str = "/ws",
        **options: Any,
    ) -> None:
        self.code: int | None = None
        self.head = b""
        self._frames = FrameProtocol(client=True, extensions=[])
        self._amid_a_line = False
        self._request = request(*headers, host=f"{name}:{port}", path=path)  # until it is sent
        self._waits = waits
        super().__init__(port, nick, *rooms, **options)

    def _enter(self, nick: str | None, rooms: tuple[str, ...]) -> None:
        if self._waits and not self._is_open():
            raise EOFError(self.head)
        super()._enter(nick, rooms)

    def _is_open(self) -> bool:
        """Read the answer that opens the socket, unless that is done; return whether it came."""
        self.send_raw(b"")
        usual, self.appetite = self.appetite, 1  # what follows the head is still to come
        while not self.head.endswith(b"\r\n\r\n") and (data := super().receive_some()):
            self.head += data
        self.appetite = usual
        return self.head.startswith(b"HTTP/1.1 101 ")

    def send_raw(self, data: bytes) -> None:
        opening, self._request = self._request, b""
        if opening or data:
            super().send_raw(opening + data)

    def _send_until_stuck(self, pieces: Iterable[bytes]) -> int:
        self.send_raw(b"")
        return super()._send_until_stuck(pieces)

    def encoded(self, data: bytes) -> bytes:
        return b"".join(map(self._frame, data.splitlines(keepends=True)))

    def _frame(self, part: bytes) -> bytes:
        opcode = 0x0 if self._amid_a_line else 0x1
        self._amid_a_line = not part.endswith(b"\n")
        return raw_frame(opcode, part.removesuffix(b"\n"), fin=not self._amid_a_line)

    def finish(self) -> None:
        self.say_goodbye()
        super().finish()

    def close(self) -> None:
        """Say goodbye, unless that was said, and close the socket."""
        with contextlib.suppress(OSError):
            self.say_goodbye()
        super().close()

    def receive_some(self) -> bytes:
        if not self._is_open():
            return b""
        while not (lines := self._lines()):
            data = super().receive_some()
            if not data:
                return b""
            self._frames.receive_bytes(data)
        return lines

    def say_goodbye(self, code: int | None = 1000) -> None:
        """Send a close frame, if there is a socket."""
        if not self._request:
            self.send_raw(close(code))

    def _lines(self) -> bytes:
        lines = ""
        for frame in self._frames.received_frames():
            match frame.opcode, frame.payload:
                case Opcode.TEXT, str(part):
                    lines += part
                case Opcode.CLOSE, (CloseReason() | int() as code, str()):
                    self.code = int(code)
                case Opcode.PONG, _:
                    pass
                case _:
                    raise AssertionError(frame)
        return lines.encode()
