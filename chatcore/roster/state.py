"""What all servers know of who is here. It changes only as `chatcore.roster.machine` says.

As on one server, an *identity* is a nick with its seats, and a *seat* is one session's place in it. A seat is
known by the *proof* of its secret, a digest, and an identity by a name that is never given again. Times are
in microseconds, by the log's clock. Stamps are times that no two acts of a log share.
"""

import heapq
from collections.abc import Iterator
from typing import Final

from chatcore.names import fold
from chatcore.nicks import Nicks

__all__ = ["Identity", "Node", "Seat", "State"]

_CLOSED: Final = -1


class Node:
    """A server: when it was heard of, and which number is the next of its term."""

    __slots__ = ("following", "heard", "term", "unconfirmed")

    def __init__(self) -> None:
        self.heard = 0
        self.term = _CLOSED
        self.following = _CLOSED
        self.unconfirmed: dict[str, None] = {}  # seats that it had, and has not said yet that it still has

    @property
    def is_gone(self) -> bool:
        """Whether nothing of its term counts any more."""
        return self.following == _CLOSED

    def hear(self, term: int, number: int, now: int) -> None:
        """Take note of an entry that counts."""
        self.term, self.following, self.heard = term, number + 1, now

    def expect(self, proofs: dict[str, None]) -> None:
        """Wait until it has said of these seats whether it still has them."""
        self.unconfirmed = proofs

    def close(self) -> None:
        """Let nothing of its term count any more."""
        self.following = _CLOSED
        self.unconfirmed = {}


class Identity:
    """A nick and its seats; ``reserved_until`` is set while no server has a session of it."""

    __slots__ = ("account", "home_folded", "name", "named", "nick", "reserved_until", "seats")

    def __init__(self, name: str, nick: str, named: int, home: str | None, account: str | None) -> None:
        self.name = name
        self.nick = nick
        self.named = named
        self.home_folded = home
        self.account = account
        self.seats: dict[str, Seat] = {}
        self.reserved_until: int | None = None

    @property
    def in_use(self) -> bool:
        """Whether any server has a session of it."""
        return any(seat.node is not None for seat in self.seats.values())

    def nicks_folded(self) -> set[str]:
        """Return all nicks under which it is found."""
        return {fold(self.nick)} | ({self.home_folded} if self.home_folded is not None else set())

    def call(self, nick: str, stamp: int) -> None:
        """Note another nick."""
        self.nick, self.named = nick, stamp

    def reserve(self, until: int | None) -> None:
        """Note until when it stays without a session; ``None`` if it has one."""
        self.reserved_until = until


class Seat:
    """The place of one session: on which server, since which stamp, and the rooms (folded) it is in.

    ``keep`` is for how many microseconds its nick is reserved if its server is gone.
    """

    __slots__ = ("claimed", "identity", "keep", "node", "proof", "rooms")

    def __init__(self, identity: Identity, proof: str) -> None:
        self.identity = identity
        self.proof = proof
        self.node: str | None = None
        self.claimed = 0
        self.keep = 0
        self.rooms: dict[str, None] = {}

    def take(self, node: str | None, claimed: int, keep: int) -> None:
        """Let it be on a server, or on none."""
        self.node, self.claimed, self.keep = node, claimed, keep


