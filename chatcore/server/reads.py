"""What sessions read of the journal, in turn: however much one of them asks, others are answered between.

- The journal has few reads at a time, `ON_THE_WAY` of all and `OF_ONE` of one session. The rest wait here, by
  session, and sessions have their turns. So the journal's own queue is bounded, and fair.
- Each read says whether it is still wanted. One that is not, since its member has left or its session is
  gone, is dropped before the journal hears of it.

Everything here runs under the hub's lock.
"""

from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Read", "Reads"]

ON_THE_WAY = 8
"""Reads that the journal has at a time: for one that answers several together, and little to wait for."""

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

    def __init__(self) -> None:
        self._waiting: dict[Session, deque[Read]] = {}  # sessions in turn
        self._on_the_way: Counter[Session] = Counter()
        self._total = 0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def put(self, read: Read) -> None:
        """Have a read begin, now or in its turn. Whoever gets its answer owes `finish`."""
        self._waiting.setdefault(read.session, deque()).append(read)
        self._begin_next()

    def finish(self, session: "Session") -> None:
        """Note that a read of a session is answered."""
        self._total -= 1
        self._on_the_way[session] -= 1
        if not self._on_the_way[session]:
            del self._on_the_way[session]
        self._begin_next()

    def forget(self, session: "Session") -> None:
        """Drop what waits for a session that is gone, but for what others want too."""
        if queue := self._waiting.pop(session, None):
            wanted = deque(read for read in queue if read.is_wanted())
            if wanted:
                self._waiting[session] = wanted

    def _begin_next(self) -> None:
        while self._total < ON_THE_WAY and (read := self._next()) is not None:
            self._total += 1
            self._on_the_way[read.session] += 1
            read.begin()

    def _next(self) -> Read | None:
        """Take the next read that is wanted; its session's turn is over."""
        while (session := self._next_session()) is not None:
            queue = self._waiting.pop(session)
            while queue:
                read = queue.popleft()
                if read.is_wanted():
                    if queue:
                        self._waiting[session] = queue
                    return read
        return None

    def _next_session(self) -> "Session | None":
        return next((session for session in self._waiting if self._on_the_way[session] < OF_ONE), None)
