"""Servers that browsers and clients of the typed wire can reach, and places where one follows another."""

import signal
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tests.cli.processes import ChatServer, chat_server
from tests.ports import fixed_port
from tests.rows import ALL

__all__ = ["OTHER", "TRANSPORTS", "UNLIMITED", "Place", "kill", "serve", "transports"]

TRANSPORTS = ("asyncio", "threaded")
OTHER = {"asyncio": "threaded", "threaded": "asyncio"}
UNLIMITED = [f"--limit={name}=1000000" for name in ("frames_per_second", "frames_burst")]
_LISTENS = ("http://127.0.0.1:0", "chat://127.0.0.1:0")


def transports(usual: str) -> Sequence[str]:
    """Return the transports under which a scene runs: one, unless all combinations are asked for."""
    return TRANSPORTS if ALL else (usual,)


def serve(transport: str, *args: str) -> AbstractContextManager[ChatServer]:
    """Start a server for browsers, at its first port, and for the typed wire at its second."""
    return chat_server("--transport", transport, *args, listens=_LISTENS)


class Place:
    """Where one server after the other listens, and keeps its messages."""

    def __init__(self, path: Path) -> None:
        self._listens = (f"http://127.0.0.1:{fixed_port()}", f"chat://127.0.0.1:{fixed_port()}")
        self.file = path / "messages.db"
        self._journal = f"sqlite:{self.file}"

    def take_over(self, other: "Place") -> None:
        """Listen from now on where another place did."""
        self._listens = other._listens

    @property
    def url(self) -> str:
        """The address of the page."""
        return self._listens[0]

    @property
    def port(self) -> int:
        """The port of the typed wire."""
        return int(self._listens[1].rpartition(":")[2])

    def serve(self, transport: str, *args: str) -> AbstractContextManager[ChatServer]:
        """Start the next server."""
        args = ("--transport", transport, *args)
        return chat_server(*args, listens=self._listens, CHAT_SERVER_JOURNAL=self._journal)


def kill(server: ChatServer) -> None:
    """End a server without a word, and wait until it is gone."""
    server.signal(signal.SIGKILL)
    server.process.wait()
