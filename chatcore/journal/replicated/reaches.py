"""Readers who wait for a position that they know from another server, and that was not read here yet.

A position is there once its entry was applied. Whether the log ends before it can be seen in one way only: an
entry of our own is appended after the reader came, and is read at an earlier position. That is a *barrier*.
There is one at a time, and few in a second, whatever readers ask for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chatcore.journal import Unavailable

__all__ = ["Reach", "Reaches"]

BARRIER: Final = 0.25
"""The least seconds between two barriers."""

WAIT: Final = 12.0
"""Seconds after which a position is given up; whoever asks has long done so."""

RETRY_AFTER: Final = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class Reach:
    """A position that somebody waits for: that of the entry, and that in the room."""

    room: str
    seq: int
    position: int
    deliver: Callable[[bool | Unavailable], None]
    until: float


class Reaches:
    """All who wait. ``clock`` gives seconds that never go back. For one thread."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._waiting: list[Reach] = []
        self._next_barrier = 0.0
        self._fresh = 0  # how many of the last have no barrier yet

    def add(self, room: str, seq: int, position: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Have somebody wait."""
        self._waiting.append(Reach(room, seq, position, deliver, self._clock() + WAIT))
        self._fresh += 1

    @property
    def next_deadline(self) -> float | None:
        """When `expire` has something to do."""
        return self._waiting[0].until if self._waiting else None

    @property
    def barrier_at(self) -> float | None:
        """When it is time for a barrier, if somebody needs one."""
        return self._next_barrier if self._fresh else None

    def begin_barrier(self) -> list[Reach]:
        """Note that a barrier is on its way; return for whom."""
        self._fresh = 0
        self._next_barrier = self._clock() + BARRIER
        return list(self._waiting)

    def take(self, position: int) -> list[Reach]:
        """Return those whose entry was applied, and let them wait no more."""
        return self._remove([reach for reach in self._waiting if reach.position <= position])

    def take_of(self, reaches: list[Reach], position: int) -> list[Reach]:
        """Return those of some who still wait for an entry after a position, and let them wait no more."""
        some = set(reaches)
        return self._remove([reach for reach in self._waiting if reach in some and reach.position > position])

    def expire(self) -> None:
        """Refuse those who have waited too long."""
        now = self._clock()
        self._refuse([reach for reach in self._waiting if reach.until <= now])

    def refuse_all(self) -> None:
        """Refuse everybody."""
        self._refuse(list(self._waiting))

    def _refuse(self, reaches: list[Reach]) -> None:
        for reach in self._remove(reaches):
            reach.deliver(Unavailable(RETRY_AFTER))

    def _remove(self, gone: list[Reach]) -> list[Reach]:
        if gone:
            leaving = set(gone)
            self._waiting = [reach for reach in self._waiting if reach not in leaving]
            self._fresh = min(self._fresh, len(self._waiting))
        return gone
