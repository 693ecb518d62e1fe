"""The rooms that are in use: loaded when somebody enters, forgotten when nobody is left.

- What a room's log holds is asked of the journal when the first member enters. Messages that are reported
  while that answer is on its way count too. An answer from another epoch is no answer: the question is asked
  again, in the epoch that it came from.
- The limit ``rooms`` is on those in use. A room that nobody is in costs nothing here.
- A room that has never held a message, and that nobody is in, is *new*. Each address may enter so many new
  ones, so that no stranger fills the journal with rooms.
- Their names are in order, so that a page of a list costs its own size, however many rooms there are.
- A session without a seat is this process's own: neither of the two limits holds it up.

All methods run under the hub's lock.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chatcore.address import address_of
from chatcore.gate import Refusal
from chatcore.journal import Head, Unavailable
from chatcore.limits import Limits
from chatcore.messages import Stored
from chatcore.server.directory import Identity
from chatcore.server.rate_limit import TokenBuckets
from chatcore.server.room import Room

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Rooms", "names_from"]

_ADDRESSES = 4_096
"""Addresses whose allowance of new rooms is remembered: those that used it last."""

Receive = Callable[[Room | Refusal], None]


class _Loading:
    """A room whose head is on its way from the journal, and who waits for it."""

    __slots__ = ("asked_in", "asker", "name", "seen", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen = 0  # the last number that was reported meanwhile
        self.asker: Session | None = None  # in whose turn the journal is asked
        self.asked_in: str | None = None  # the epoch of the question that is on its way
        self.waiting: dict[Session, Receive] = {}

    def forget(self, session: "Session") -> bool:
        """Let a session wait no more; return whether none is left."""
        self.waiting.pop(session, None)
        return not self.waiting

    def see(self, seq: int) -> None:
        """Take what was reported; 0 begins again, in a new epoch."""
        self.seen = seq

    def note_asked(self, epoch: str, asker: "Session") -> None:
        """Note in which epoch the journal was asked, and in whose turn."""
        self.asked_in, self.asker = epoch, asker

    def note_early(self) -> None:
        """Note that the journal has answered before the news of its epoch came."""
        self.asked_in = None


class Rooms(Mapping[str, Room]):
    """The rooms of one hub that are in use, by folded name, and the epoch of their logs."""

    def __init__(
        self, limits: Limits, elsewhere: Callable[[str], Iterable[Identity]] = lambda room: ()
    ) -> None:
        self._limits = limits
        self._elsewhere = elsewhere  # who is in a room on other servers
        self.epoch = ""
        self._rooms: dict[str, Room] = {}
        self._names: list[str] = []  # of these rooms, in order
        self._loading: dict[str, _Loading] = {}
        rate = limits.new_rooms_per_minute
        per_second = None if rate is None else rate / 60
        self._new = TokenBuckets[str](per_second, limits.new_rooms_burst, _ADDRESSES)  # by address

    def __getitem__(self, name: str) -> Room:
        return self._rooms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __len__(self) -> int:
        return len(self._rooms)

    def occupied(self, after: str | None, prefix: str) -> Iterator[str]:
        """Yield the rooms that somebody is in, by name, after a name and with a prefix (both folded)."""
        return (name for name in names_from(self._names, after, prefix) if self._rooms[name].count)

    # --- entering and leaving --------------------------------------------------------------------

    def enter(self, name: str, session: "Session", receive: Receive) -> None:
        """Let ``receive`` have a room, now or later, or why not. Whoever gets one owes `give_back`."""
        room = self._rooms.get(name)
        if room is not None:
            room.expect()
            receive(room)
            return
        loading = self._loading.get(name)
        if loading is None and session.seat is not None and self._are_too_many():
            receive(Refusal("limit_exceeded", "there are too many rooms in use"))
            return
        is_new = loading is None
        loading = loading or self._loading.setdefault(name, _Loading(name))
        loading.waiting[session] = receive
        if is_new:
            self._ask(loading)

    def give_back(self, room: Room) -> None:
        """Take back what `enter` gave: the room has been entered, or will not be."""
        room.unexpect()
        self.forget_if_unused(room)

    def stop_waiting(self, name: str, session: "Session") -> None:
        """Take back a request to enter that has not been answered yet, if there is one.

        If the journal is asked in its turn, it is asked in another's: that one's may never come now.
        """
        loading = self._loading.get(name)
        if loading is None:
            return
        if loading.forget(session):
            del self._loading[name]
        elif loading.asker is session:
            asker = self._ask(loading)
            asker.endpoint.mark(asker)

    def forget_if_unused(self, room: Room) -> None:
        """Forget a room that nobody is in, or about to enter."""
        if not room.in_use and self._rooms.get(room.name) is room:
            del self._rooms[room.name]
            del self._names[bisect_left(self._names, room.name)]

    # --- the log ---------------------------------------------------------------------------------

    def commit(self, name: str, messages: Sequence[Stored]) -> Room | None:
        """Let a room show the next messages of its log; return it if it is in use."""
        room = self._rooms.get(name)
        if room is None:
            if name in self._loading:
                self._loading[name].see(messages[-1].seq)
            return None
        if messages[0].seq <= room.head:  # its head was read in the middle of this
            messages = [stored for stored in messages if stored.seq > room.head]
        if messages:
            room.commit(messages)
        return room

    def reset(self, epoch: str, heads: Mapping[str, int]) -> bool:
        """Begin a new epoch, given the heads of all rooms in use; return false if one is missing."""
        if not heads.keys() >= self._rooms.keys():
            return False
        self.epoch = epoch
        for loading in self._loading.values():
            loading.see(0)
            if loading.asked_in is None:  # the answer came before this news
                asker = self._ask(loading)
                asker.endpoint.mark(asker)  # it asks when it is served: no journal is asked from its own feed
        for name, room in self._rooms.items():
            room.reset(epoch, heads[name])
        return True

    # --- loading ---------------------------------------------------------------------------------

    def _are_too_many(self) -> bool:
        limit = self._limits.rooms
        return limit is not None and len(self._rooms) + len(self._loading) >= limit

    def _ask(self, loading: _Loading) -> "Session":
        """Ask the journal, by way of the first that waits; return that one."""
        session = next(iter(loading.waiting))
        loading.note_asked(self.epoch, session)
        session.intake.read_journal(
            lambda journal, deliver: journal.head(loading.name, deliver),
            partial(self._receive, loading),
            lambda: self._loading.get(loading.name) is loading and loading.asker is session,
        )
        return session

    def _receive(self, loading: _Loading, answer: Head | Unavailable) -> None:
        if self._loading.get(loading.name) is not loading:
            return
        if isinstance(answer, Unavailable):
            del self._loading[loading.name]
            for receive in loading.waiting.values():
                receive(Refusal("unavailable", "the room cannot be read now", answer.retry_after))
        elif answer.epoch == self.epoch:
            self._load(loading, max(answer.seq, loading.seen))
        elif loading.asked_in != self.epoch:  # the log was replaced meanwhile
            self._ask(loading)
        else:  # it is about to be replaced, and then the question is asked again
            loading.note_early()

    def _load(self, loading: _Loading, head: int) -> None:
        del self._loading[loading.name]
        for session, receive in loading.waiting.items():
            room = self._rooms.get(loading.name)
            if room is None and not head and (wait := self._take_new(session)):
                words = "too many new rooms were entered from your address"
                receive(Refusal("limit_exceeded", words, wait))
                continue
            if room is None:
                room = self._add(self._make(loading.name, head))
            room.expect()
            receive(room)

    def _make(self, name: str, head: int) -> Room:
        return Room(name, self.epoch, head, self._limits, self._elsewhere(name))

    def _add(self, room: Room) -> Room:
        self._rooms[room.name] = room
        insort(self._names, room.name)
        return room

    def _take_new(self, session: "Session") -> float:
        if session.seat is None:
            return 0.0
        return self._new.take(address_of(session.peer), session.hub.clock())


def names_from(names: Sequence[str], after: str | None, prefix: str) -> Iterator[str]:
    """Yield those of some names in order that come after a name and have a prefix (both folded)."""
    is_within = after is None or after < prefix
    first = bisect_left(names, prefix) if is_within else bisect_right(names, after or "")
    for index in range(first, len(names)):
        name = names[index]
        if not name.startswith(prefix):
            return
        yield name
