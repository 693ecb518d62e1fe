"""Addresses: how they are written, and what stands for them.

This module loads neither the server nor the models of the frames: a command line asks it for a default
before it knows what it will need.
"""

from ipaddress import IPv6Address, ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from chatcore.errors import UsageError

__all__ = ["DEFAULT_PORT", "DEFAULT_URL", "Peer", "address_of", "parse_url"]

DEFAULT_PORT = 7024
DEFAULT_URL = f"chat://127.0.0.1:{DEFAULT_PORT}"
"""Where servers listen, and clients connect, unless told otherwise."""


class Peer(NamedTuple):
    """The far end of a connection, as its socket names it: an IP address and a port."""

    host: str
    port: int


def parse_url(url: str, schemes: tuple[str, ...]) -> tuple[str, str, int]:
    """Split ``SCHEME://HOST[:PORT]`` into its parts; raises `UsageError` that says what to write."""
    forms = " or ".join(f"{scheme}://HOST:PORT" for scheme in schemes)
    scheme, separator, _ = url.partition("://")
    if not separator and url:
        port = "" if ":" in url else f":{DEFAULT_PORT}"
        raise UsageError(f"{url!r} is not an address; write {schemes[0]}://{url}{port}")
    if scheme not in schemes:
        raise UsageError(f"{url!r} is not an address here; write {forms}")
    try:
        parts = urlsplit(url)
        host, number = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not an address ({error}); write {forms}") from None
    if parts.path not in ("", "/") or parts.query or parts.fragment or parts.username:
        raise UsageError(f"{url!r} has more than a host and a port; write {forms}")
    if not host:
        raise UsageError(f"{url!r} has no host; write {forms}")
    return scheme, host, DEFAULT_PORT if number is None else number


def address_of(peer: Peer) -> str:
    """Return what counts as one address: of IPv6 the /64 that any one site has for itself."""
    try:
        address = ip_address(peer.host.partition("%")[0])
    except ValueError:
        return peer.host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))
