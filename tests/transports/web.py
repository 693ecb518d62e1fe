"""Peers that open a WebSocket, by the package ``wsproto``, which the product does not use."""

import contextlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from chatcore.transport import Host, Listen, Server, Transport
from tests.transports.peers import Peer, TypedPeer
from tests.wire.websocket import CloseReason, FrameProtocol, Opcode, close, request, text

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
    port: int, path: str, *headers: str, method: str = "GET", name: str = "127.0.0.1"
) -> tuple[int, str, bytes]:
    """Ask for a file; return the status, the headers and the body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {name}:{port}", *headers, "", ""]
    with Peer(port) as peer:
        peer.send("\r\n".join(lines).encode())
        return _parsed(peer.receive_rest())


def _parsed(answer: bytes) -> tuple[int, str, bytes]:
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), head.decode(), body


class WebPeer(TypedPeer):
    """A `TypedPeer` on a WebSocket: each line goes in a text message, and comes in one.

    ``name`` is by whom it asks, and ``code`` that of the close frame that the server has sent.
    """

    def __init__(
        self,
        port: int,
        nick: str | None = None,
        *rooms: str,
        headers: tuple[str, ...] = (),
        name: str = "127.0.0.1",
        path: str = "/ws",
        **options: Any,
    ) -> None:
        self.code: int | None = None
        self.head = b""
        self._frames = FrameProtocol(client=True, extensions=[])
        self._request = request(*headers, host=f"{name}:{port}", path=path)
        super().__init__(port, nick, *rooms, **options)

    def _enter(self, nick: str | None, rooms: tuple[str, ...]) -> None:
        super(TypedPeer, self).send(self._request)
        while b"\r\n\r\n" not in self.head:
            data = super().receive_some()
            if not data:
                raise EOFError(self.head)
            self.head += data
        self.head, _, rest = self.head.partition(b"\r\n\r\n")
        self._frames.receive_bytes(rest)
        super()._enter(nick, rooms)

    def send(self, data: bytes) -> None:
        for each in data.splitlines():
            super().send(text(each))

    def finish(self) -> None:
        self.say_goodbye()
        super().finish()

    def close(self) -> None:
        """Say goodbye, unless that was said, and close the socket."""
        with contextlib.suppress(OSError):
            self.say_goodbye()
        super().close()

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        super().send(data)

    def receive_some(self) -> bytes:
        while not (lines := self._lines()):
            data = super().receive_some()
            if not data:
                return b""
            self._frames.receive_bytes(data)
        return lines

    def say_goodbye(self, code: int | None = 1000) -> None:
        """Send a close frame."""
        self.send_raw(close(code))

    def _lines(self) -> bytes:
        lines = ""
        for frame in self._frames.received_frames():
            match frame.opcode, frame.payload:
                case Opcode.TEXT, str(part):
                    lines += part
                case Opcode.CLOSE, (CloseReason() | int() as code, str()):
                    self.code = int(code)
                case _:
                    raise AssertionError(frame)
        return lines.encode()
