"""What to open in a browser: the address of a listener, as somebody at this desk or the next can use it.

A listener at all addresses of the machine is opened by one of them: the one from which the machine itself
would reach the world. Nothing is sent to find that out.
"""

import contextlib
import socket

from chatcore.transport import Listen

__all__ = ["page_address"]

_EVERY = {"0.0.0.0": (socket.AF_INET, "192.0.2.1"), "::": (socket.AF_INET6, "2001:db8::1")}
"""Hosts that are all addresses, each with somebody far away who does not exist."""


def page_address(listen: Listen) -> str | None:
    """Return an address that a browser can open; ``None`` if this machine does not know its own."""
    if listen.host not in _EVERY:
        return str(listen)
    with contextlib.suppress(OSError):
        host = _own_address(*_EVERY[listen.host])
        return f"{listen.scheme}://{f'[{host}]' if ':' in host else host}:{listen.port}"
    return None


def _own_address(family: socket.AddressFamily, far_away: str) -> str:
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        sock.connect((far_away, 9))  # of a datagram socket, that chooses an address and sends nothing
        return str(sock.getsockname()[0])
