"""What a web listener serves, and to whom.

- A host that a browser names must be an address, ``localhost``, or a name that the operator has given.
  Otherwise somebody else's name could be made to point here (DNS rebinding), and pages of theirs could read
  what this server says.
- A socket is opened only by pages of this server: the host and port in ``Origin`` are those in ``Host``, or
  the operator has given that origin. The scheme is not compared, since a proxy may end TLS. No ``Origin``
  means no browser.
- A server may have several nodes, at addresses of their own. Pages of each may open sockets at all of them:
  its host and its origin are known here, and the policy of our page names it.
- Only proxies that the operator has given are asked for whom they speak.
- Addresses are parsed, and never compared by how they begin: ``127.0.0.1.example`` is a name.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Self

from chatcore.address import Peer
from chatcore.errors import UsageError

__all__ = ["Asset", "Site"]

_Network = IPv4Network | IPv6Network
_Address = IPv4Address | IPv6Address

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::[0-9]{1,5})?")
_ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?")

_NODE = re.compile(r"(https?)://([a-z0-9._-]+)(?::([0-9]{1,5}))?(?:/(?:[A-Za-z0-9._~-]+/)*)?")
_DEFAULT_PORTS = {"http": "80", "https": "443"}
"""Those that browsers leave out of an origin."""

_WITH_PORT = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+))(?::[0-9]{1,5})?")

_TYPES = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "ico": "image/x-icon",
    "js": "text/javascript; charset=utf-8",
    "json": "application/json",
    "png": "image/png",
    "svg": "image/svg+xml",
    "txt": "text/plain; charset=utf-8",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
}
_COMPRESSED = ("png", "woff2")
"""What gains nothing from being compressed once more."""


@dataclass(frozen=True, slots=True)
class Asset:
    """A file for browsers. ``etag`` names its content, and ``gzipped`` is the same, compressed."""

    kind: str
    content: bytes
    etag: str
    gzipped: bytes | None

    @classmethod
    def of(cls, name: str, content: bytes) -> Self:
        """Return a file, compressed if that makes it smaller. Its kind is that of its suffix."""
        import gzip
        import hashlib

        suffix = name.rpartition(".")[2]
        gzipped = None if suffix in _COMPRESSED else gzip.compress(content, 9, mtime=0)
        return cls(
            _TYPES.get(suffix, "application/octet-stream"),
            content,
            hashlib.sha256(content).hexdigest()[:16],
            gzipped if gzipped and len(gzipped) < len(content) else None,
        )


@dataclass(frozen=True, slots=True)
class Site:
    """The files of a web listener, by name, and its rules. `of` checks what an operator has given.

    Those in ``live`` are made each time somebody asks for them, by a function that MUST NOT block or raise,
    and that several threads may call.
    """

    assets: Mapping[str, Asset] = field(default_factory=dict)
    live: Mapping[str, Callable[[], bytes]] = field(default_factory=dict)
    hosts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    proxies: tuple[_Network, ...] = ()
    nodes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        files: Mapping[str, bytes] | None = None,
        *,
        live: Mapping[str, Callable[[], bytes]] | None = None,
        hosts: Iterable[str] = (),
        origins: Iterable[str] = (),
        proxies: Iterable[str] = (),
        nodes: Iterable[str] = (),
    ) -> Self:
        """Return a site. ``hosts`` are names without ports, and ``proxies`` addresses or networks.

        ``nodes`` are where the page is served by the nodes of this server, as `Site.nodes` has their origins.
        Raises `UsageError` for what is none of that.
        """
        places = [_checked_node(node) for node in nodes]
        return cls(
            {name: Asset.of(name, content) for name, content in (files or {}).items()},
            live or {},
            frozenset([*map(_checked_host, hosts), *(host for _, host in places)]),
            frozenset([*map(_checked_origin, origins), *(origin for origin, _ in places)]),
            tuple(map(_checked_network, proxies)),
            tuple(dict.fromkeys(origin for origin, _ in places)),
        )

    def asset(self, name: str) -> Asset | None:
        """Return a file as it is now, or ``None`` if there is none of that name."""
        if (make := self.live.get(name)) is not None:
            return Asset.of(name, make())
        return self.assets.get(name)

    def knows_host(self, host: str) -> bool:
        """Tell whether a value of ``Host`` names this server."""
        match = _HOST.fullmatch(host)
        if match is None:
            return False
        name = match[1].lower().removesuffix(".")
        if _address(name.strip("[]")) is not None:
            return True
        return name == "localhost" or name.endswith(".localhost") or name in self.hosts

    def knows_origin(self, origin: str, host: str) -> bool:
        """Tell whether pages of an origin may open a socket, in a request with this ``Host``."""
        origin = origin.lower()
        if _ORIGIN.fullmatch(origin) is None:
            return False
        return origin.partition("://")[2] == host.lower() or origin in self.origins

    def trusts(self, host: str) -> bool:
        """Tell whether an address is that of a proxy that may say for whom it speaks."""
        address = _address(host) if self.proxies else None
        return address is not None and any(address in network for network in self.proxies)

    def true_peer(self, peer: Peer, forwarded: Iterable[str]) -> Peer:
        """Return for whom a peer speaks, given the values of its ``X-Forwarded-For``; most for themselves.

        That is the last address there that is not a trusted proxy's as well: what stands before it, anybody
        may have written.
        """
        if not self.trusts(peer.host):
            return peer
        for entry in reversed([each.strip() for value in forwarded for each in value.split(",")]):
            address = _address(_without_port(entry))
            if address is None:
                break
            if not self.trusts(str(address)):
                return Peer(str(address), peer.port)
        return peer


def _address(text: str) -> _Address | None:
    """Return the address that a text is; if that is an IPv4-mapped one, the address of IPv4."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


def _without_port(entry: str) -> str:
    """Return the address of an entry of ``X-Forwarded-For``, to which some proxies add a port."""
    match = _WITH_PORT.fullmatch(entry)
    return entry if match is None else match[1] or match[2]


def _checked_host(host: str) -> str:
    try:
        name = host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        name = ""
    match = _HOST.fullmatch(name)
    if match is None or match[0] != match[1]:
        raise UsageError(f"{host!r} is not the name of a host; write it without a scheme and without a port")
    return name.lower().removesuffix(".")


def _checked_origin(origin: str) -> str:
    origin = origin.lower().removesuffix("/")
    if _ORIGIN.fullmatch(origin) is None:
        raise UsageError(f"{origin!r} is not an origin; write https://HOST, with :PORT if it has one")
    return origin


def _checked_node(url: str) -> tuple[str, str]:
    """Return the origin and the host of a node's page. Policies of browsers know no addresses of IPv6."""
    scheme, separator, rest = url.partition("://")
    place, slash, path = rest.partition("/")
    match = _NODE.fullmatch(f"{scheme}{separator}{place}".lower() + slash + path)
    if match is None:
        raise UsageError(
            f"{url!r} is not where a page can be served; write https://HOST, with :PORT if it has one, "
            "and with a path if it has one, which ends in /"
        )
    scheme, host, port = match[1], match[2], match[3]
    origin = f"{scheme}://{host}"
    return (origin if port in (None, _DEFAULT_PORTS[scheme]) else f"{origin}:{port}"), host.removesuffix(".")


def _checked_network(text: str) -> _Network:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        raise UsageError(
            f"{text!r} is not an address or a network, such as 192.0.2.1 or 10.0.0.0/8"
        ) from None
