"""The rooms that are in use: loaded when somebody enters, forgotten when nobody is left.

- What a room's log holds is asked of the journal when the first member enters. Messages that are reported
  while that answer is on its way count too.
- The limit ``rooms`` is on those in use. A room that nobody is in costs nothing here.
- A room that has never held a message, and that nobody is in, is *new*. Each address may enter so many new
  ones, so that no stranger fills the journal with rooms.
- A session without a seat is this process's own: neither of the two limits holds it up.

All methods run under the hub's lock.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chatcore.address import address_of
from chatcore.gate import Refusal
from chatcore.journal import Head, Unavailable
from chatcore.limits import Limits
from chatcore.messages import Stored
from chatcore.server.rate_limit import TokenBucket
from chatcore.server.room import Room

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Rooms"]

_ADDRESSES = 4_096
"""Addresses whose allowance of new rooms is remembered before those that have all of it are forgotten."""

Receive = Callable[[Room | Refusal], None]


class _Loading:
    """A room whose head is on its way from the journal, and who waits for it."""

    __slots__ = ("name", "seen", "waiting")

    def __init__(self, name: str) -> None:
        self.name = name
        self.seen = 0  # the last number that was reported meanwhile
        self.waiting: dict[Session, Receive] = {}

    def forget(self, session: "Session") -> bool:
        """Let a session wait no more; return whether none is left."""
        self.waiting.pop(session, None)
        return not self.waiting

    def see(self, seq: int) -> None:
        """Take what was reported; 0 begins again, in a new epoch."""
        self.seen = seq


class Rooms(Mapping[str, Room]):
    """The rooms of one hub that are in use, by folded name, and the epoch of their logs."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.epoch = ""
        self._rooms: dict[str, Room] = {}
        self._loading: dict[str, _Loading] = {}
        self._new: dict[str, TokenBucket] = {}  # by address

    def __getitem__(self, name: str) -> Room:
        return self._rooms[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._rooms)

    def __len__(self) -> int:
        return len(self._rooms)

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
        if loading is None:
            loading = self._loading[name] = _Loading(name)
            self._ask(loading, session)
        loading.waiting[session] = receive

    def give_back(self, room: Room) -> None:
        """Take back what `enter` gave: the room has been entered, or will not be."""
        room.unexpect()
        self.forget_if_unused(room)

    def stop_waiting(self, name: str, session: "Session") -> None:
        """Take back a request to enter that has not been answered yet, if there is one."""
        loading = self._loading.get(name)
        if loading is not None and loading.forget(session):
            del self._loading[name]

    def forget_if_unused(self, room: Room) -> None:
        """Forget a room that nobody is in, or about to enter."""
        if not room.in_use and self._rooms.get(room.name) is room:
            del self._rooms[room.name]

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
        for name, room in self._rooms.items():
            room.reset(epoch, heads[name])
        return True

    # --- loading ---------------------------------------------------------------------------------

    def _are_too_many(self) -> bool:
        limit = self._limits.rooms
        return limit is not None and len(self._rooms) + len(self._loading) >= limit

    def _ask(self, loading: _Loading, session: "Session") -> None:
        session.intake.ask_journal(
            lambda journal, deliver: journal.head(loading.name, deliver), partial(self._receive, loading)
        )

    def _receive(self, loading: _Loading, answer: Head | Unavailable) -> None:
        if self._loading.get(loading.name) is not loading:
            return
        if isinstance(answer, Unavailable):
            del self._loading[loading.name]
            for receive in loading.waiting.values():
                receive(Refusal("unavailable", "the room cannot be read now", answer.retry_after))
        elif answer.epoch != self.epoch:  # the log was replaced meanwhile
            self._ask(loading, next(iter(loading.waiting)))
        else:
            self._load(loading, max(answer.seq, loading.seen))

    def _load(self, loading: _Loading, head: int) -> None:
        del self._loading[loading.name]
        for session, receive in loading.waiting.items():
            room = self._rooms.get(loading.name)
            if room is None and not head and (wait := self._take_new(session)):
                words = "too many new rooms were entered from your address"
                receive(Refusal("limit_exceeded", words, wait))
                continue
            if room is None:
                room = self._rooms[loading.name] = Room(loading.name, self.epoch, head, self._limits)
            room.expect()
            receive(room)

    def _take_new(self, session: "Session") -> float:
        limits, now = self._limits, session.hub.clock()
        if limits.new_rooms_per_minute is None or session.seat is None:
            return 0.0
        if len(self._new) >= _ADDRESSES:
            self._new = {key: bucket for key, bucket in self._new.items() if not bucket.is_full(now)}
        fresh = TokenBucket(limits.new_rooms_per_minute / 60, limits.new_rooms_burst, now)
        return self._new.setdefault(address_of(session.peer), fresh).take(now)
