"""Connecting to a server: all addresses of its name together have one end.

`socket.create_connection` would give the whole time to each address.
"""

import socket
import time
from typing import Any

from transports.sockets import CONNECT_SECONDS

__all__ = ["dial"]


def dial(address: tuple[str, int], until: float | None = None) -> socket.socket:
    """Return a socket that is connected to a host and port; raises `OSError`, that of the last address.

    With ``until``, a time of `time.monotonic`, it raises `TimeoutError` then; in any case after
    `CONNECT_SECONDS`. A search for a name cannot be interrupted, but its time counts.
    """
    end = time.monotonic() + CONNECT_SECONDS
    end = end if until is None else min(until, end)
    _seconds_until(end)
    found = socket.getaddrinfo(*address, type=socket.SOCK_STREAM)
    error = OSError(f"{address[0]} has no address")
    try:
        for family, kind, protocol, _, place in found:
            try:
                return _connect(socket.socket(family, kind, protocol), place, end)
            except OSError as failure:
                error = failure
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


def _seconds_until(end: float) -> float:
    left = end - time.monotonic()
    if left <= 0:  # which would mean not to block
        raise TimeoutError("timed out")
    return left