class State:
    """All of it. Only a `Machine` calls what changes it."""

    def __init__(self, identity: str, position: int) -> None:
        self.identity = identity
        self.position = position
        self.now = 0
        self.began: int | None = None  # when the log began, if all of it was read
        self.stamp = 0
        self.nodes: dict[str, Node] = {}
        self.identities: dict[str, Identity] = {}
        self.seats: dict[str, Seat] = {}  # by proof
        self._by_nick_folded = Nicks[Identity]()
        self._by_account: dict[str, dict[str, Identity]] = {}
        self._by_room: dict[str, dict[str, Seat]] = {}
        self._reservations: list[tuple[int, str]] = []  # a heap; what is not so any more is passed over

    # --- what it is ------------------------------------------------------------------------------

    def holder(self, nick: str) -> Identity | None:
        """Return who has a nick, or had it first."""
        return self._by_nick_folded.get(fold(nick))

    def is_free(self, nick: str, identity: Identity | None = None) -> bool:
        """Tell whether a nick can be taken, also by the identity that has it already."""
        return self._by_nick_folded.is_free(nick, identity)

    def free_variant(self, nick: str, identity: Identity | None = None) -> str:
        """Return the nick itself, or the first of ``nick-2``, ``nick-3``... that is free."""
        return self._by_nick_folded.free_variant(nick, identity)

    def of_account(self, account: str) -> list[Seat]:
        """Return the seats of an account that are in use."""
        identities = self._by_account.get(account, {}).values()
        return [seat for one in identities for seat in one.seats.values() if seat.node is not None]

    def at(self, node: str) -> list[Seat]:
        """Return the seats of a server, in the order in which they were claimed."""
        found = [seat for seat in self.seats.values() if seat.node == node]
        return sorted(found, key=lambda seat: (seat.claimed, seat.proof))

    def in_room(self, room: str) -> list[Seat]:
        """Return the seats that are in a room."""
        return list(self._by_room.get(room, {}).values())

    def rooms(self) -> list[str]:
        """Return the rooms that anybody is in."""
        return list(self._by_room)

    # --- time ------------------------------------------------------------------------------------

    def move(self, position: int, at: int) -> None:
        """Take note of an entry, and let time pass."""
        self.position = position
        self.now = max(self.now, at)
        if position == 1:
            self.began = self.now

    def next_stamp(self) -> int:
        """Return another stamp."""
        self.stamp = max(self.now, self.stamp + 1)
        return self.stamp

    def take_expired(self) -> Iterator[Identity]:
        """Yield the identities whose reservation is over."""
        heap = self._reservations
        while heap and heap[0][0] <= self.now:
            until, name = heapq.heappop(heap)
            identity = self.identities.get(name)
            if identity is not None and identity.reserved_until == until:
                yield identity

    # --- identities ------------------------------------------------------------------------------

    def create(self, name: str, nick: str, named: int, home: str | None, account: str | None) -> Identity:
        """Add an identity without seats."""
        identity = self.identities[name] = Identity(name, nick, named, home, account)
        self._by_nick_folded[fold(nick)] = identity
        if home is not None:
            self._by_nick_folded.setdefault(home, identity)
        if account is not None:
            self._by_account.setdefault(account, {})[name] = identity
        return identity

    def rename(self, identity: Identity, nick: str, stamp: int) -> None:
        """Give an identity another nick; its home nick stays its own."""
        if fold(identity.nick) != identity.home_folded:
            self._by_nick_folded.pop(fold(identity.nick), None)
        identity.call(nick, stamp)
        self._by_nick_folded[fold(nick)] = identity

    def reserve(self, identity: Identity, until: int) -> None:
        """Reserve an identity until a time."""
        identity.reserve(until)
        heapq.heappush(self._reservations, (until, identity.name))

    def forget(self, identity: Identity) -> None:
        """Forget an identity that has no seats."""
        del self.identities[identity.name]
        for nick in identity.nicks_folded():
            if self._by_nick_folded.get(nick) is identity:
                del self._by_nick_folded[nick]
        if identity.account is not None:
            del self._by_account[identity.account][identity.name]
            if not self._by_account[identity.account]:
                del self._by_account[identity.account]

    # --- seats -----------------------------------------------------------------------------------

    def add(self, identity: Identity, proof: str) -> Seat:
        """Add a seat, which is on no server yet."""
        seat = self.seats[proof] = identity.seats[proof] = Seat(identity, proof)
        return seat

    def drop(self, seat: Seat) -> None:
        """Drop a seat, which is in no room."""
        del self.seats[seat.proof]
        del seat.identity.seats[seat.proof]

    def enter(self, seat: Seat, room: str) -> bool:
        """Let a seat be in a room; return whether that is news."""
        if room in seat.rooms:
            return False
        seat.rooms[room] = None
        self._by_room.setdefault(room, {})[seat.proof] = seat
        return True

    def leave(self, seat: Seat, room: str) -> bool:
        """Let a seat not be in a room; return whether that is news."""
        if room not in seat.rooms:
            return False
        del seat.rooms[room]
        del self._by_room[room][seat.proof]
        if not self._by_room[room]:
            del self._by_room[room]
        return True
