"""What sessions read of the journal, in turn: however much one of them asks, others are answered between.

- The journal has few reads at a time, `ON_THE_WAY` of all, `OF_ONE_ADDRESS` of those from one address and
  `OF_ONE` of one session. The rest wait here. Addresses have their turns, and so have the sessions of each.
  So the journal's own queue is bounded, and fair.
- Each read says whether it is still wanted. One that is not, since its member has left or its session is
  gone, is dropped before the journal hears of it.

Everything here runs under the hub's lock.
"""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import TYPE_CHECKING, TypeVar

from chatcore.server.turns import turn_of

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["LINES", "Read", "Reads"]

T = TypeVar("T", bound=Hashable)

ON_THE_WAY = 8
"""Reads that the journal has at a time: for one that answers several together, and little to wait for."""

OF_ONE_ADDRESS = 4
"""Those of sessions from one address: half, so that another's begins immediately."""

LINES = 8
"""Lines that a read costs its address: it takes about as long as decoding so many."""

OF_ONE = 2
"""Those of one session: the second is ready when the first is answered."""


class Read:
    """One read: whom it is for, whether it is still wanted, and how it is begun."""

    __slots__ = ("begin", "is_wanted", "session")

    def __init__(self, session: "Session", begin: Callable[[], None], is_wanted: Callable[[], bool]) -> None:
        self.session = session
        self.begin = begin
        self.is_wanted = is_wanted


class Reads:
    """The reads of all sessions of a hub: those that wait, and how many are on their way."""

    __slots__ = ("_of_address", "_on_the_way", "_total", "_waiting")

    def __init__(self) -> None:
        # Addresses in turn (`turn_of`), then sessions in turn.
        self._waiting: dict[Hashable, dict[Session, deque[Read]]] = {}
        self._on_the_way: Counter[Session] = Counter()
        self._of_address: Counter[Hashable] = Counter()  # of those on the way
        self._total = 0

    def __len__(self) -> int:
        return sum(len(queue) for sessions in self._waiting.values() for queue in sessions.values())

    def put(self, read: Read) -> None:
        """Have a read begin, now or in its turn. Whoever gets its answer owes `finish`."""
        read.session.inflow.charge(LINES)
        self._wait(read.session, (read,))
        self._begin_next()

    def finish(self, session: "Session") -> None:
        """Note that a read of a session is answered."""
        self._total -= 1
        _subtract(self._on_the_way, session)
        _subtract(self._of_address, _turn_of(session))
        self._begin_next()

    def forget(self, session: "Session") -> None:
        """Drop what waits for a session that is gone, but for what others want too."""
        self._wait(session, [read for read in self._take_queue(session) if read.is_wanted()])

    def _wait(self, session: "Session", reads: Iterable[Read]) -> None:
        for read in reads:
            self._waiting.setdefault(_turn_of(session), {}).setdefault(session, deque()).append(read)

    def _take_queue(self, session: "Session") -> "deque[Read]":
        """Take all that waits for a session."""
        sessions = self._waiting.get(_turn_of(session), {})
        queue = sessions.pop(session, deque())
        if not sessions:
            self._waiting.pop(_turn_of(session), None)
        return queue

    def _begin_next(self) -> None:
        while self._total < ON_THE_WAY and (read := self._next()) is not None:
            self._total += 1
            self._on_the_way[read.session] += 1
            self._of_address[_turn_of(read.session)] += 1
            read.begin()

    def _next(self) -> Read | None:
        """Take the next read that is wanted; the turn of its session and its address is over."""
        while (session := self._next_session()) is not None:
            queue = self._take_queue(session)
            read = next((read for read in _drained(queue) if read.is_wanted()), None)
            self._end_turn(_turn_of(session))
            self._wait(session, queue)
            if read is not None:
                return read
        return None

    def _end_turn(self, address: Hashable) -> None:
        if sessions := self._waiting.pop(address, None):
            self._waiting[address] = sessions

    def _next_session(self) -> "Session | None":
        for address, sessions in self._waiting.items():
            if self._of_address[address] < OF_ONE_ADDRESS:
                for session in sessions:
                    if self._on_the_way[session] < OF_ONE:
                        return session
        return None


def _turn_of(session: "Session") -> Hashable:
    return turn_of(session.peer, session.hub.limits)


def _drained(queue: "deque[Read]") -> Iterator[Read]:
    while queue:
        yield queue.popleft()


def _subtract(counter: "Counter[T]", key: T) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
