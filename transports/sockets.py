"""What every TCP transport asks of its sockets, and the bounds that all of them share.

The options are chosen so that the core sees the truth: small buffers, so that a slow reader is told from
one that has stopped; no delay of small pieces; and a system that finds dead peers by itself.
"""

import contextlib
import errno
import socket
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from chatcore.address import DEFAULT_URL
from chatcore.errors import UsageError
from chatcore.transport import Listen
from transports.listening import Encrypting, listen_at
from transports.log_events import listener_incomplete

__all__ = [
    "BACKLOG",
    "CONNECT_SECONDS",
    "FLUSH_SECONDS",
    "FORKED",
    "GOODBYE_SECONDS",
    "LONGEST_WAIT",
    "bind",
    "listening_on",
    "listens_at",
    "tune",
]

_Address = tuple[
    socket.AddressFamily, socket.SocketKind, int, str, tuple[str, int] | tuple[str, int, int, int]
]

BACKLOG = 4096
"""Connections that may wait to be accepted; systems cut it to their own maximum."""

CONNECT_SECONDS = 10.0
"""How long a client tries to reach a server."""

LONGEST_WAIT = 24 * 3600.0
"""The longest wait for sockets in one call: a selector takes 24.8 days. Who waits for longer waits again."""

GOODBYE_SECONDS = 1.0
"""How long a client that has ended its stream waits for the server to end its own. Closing immediately,
with something unread, would look to the server like a connection that broke."""

FLUSH_SECONDS = 5.0
"""How long a client that is closed waits for the answers to its posts: ten round trips around the world."""

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

# Errors that are not about the address on which to listen.
_NO_ROOM = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)

_ATTEMPTS = 8  # more, to find a port that is free at every address of a host


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


def listens_at(
    addresses: Sequence[str | Listen], cert: str | Path | Encrypting | None, cert_key: str | Path | None
) -> list[Listen]:
    """Return where a server is to listen, as ``serve`` of every transport takes it.

    Raises `UsageError` for an invalid address, and `OSError` for a certificate that cannot be loaded.
    """
    if isinstance(cert, str | Path):
        from transports.certificates import Certificate  # with OpenSSL, which most programs do not need

        cert = Certificate.load(cert, cert_key)
    return [listen_at(each, cert) if isinstance(each, str) else each for each in addresses or [DEFAULT_URL]]


def bind(listen: Listen) -> list[socket.socket]:
    """Return a listening socket for each address of a host, all on one port. The caller closes them.

    Those that somebody else has bound are among them: see `Listen`. Port 0 becomes a free one for the first
    address, and the same for the others. An address that cannot be listened on is left out and logged, as
    long as the host has another. Raises `OSError` if it has none, and `UsageError` for a descriptor that is
    of no TCP socket; then it leaves nothing open.
    """
    with contextlib.ExitStack() as undo:
        taken = [undo.enter_context(_take(each)) for each in listen.descriptors]
        bound = _bind(listen) if listen.addresses or not taken else []
        undo.pop_all()
    return taken + bound


def _take(descriptor: int) -> socket.socket:
    """Return the socket of a descriptor, which listens."""
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(fileno=descriptor))
        if sock.family not in (socket.AF_INET, socket.AF_INET6) or sock.type != socket.SOCK_STREAM:
            raise UsageError(f"the descriptor {descriptor} is of no TCP socket")
        if not sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            sock.listen(BACKLOG)
        sock.setblocking(False)
        undo.pop_all()
        return sock


def _bind(listen: Listen) -> list[socket.socket]:
    addresses = [
        found for host in listen.addresses or (listen.host,) for found in _addresses(host, listen.port)
    ]
    sockets, errors = _listen_at(addresses, listen.port)
    for _ in range(_ATTEMPTS):
        if listen.port or all(error.errno != errno.EADDRINUSE for error in errors.values()):
            break
        for sock in sockets:  # the port that was free at the first address is not at another
            sock.close()
        sockets, errors = _listen_at(addresses, listen.port)
    if not sockets:
        raise next(iter(errors.values()))
    for host, error in errors.items():
        listener_incomplete.log(address=host, url=str(listen), error=error.strerror or str(error))
    return sockets


def _listen_at(addresses: Sequence[_Address], port: int) -> tuple[list[socket.socket], dict[str, OSError]]:
    """Listen at each address; return the sockets, and the errors by address."""
    sockets: list[socket.socket] = []
    errors: dict[str, OSError] = {}
    with contextlib.ExitStack() as undo:
        for address in addresses:
            try:
                sock = _listen(address, port)
            except OSError as error:
                if error.errno in _NO_ROOM:
                    raise
                errors[address[4][0]] = error
            else:
                sockets.append(undo.enter_context(sock))
                port = sock.getsockname()[1]
        undo.pop_all()
    return sockets, errors


def _listen(address: _Address, port: int) -> socket.socket:
    family, kind, proto, _, (host, _, *more) = address
    with contextlib.ExitStack() as undo:
        sock = undo.enter_context(socket.socket(family, kind, proto))
        if hasattr(socket, "SO_REUSEADDR") and not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((host, port, *more))
        sock.listen(BACKLOG)
        sock.setblocking(False)
        undo.pop_all()
        return sock


def listening_on(listen: Listen, sockets: Sequence[socket.socket]) -> Listen:
    """Return the address with the port that was really got."""
    return replace(listen, port=sockets[0].getsockname()[1])


def _addresses(host: str, port: int) -> list[_Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    if not found:
        raise OSError(f"{host} has no address")
    return list(dict.fromkeys(found))  # type: ignore[arg-type]  # typeshed: an address may be of another family
