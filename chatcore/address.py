"""Addresses: how they are written, and what stands for them.

This module loads neither the server nor the models of the frames: a command line asks it for a default
before it knows what it will need.
"""

from typing import NamedTuple
from urllib.parse import urlsplit

from chatcore.errors import UsageError

__all__ = ["DEFAULT_PORT", "DEFAULT_URL", "Peer", "parse_url"]

DEFAULT_PORT = 7024
DEFAULT_URL = f"chat://127.0.0.1:{DEFAULT_PORT}"
"""Where servers listen, and clients connect, unless told otherwise."""


class Peer(NamedTuple):
    """The far end of a connection, as its socket names it: an IP address and a port."""

    host: str
    port: int


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
