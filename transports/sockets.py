"""What every TCP transport asks of its sockets, and the bounds that all of them share.

The options are chosen so that the core sees the truth: small buffers, so that a slow reader is told from
one that has stopped; no delay of small pieces; and a system that finds dead peers by itself.
"""

import contextlib
import socket
from collections.abc import Sequence
from dataclasses import replace

from chatcore.transport import Listen

__all__ = [
    "BACKLOG",
    "CONNECT_SECONDS",
    "EVENTS_AHEAD",
    "FORKED",
    "GOODBYE_SECONDS",
    "MAX_TIMEOUT",
    "bind",
    "listening_on",
    "tune",
]

BACKLOG = 4096
"""Connections that may wait to be accepted; systems cut it to their own maximum."""

CONNECT_SECONDS = 10.0
"""How long a client tries to reach a server."""

MAX_TIMEOUT = 24 * 3600.0 * 20
"""The longest timeout in seconds: what every clock and selector takes."""

GOODBYE_SECONDS = 1.0
"""How long a client that has ended its stream waits for the server to end its own. Closing immediately,
with something unread, would look to the server like a connection that broke."""

EVENTS_AHEAD = 1_000
"""Events that may wait for a client's user before its socket is left unread."""

FORKED = "this Chat belongs to the process that connected it; a forked process needs a connection of its own"
"""What a call in a forked process raises: the loop or the thread that it would wait for is not there."""

# Peers of the plain wire answer no pings, so the system has to find out whether they are there: after a
# minute of silence, three times in as many minutes. It does by itself too, but after two hours.
_KEEPALIVE: dict[int, int] = {
    getattr(socket, name): value
    for name, value in {"TCP_KEEPIDLE": 60, "TCP_KEEPINTVL": 60, "TCP_KEEPCNT": 3}.items()
    if hasattr(socket, name)
}

# Unsent bytes that the system takes. Without this bound a socket is reported writable only once a
# third of a buffer of megabytes has drained, and a slow reader looks like one that has stopped.
_UNSENT = 16 * 1024
_NOTSENT_LOWAT: int | None = getattr(socket, "TCP_NOTSENT_LOWAT", None)
_SEND_BUFFER = 128 * 1024  # where there is no such option


def tune(sock: socket.socket) -> None:
    """Set up the socket of a connection, on either side."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _KEEPALIVE.items():
        sock.setsockopt(socket.IPPROTO_TCP, option, value)
    if _NOTSENT_LOWAT is not None:
        sock.setsockopt(socket.IPPROTO_TCP, _NOTSENT_LOWAT, _UNSENT)
    else:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)


def bind(listen: Listen) -> list[socket.socket]:
    """Return a listening socket for every address of a host, all on one port. The caller closes them.

    Port 0 becomes a free one for the first address, and the same for the others. Raises `OSError` if the
    host has no address or one of them is not free, and then leaves nothing open.
    """
    with contextlib.ExitStack() as undo:
        sockets: list[socket.socket] = []
        port = listen.port
        for family, kind, proto, _, address in _addresses(listen.host, port):
            sock = undo.enter_context(socket.socket(family, kind, proto))
            if hasattr(socket, "SO_REUSEADDR") and not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((address[0], port, *address[2:]))
            sock.listen(BACKLOG)
            sock.setblocking(False)
            port = sock.getsockname()[1]
            sockets.append(sock)
        undo.pop_all()
        return sockets


def listening_on(listen: Listen, sockets: Sequence[socket.socket]) -> Listen:
    """Return the address with the port that was really got."""
    return replace(listen, port=sockets[0].getsockname()[1])


def _addresses(
    host: str, port: int
) -> list[
    tuple[socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]]
]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    if not found:
        raise OSError(f"{host} has no address")
    return list(dict.fromkeys(found))  # type: ignore[arg-type]  # typeshed: an address may be of another family
