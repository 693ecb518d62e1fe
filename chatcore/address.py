"""Addresses: how they are written, and what stands for them.

This module loads neither the server nor the models of the frames: a command line asks it for a default
before it knows what it will need.

What `parse_url` returns can be given to a socket. A host that exists nowhere is for the resolver to find out,
but one that is no host at all must not reach it: it raises errors that are not about networks.
"""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NamedTuple, TypeVar

from chatcore.errors import UsageError

__all__ = [
    "DEFAULT_PORT",
    "DEFAULT_URL",
    "ENCRYPTED_SCHEMES",
    "WEB_PORT",
    "WEB_SCHEMES",
    "AddressList",
    "Peer",
    "address_of",
    "is_loopback",
    "parse_list",
    "parse_url",
]

DEFAULT_PORT = 7024
DEFAULT_URL = f"chat://127.0.0.1:{DEFAULT_PORT}"
"""Where servers listen, and clients connect, unless told otherwise."""

ENCRYPTED_SCHEMES = ("chats", "plains", "https")
"""Those of ``chat://``, ``plain://`` and ``http://`` over TLS, on ports of their own."""

WEB_SCHEMES = ("http", "https")
WEB_PORT = 8024
"""Where browsers connect, unless told otherwise."""

MOST_ADDRESSES = 32
"""Addresses in one list. A cluster has three or five nodes."""


A = TypeVar("A", IPv4Address, IPv6Address)


class Peer(NamedTuple):
    """The far end of a connection, as its socket names it: an IP address and a port."""

    host: str
    port: int


class AddressList(NamedTuple):
    """The addresses of one server, which may have several nodes: a scheme, and a host and a port of each.

    They are in the order in which they are tried, and each is there once. `str` gives the list back, in full.
    Store what belongs to the server under ``name``, which is the same in whatever order the list is written.
    """

    scheme: str
    places: tuple[tuple[str, int], ...]

    @classmethod
    def parse(cls, url: str, *schemes: str) -> "AddressList":
        """Read ``SCHEME://HOST[:PORT],HOST[:PORT]...``, by default those of clients; raises `UsageError`."""
        return parse_list(url, schemes or ("chat", "chats"))

    @property
    def urls(self) -> tuple[str, ...]:
        """The addresses, one by one and in full."""
        return tuple(f"{self.scheme}://{_written(host, port)}" for host, port in self.places)

    @property
    def name(self) -> str:
        """The list in one order, whichever it is written in: under this name things are stored for it."""
        return str(AddressList(self.scheme, tuple(sorted(self.places))))

    def __str__(self) -> str:
        return f"{self.scheme}://{','.join(_written(host, port) for host, port in self.places)}"


def _written(host: str, port: int) -> str:
    return f"{f'[{host}]' if ':' in host else host}:{port}"


_REST = re.compile(r"(\[[^][/]*\]|[^][:/]*)(?::([^][:/]*))?/?")  # a host, and perhaps a port
_MORE = re.compile(r"[?#@]|/.", re.DOTALL)
_LABEL = re.compile(r"[a-z0-9_-]{1,63}")
_ZONE = re.compile(r"[!-~]+")
_NAME_CHARS = 253
_NOT_A_NAME = "its host is not a name"


def parse_url(url: str, schemes: tuple[str, ...]) -> tuple[str, str, int]:
    """Split ``SCHEME://HOST[:PORT]`` into its parts; raises `UsageError` that says what to write.

    The error does not repeat what follows a ``#``: in a link that is a secret.
    """
    given, url = url, url.partition("#")[0]
    forms = " or ".join(f"{scheme}://HOST:PORT" for scheme in schemes)
    scheme, separator, rest = url.partition("://")
    if not separator and url:
        port = "" if ":" in url else f":{DEFAULT_PORT}"
        raise UsageError(f"{url!r} is not an address; write {schemes[0]}://{url}{port}")
    if scheme not in schemes:
        what = "for browsers" if scheme in WEB_SCHEMES else "not an address here"
        raise UsageError(f"{url!r} is {what}; write {forms}")
    if given != url:
        raise UsageError(f"'{url}#...' is not an address; leave out the # and what follows it")
    if _MORE.search(rest):
        raise UsageError(f"{url!r} has more than a host and a port; write {forms}")
    try:
        host, port = _split(rest)
        if host:
            return scheme, _host(host), _port(port, WEB_PORT if scheme in WEB_SCHEMES else DEFAULT_PORT)
    except ValueError as error:
        raise UsageError(f"{url!r} is not an address ({error}); write {forms}") from None
    raise UsageError(f"{url!r} has no host; write {forms}")


