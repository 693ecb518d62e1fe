"""Addresses and networks that are banned, and which of them a peer is in.

An IPv4 address that is written as IPv6 (``::ffff:192.0.2.1``) is that IPv4 address. One IPv6 address stands
for its /64: whoever has one has all of them.
"""

import re
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from chatcore.accounts.records import BanEntry
from chatcore.errors import UsageError

__all__ = ["Networks", "is_network", "network_of"]

_SITE_BITS = 64
_MAPPED_BITS = 96

_BYTE = re.compile(r"0|[1-9][0-9]{0,1}|1[0-9]{2}|2[0-4][0-9]|25[0-5]")
_GROUP = re.compile(r"0|[1-9a-f][0-9a-f]{0,3}")
_BITS = re.compile(r"0|[1-9][0-9]{0,2}")


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


def is_network(text: str) -> bool:
    """Tell whether a text is what `network_of` returns, in whatever version of Python that was asked."""
    address, slash, bits = text.partition("/")
    if not slash or _BITS.fullmatch(bits) is None:
        return False
    return _is_network_4(address, int(bits)) if "." in address else _is_network_6(address, int(bits))


def _is_network_4(address: str, bits: int) -> bool:
    parts = address.split(".")
    if len(parts) != 4 or not all(map(_BYTE.fullmatch, parts)) or bits > 32:
        return False
    return _has_no_host(int.from_bytes(bytes(map(int, parts))), 32 - bits)


def _is_network_6(address: str, bits: int) -> bool:
    head, gap, tail = address.partition("::")
    before, after = (part.split(":") if part else [] for part in (head, tail))
    zeros = 8 - len(before) - len(after)
    if bits > 128 or (zeros < 2 if gap else zeros != 0):
        return False
    if not all(map(_GROUP.fullmatch, before + after)):
        return False
    groups = [int(group, 16) for group in (*before, *["0"] * zeros, *after)]
    is_mapped = groups[:6] == [0, 0, 0, 0, 0, 0xFFFF]  # which is written as IPv4
    number = int.from_bytes(b"".join(group.to_bytes(2) for group in groups))
    return not is_mapped and _spelled(groups) == address and _has_no_host(number, 128 - bits)


def _spelled(groups: list[int]) -> str:
    """Return an IPv6 address without the first of its longest runs of zeros, if that is longer than one."""
    best, start = 1, -1
    for first in range(8):
        run = next((n for n, group in enumerate(groups[first:]) if group), 8 - first)
        if run > best:
            best, start = run, first
    texts = [f"{group:x}" for group in groups]
    if start < 0:
        return ":".join(texts)
    return f"{':'.join(texts[:start])}::{':'.join(texts[start + best :])}"


def _has_no_host(number: int, bits: int) -> bool:
    return number & ((1 << bits) - 1) == 0


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
