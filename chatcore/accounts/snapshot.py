"""What is known of all accounts at one moment: immutable, and replaced as a whole.

It is what a gate answers from under the hub's lock, so whatever is asked costs a few look-ups. Time is an
argument: a ban or a mute ends without anybody's help.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from chatcore.accounts.links import PublicUrl
from chatcore.accounts.naming import possible_owners
from chatcore.accounts.networks import Networks
from chatcore.accounts.records import BanEntry
from chatcore.accounts.refusals import UNAUTHORIZED, banned
from chatcore.accounts.statements import AccountsFile, KeyRow, PersonRow
from chatcore.accounts.touched import ALL, Table, Touched
from chatcore.gate import Peer, Person, Refusal
from chatcore.names import fold

__all__ = ["EMPTY", "Snapshot"]

_NOT_ADMITTED = Refusal("forbidden", "this room is private, and you are not admitted")
_GUESTS = Refusal("forbidden", "guests enter only rooms that they are admitted to")
_NOBODY: frozenset[str] = frozenset()

Scoped = Mapping[tuple[str, str | None], BanEntry]
"""Bans or mutes by account and room; without a room they are for everywhere."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The accounts, and what they may do. Names of accounts and rooms are folded."""

    people: Mapping[str, PersonRow] = field(default_factory=dict)
    keys: Mapping[bytes, KeyRow] = field(default_factory=dict)  # that were not revoked
    key_owners: Mapping[str, str] = field(default_factory=dict)  # by the ids of keys
    bans: Scoped = field(default_factory=dict)
    mutes: Scoped = field(default_factory=dict)
    networks: Networks = field(default_factory=Networks)
    keepers: Mapping[str, str | None] = field(default_factory=dict)  # by private room
    admitted: Mapping[str, frozenset[str]] = field(default_factory=dict)  # by room
    urls: tuple[PublicUrl, ...] = ()

    @classmethod
    def load(cls, file: AccountsFile) -> "Snapshot":
        """Read the file as it is at one moment."""
        return cls().renewed(file, Touched(ALL))

    def renewed(self, file: AccountsFile, touched: Touched) -> "Snapshot":
        """Return what is known after a change, of which nothing is read but what it has touched."""
        if not touched:
            return self
        with file.snapshot():
            parts = {} if "rooms" in touched.tables else self._renewed_rooms(file, touched.rooms)
            for table in touched.tables:
                parts |= _READ[table](file)
        return replace(self, **parts)

    def _renewed_rooms(self, file: AccountsFile, rooms: Iterable[str]) -> dict[str, Any]:
        keepers, admitted = dict(self.keepers), dict(self.admitted)
        for room in rooms:
            is_private, keeper = file.keeper(room)
            keepers[room], admitted[room] = keeper, file.admitted_to(room)
            if not is_private:
                del keepers[room]
            if not admitted[room]:
                del admitted[room]
        return {"keepers": keepers, "admitted": admitted}

    # --- who somebody is -------------------------------------------------------------------------

    def key(self, hash_: bytes) -> KeyRow | None:
        """Return a key that proves somebody. One that was revoked is not known, as any other text."""
        return self.keys.get(hash_)

    def person_of(self, key: KeyRow) -> Person:
        """Return whom a key proves."""
        person = self.people[key.folded]
        return Person(person.name, person.role, key.id)

    def why_out(self, person: Person, peer: Peer, now: float) -> Refusal | None:
        """Say why somebody may not be here."""
        if refusal := self.why_no_address(peer, now):
            return refusal
        if person.account is None or self.key_owners.get(person.key_id or "") != fold(person.account):
            return UNAUTHORIZED
        return self._ban(fold(person.account), None, now)

    def why_no_address(self, peer: Peer, now: float) -> Refusal | None:
        """Say why nobody may be here from an address."""
        ban = self.networks.find(peer.host, now)
        return None if ban is None else banned(ban.until, now)

    def owner_of(self, nick: str) -> str | None:
        """Return the account that a nick belongs to, in its spelling, also if it was removed."""
        for name in possible_owners(nick):
            if person := self.people.get(name):
                return person.name
        return None

    # --- rooms -----------------------------------------------------------------------------------

    def why_not_in(self, person: Person, room: str, now: float) -> Refusal | None:
        """Say why somebody may not be in a room."""
        account = self.people.get(fold(person.account or ""))
        if account is None:
            return UNAUTHORIZED
        if account.folded not in self.admitted.get(room, _NOBODY):
            if room in self.keepers:
                return _NOT_ADMITTED
            if account.role == "guest":
                return _GUESTS
        return self._ban(account.folded, room, now)

    def is_muted(self, person: Person, room: str, now: float) -> bool:
        """Tell whether somebody may not speak in a room."""
        if not self.mutes:
            return False
        name = fold(person.account or "")
        found = (self.mutes.get((name, where)) for where in (None, room))
        return any(mute is not None and not mute.ended(now) for mute in found)

    def mute_ends_in(self, start: float, end: float) -> bool:
        """Tell whether a mute ends after one time and up to another."""
        return any(mute.until is not None and start < mute.until <= end for mute in self.mutes.values())

    def _ban(self, name: str, room: str | None, now: float) -> Refusal | None:
        ban = self.bans.get((name, room))
        return None if ban is None or ban.ended(now) else banned(ban.until, now)


def _read_people(file: AccountsFile) -> dict[str, Any]:
    return {"people": {person.folded: person for person in file.people()}}


def _read_keys(file: AccountsFile) -> dict[str, Any]:
    keys = {key.hash: key for key in file.live_keys()}
    return {"keys": keys, "key_owners": {key.id: key.folded for key in keys.values()}}


def _read_bans(file: AccountsFile) -> dict[str, Any]:
    bans = file.bans()
    networks = Networks(ban for ban in bans if ban.kind == "address")
    return {"bans": _scoped(bans, "ban"), "mutes": _scoped(bans, "mute"), "networks": networks}


def _read_rooms(file: AccountsFile) -> dict[str, Any]:
    admitted: defaultdict[str, set[str]] = defaultdict(set)
    for room, name in file.admitted():
        admitted[room].add(name)
    names = {room: frozenset(names) for room, names in admitted.items()}
    return {"keepers": file.private_rooms(), "admitted": names}


def _scoped(bans: list[BanEntry], kind: str) -> Scoped:
    return {(ban.target, ban.room): ban for ban in bans if ban.kind == kind}


_READ: Final[Mapping[Table, Callable[[AccountsFile], dict[str, Any]]]] = {
    "people": _read_people,
    "keys": _read_keys,
    "bans": _read_bans,
    "rooms": _read_rooms,
    "urls": lambda file: {"urls": file.urls()},
}

EMPTY = Snapshot()
"""Nobody, and nothing."""
