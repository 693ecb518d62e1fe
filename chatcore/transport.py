"""The seam to transports: what moves bytes between sockets and sessions.

A transport is found by its name among the entry points of the group ``chat.transports``, each of
which names an object that is a `Transport`. It imports nothing of this package but this module, and
serves any number of listeners on a `Hub` that others may be serving too. For every connection it
opens a `Session` on its `Endpoint`; those two docstrings say what it owes them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Final, Protocol, Self
from urllib.parse import urlsplit

from chatcore.errors import UsageError
from chatcore.server.endpoint import Endpoint
from chatcore.server.hub import Hub
from chatcore.server.session import Session
from chatcore.wire import Peer, Wire
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain

__all__ = [
    "DEFAULT_PORT",
    "DEFAULT_URL",
    "GROUP",
    "Endpoint",
    "Hub",
    "Listen",
    "Peer",
    "Server",
    "Session",
    "Transport",
    "Wire",
    "find_transports",
    "load_transport",
    "parse_url",
]

GROUP = "chat.transports"
DEFAULT_PORT = 7024
DEFAULT_URL = f"chat://127.0.0.1:{DEFAULT_PORT}"

_WIRES: Final[dict[str, Wire]] = {"chat": ndjson, "plain": plain}


@dataclass(frozen=True, slots=True)
class Listen:
    """Where to listen, and in which wire. Endpoint 0 lets the system choose one."""

    scheme: str
    host: str
    port: int

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read ``chat://HOST[:PORT]`` or ``plain://HOST[:PORT]``; raises `UsageError`."""
        return cls(*parse_url(url, tuple(_WIRES)))

    @property
    def wire(self) -> Wire:
        """The wire that the scheme stands for."""
        return _WIRES[self.scheme]

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"


class Server(Protocol):
    """A transport that is serving."""

    @property
    def listening(self) -> Sequence[Listen]:
        """Where it listens, with the ports that it really got."""

    def close(self) -> None:
        """Take no more connections, drain those there are, stop. Blocks at most about
        ``closing_seconds``. Idempotent."""


class Transport(Protocol):
    """A way to serve a hub."""

    @property
    def name(self) -> str:
        """The name of its entry point."""

    @property
    def summary(self) -> str:
        """What it is, in one line."""

    def start(self, hub: Hub, listens: Sequence[Listen]) -> Server:
        """Listen and return; raises `OSError` where that fails, and then nothing is left behind."""


def parse_url(url: str, schemes: tuple[str, ...]) -> tuple[str, str, int]:
    """Split an address into scheme, host and port; raises `UsageError` that says what is wrong."""
    example = f"an address looks like {schemes[0]}://127.0.0.1:{DEFAULT_PORT}"
    parts = urlsplit(url)
    if parts.scheme not in schemes or not url.startswith(f"{parts.scheme}://"):
        raise UsageError(f"{url!r} begins with none of {', '.join(f'{s}://' for s in schemes)}; {example}")
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{url!r} has more than a host and a port; {example}")
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(f"{url!r} has no port between 0 and 65535; {example}") from None
    if not host:
        raise UsageError(f"{url!r} names no host; {example}")
    return parts.scheme, host, DEFAULT_PORT if port is None else port


def find_transports() -> dict[str, EntryPoint]:
    """Return what is installed, by name; nothing is imported yet, so nothing can fail yet."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load_transport(point: EntryPoint) -> Transport:
    """Import a transport; raises whatever its module raises."""
    transport: Transport = point.load()
    return transport
