"""Identities whose nicks are reserved while they have no session: so many for each address, and in all.

Where there are more, the oldest reservation goes. So nobody can take the nicks of others away by making and
breaking connections, and what is held for those who are gone is bounded.

All methods run under the hub's lock.
"""

from typing import TYPE_CHECKING

from chatcore.limits import Limits

if TYPE_CHECKING:
    from chatcore.server.directory import Identity

__all__ = ["Reservations"]


class Reservations:
    """The reserved identities of one directory, with the address at which each was last in use."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._addresses: dict[Identity, str] = {}  # oldest first
        self._by_address: dict[str, dict[Identity, None]] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._addresses)

    def add(self, identity: "Identity", address: str) -> "list[Identity]":
        """Reserve an identity; return those that are one too many, oldest first."""
        self.discard(identity)
        self._addresses[identity] = address
        self._by_address.setdefault(address, {})[identity] = None
        in_all, of_one = self._limits.reserved_nicks, self._limits.reserved_nicks_per_address
        too_many = []
        if of_one is not None and len(self._by_address[address]) > of_one:
            too_many.append(next(iter(self._by_address[address])))
        elif in_all is not None and len(self._addresses) > in_all:
            too_many.append(next(iter(self._addresses)))
        return too_many

    def discard(self, identity: "Identity") -> None:
        """Note that an identity is reserved no longer, if it was."""
        address = self._addresses.pop(identity, None)
        if address is not None:
            here = self._by_address[address]
            del here[identity]
            if not here:
                del self._by_address[address]
