"""A server that does what its script says: it may break the protocol, or be ahead of every real server."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Any

from tests.transports.peers import DEADLINE, Stream, line

__all__ = ["Guest", "HostileServer", "message"]


def _welcome(**fields: Any) -> bytes:
    """Return the answer to hello."""
    usual = {"protocol": 1, "server": "hostile", "session": "secret", "nick": "ann", "limits": {}}
    return line("welcome", **{**usual, **fields})


def _joined() -> bytes:
    """Return the answer to a join of the lobby."""
    return line("joined", room="lobby", epoch="e", head=0, after=0, count=1)


def message(seq: int, *, prev: int | None = None, text: str = "hi") -> bytes:
    """Return a message in the lobby."""
    return line(
        "message",
        room="lobby",
        seq=seq,
        prev=seq - 1 if prev is None else prev,
        id=f"h-{seq}",
        nick="mallory",
        text=text,
        at="2000-01-01T00:00:00Z",
    )


class Guest(Stream):
    """The client, seen from a server."""

    def serve_until_joined(self, **limits: Any) -> None:
        """Behave until the client is in the lobby."""
        self.welcome(limits=limits)
        self.asked("join")
        self.send(_joined())

    def welcome(self, **fields: Any) -> dict[str, Any]:
        """Let the client in, with these fields in the answer; return its hello."""
        hello = self.asked("hello")
        self.send(_welcome(**fields))
        return hello

    def asked(self, type: str) -> dict[str, Any]:
        """Return the client's next frame, which is of this type, as it stands on the line."""
        frame: dict[str, Any] = json.loads(self.receive_line())
        assert frame["type"] == type
        return frame

    def give(self, data: bytes) -> None:
        """Send what the client need not stay for."""
        with contextlib.suppress(ConnectionError):
            self.send(data)


def _accept(listener: socket.socket, context: ssl.SSLContext | None) -> socket.socket | None:
    """Return the next connection; ``None`` if the client does not shake hands."""
    sock, _ = listener.accept()
    if context is None:
        return sock
    sock.settimeout(DEADLINE)
    try:
        return context.wrap_socket(sock, server_side=True, suppress_ragged_eofs=False)
    except OSError:
        sock.close()
        return None


class HostileServer:
    """Takes one connection after another, in a thread, and does with each what its script says.

    With ``contexts``, one for each script, that is over TLS, but for those that are ``None``; a script whose
    client does not shake hands is left out. A context manager.
    """

    def __init__(
        self, *scripts: Callable[[Guest], None], contexts: Sequence[ssl.SSLContext | None] = ()
    ) -> None:
        self._scripts = scripts
        self._contexts = contexts
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="test-hostile", daemon=True)

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"{'chats' if self._contexts else 'chat'}://127.0.0.1:{self._listener.getsockname()[1]}"

    def __enter__(self) -> "HostileServer":
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._thread.join(DEADLINE)
        self._listener.close()
        assert not self._thread.is_alive()
        if self._error is not None and exc_info == (None, None, None):
            raise self._error

    def _run(self) -> None:
        try:
            for script, context in zip(self._scripts, self._contexts or repeat(None), strict=False):
                if (sock := _accept(self._listener, context)) is not None:
                    with Guest(sock) as guest:
                        script(guest)
        except BaseException as error:
            self._error = error
