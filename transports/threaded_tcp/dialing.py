"""Connecting to a server: a socket, then TLS where the address asks for it. All of it together has one end.

`socket.create_connection` would give the whole time to each address of a name. Here each gets its share of
what is left, so one that is silent leaves some to the others.
"""

import contextlib
import socket
import time
from typing import TYPE_CHECKING, Any

from transports.destination import Destination
from transports.nodes import Nodes
from transports.sockets import CONNECT_SECONDS, tune
from transports.threaded_tcp.stream import Stream

if TYPE_CHECKING:
    from transports.handshake import Handshake

__all__ = ["dial"]

RECEIVE = 16 * 1024
"""Bytes of a handshake to take in one call."""


def dial(nodes: Nodes, until: float | None = None, *, shows_key: bool) -> tuple[Stream, bytes]:
    """Return a stream to the current node, and what that has said on it already.

    Raises `OSError` if the server is not reached, that of its last address, or is not trusted, and
    `UsageError` if it would get a key that it must not get. With ``until``, a time of `time.monotonic`, it
    raises `TimeoutError` then; in any case after `CONNECT_SECONDS`. A search for a name cannot be
    interrupted, but its time counts.
    """
    end = time.monotonic() + CONNECT_SECONDS
    end = end if until is None else min(until, end)
    destination = nodes.current
    with destination.dialling():
        sock = _reach(nodes, end)
        try:
            return _enter(destination, sock, end, shows_key=shows_key)
        except BaseException:
            sock.close()
            raise


def _enter(
    destination: Destination, sock: socket.socket, end: float, *, shows_key: bool
) -> tuple[Stream, bytes]:
    tune(sock)
    if shows_key:
        destination.check_may_show_key(sock.getpeername()[0])
    handshake = destination.handshake()
    if handshake is None:
        return Stream(sock), b""
    _shake_hands(sock, handshake, end)
    return Stream(sock, handshake.tls), handshake.early


def _reach(nodes: Nodes, end: float) -> socket.socket:
    """Return a socket that is connected to one of the machines of a name."""
    _seconds_until(end)
    host, port = nodes.current.address
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    by_place = {(str(each[4][0]), int(each[4][1])): each for each in found}
    places = nodes.route.untried(list(by_place))
    error = OSError(f"{host} has no address")
    try:
        for left, place in zip(range(len(places), 0, -1), places, strict=True):
            family, kind, protocol, _, address = by_place[place]
            try:
                share = time.monotonic() + _seconds_until(end) / left
                sock = _connect(socket.socket(family, kind, protocol), address, share)
            except OSError as failure:
                error = failure
            else:
                nodes.reach(place)
                return sock
        raise error
    finally:
        del error  # it holds this frame, which would hold it


def _connect(sock: socket.socket, place: Any, end: float) -> socket.socket:
    try:
        sock.settimeout(_seconds_until(end))
        sock.connect(place)
    except BaseException:
        sock.close()
        raise
    return sock


def _shake_hands(sock: socket.socket, handshake: "Handshake", end: float) -> None:
    """Return when the server is trusted; raises `OSError`."""
    while not handshake.done:
        sock.settimeout(_seconds_until(end))
        data = handshake.data_to_send()
        if (failure := handshake.failure) is not None:
            with contextlib.suppress(OSError):  # it has an alert for the server, which may have gone
                sock.sendall(data)
            raise failure
        sock.sendall(data)
        handshake.receive(sock.recv(RECEIVE))


def _seconds_until(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:  # which would mean not to block
        raise TimeoutError("timed out")
    return left
