"""What to open in a browser: the address of a listener, as somebody at this desk or the next can use it.

A listener at all addresses of the machine is opened by one of them: the one from which the machine itself
would reach the world. Nothing is sent to find that out.
"""

import contextlib
import socket
from collections.abc import Iterable

from chatcore.transport import Listen

__all__ = ["invitation", "page_address"]

_EVERY = {"0.0.0.0": (socket.AF_INET, "192.0.2.1"), "::": (socket.AF_INET6, "2001:db8::1")}
"""Hosts that are all addresses, each with somebody far away who does not exist."""


def invitation(listen: Listen, public: Iterable[str] | None) -> str:
    """Return what to do with a listener for browsers.

    ``public`` are the URLs that links begin with, where people need an account, and ``None`` elsewhere.
    """
    url = page_address(listen)
    if public is None:
        return f"open {'it' if url in (str(listen), None) else url} in a browser"
    if any(each.startswith("http") for each in public):
        return "open a link of `chat invite` in a browser"
    return f"to have links that open it, add --public-url {url or 'URL'}"


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