def parse_list(url: str, schemes: tuple[str, ...]) -> AddressList:
    """Split ``SCHEME://HOST[:PORT],HOST[:PORT]...`` into its parts, as `parse_url` does one address.

    The scheme is that of all of them. Raises `UsageError`.
    """
    scheme, separator, rest = url.partition("://")
    if "," not in rest or "#" in rest or scheme not in schemes:  # one, or what no address is
        scheme, host, port = parse_url(url, schemes)
        return AddressList(scheme, ((host, port),))
    places: dict[tuple[str, int], None] = {}
    for each in rest.removesuffix("/").split(","):
        if "://" in each:
            raise UsageError(
                f"{url!r} has more than one scheme; write {scheme}:// once, then HOST:PORT,HOST:PORT"
            )
        if not each:
            raise UsageError(f"{url!r} has a comma too many; write {scheme}://HOST:PORT,HOST:PORT")
        _, host, port = parse_url(f"{scheme}{separator}{each}", schemes)
        places[host, port] = None
    if len(places) > MOST_ADDRESSES:
        raise UsageError(f"an address may name {MOST_ADDRESSES} servers, not {len(places)}")
    return AddressList(scheme, tuple(places))


def _split(rest: str) -> tuple[str, str]:
    """Return the host and the port; raises `ValueError`, as all below."""
    parts = _REST.fullmatch(rest)
    if parts is None:
        raise ValueError("Invalid IPv6 URL" if set("[]") & set(rest) else "a host with colons needs [ and ]")
    return parts[1], parts[2] or ""


def _port(text: str, default: int) -> int:
    if not text:
        return default
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is not a port")
    if len(text) > 5 or int(text) > 65535:
        raise ValueError("Port out of range 0-65535")
    return int(text)


def _host(text: str) -> str:
    if text.startswith("["):
        return _ipv6(text[1:-1])
    name = text.lower()
    labels = _ascii(name).removesuffix(".").split(".")
    if labels[-1].isdigit():
        _check(IPv4Address, name)
    elif len(".".join(labels)) > _NAME_CHARS or not all(map(_LABEL.fullmatch, labels)):
        raise ValueError(_NOT_A_NAME)
    return name


def _ipv6(text: str) -> str:
    address, percent, zone = text.partition("%")
    local = _check(IPv6Address, address).is_link_local
    if percent and not (local and _ZONE.fullmatch(zone)):
        raise ValueError("only a link-local address has a zone")
    return address.lower() + percent + zone


def _check(kind: type[A], text: str) -> A:
    try:
        return kind(text)
    except ValueError:
        raise ValueError(f"{text!r} is not an {kind.__name__.removesuffix('Address')} address") from None


def _ascii(name: str) -> str:
    """Return a name as resolvers know it."""
    try:
        return name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError:
        raise ValueError(_NOT_A_NAME) from None


def is_loopback(host: str) -> bool:
    """Tell whether an IP address, as a socket names it, is one of this machine alone."""
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def address_of(peer: Peer) -> str:
    """Return what counts as one address: of IPv6 the /64 that any one site has for itself."""
    return _address_of(peer.host)


@lru_cache(maxsize=1_024)  # asked several times for each connection, also for those that are turned away
def _address_of(host: str) -> str:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))
