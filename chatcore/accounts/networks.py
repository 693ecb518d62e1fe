"""Addresses and networks that are banned, and which of them a peer is in.

An IPv4 address that is written as IPv6 (``::ffff:192.0.2.1``) is that IPv4 address. One IPv6 address stands
for its /64: whoever has one has all of them.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from chatcore.accounts.records import BanEntry
from chatcore.errors import UsageError

__all__ = ["Networks", "network_of"]

_SITE_BITS = 64
_MAPPED_BITS = 96


def network_of(text: str) -> str:
    """Return an address or a network in its one spelling; raises `UsageError` for anything else."""
    address, slash, bits = text.partition("/")
    try:
        parsed = ip_address(address.partition("%")[0])
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
            bits = str(max(int(bits) - _MAPPED_BITS, 0)) if slash else ""
            parsed = parsed.ipv4_mapped
        if not slash:
            bits = str(parsed.max_prefixlen if isinstance(parsed, IPv4Address) else _SITE_BITS)
        return str(ip_network(f"{parsed}/{bits}", strict=False))
    except ValueError:
        raise UsageError(
            f"{text!r} is not an address or a network; write 192.0.2.1 or 192.0.2.0/24"
        ) from None


class Networks:
    """The banned networks, found by an address in as many steps as there are lengths of prefixes."""

    def __init__(self, bans: Iterable[BanEntry] = ()) -> None:
        self._all = tuple(bans)
        self._bans: dict[tuple[int, int], dict[int, BanEntry]] = {}
        for ban in self._all:
            network = ip_network(ban.target)
            of_length = self._bans.setdefault((network.version, network.prefixlen), {})
            of_length[_prefix(network)] = ban

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Networks) and self._all == other._all

    def find(self, host: str, now: float) -> BanEntry | None:
        """Return the ban of a peer's address, if there is one that has not ended."""
        if not self._bans or (address := _address(host)) is None:
            return None
        for (version, length), bans in self._bans.items():
            if version == address.version:
                ban = bans.get(int(address) >> address.max_prefixlen - length)
                if ban is not None and not ban.ended(now):
                    return ban
        return None


def _prefix(network: IPv4Network | IPv6Network) -> int:
    return int(network.network_address) >> network.max_prefixlen - network.prefixlen


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
