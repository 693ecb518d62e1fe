"""One heap of deadlines for everything on an endpoint.

- Moving a deadline back costs nothing: an entry whose key has a later time by now, or none, is passed over
  when it surfaces. So a peer that keeps talking never touches the heap.
- Times are seconds on any clock that never goes back.
"""

import heapq
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

__all__ = ["Timers"]

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """Knows when each key is next due. An entry may surface early; then its owner sets it again."""

    __slots__ = ("_counter", "_due", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._counter = 0

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: K, when: float | None) -> bool:
        """Set or clear the time of a key; return whether the next deadline of all is earlier now."""
        if when is None:
            self._due.pop(key, None)
            return False
        if self._due.get(key) == when:
            return False
        first = self.next()
        self._due[key] = when
        self._counter += 1
        heapq.heappush(self._heap, (when, self._counter, key))
        return first is None or when < first

    def advance(self, key: K, when: float) -> bool:
        """Set the time of a key unless an earlier one is set; return as `set` does."""
        due = self._due.get(key)
        return (due is None or when < due) and self.set(key, when)

    def next(self) -> float | None:
        """Return the earliest time of any key."""
        self._discard_stale()
        return self._heap[0][0] if self._heap else None

    def pop_due(self, now: float) -> Iterator[K]:
        """Take the keys whose time has come, earliest first."""
        while (when := self.next()) is not None and when <= now:
            key = heapq.heappop(self._heap)[2]
            del self._due[key]
            yield key

    def _discard_stale(self) -> None:
        heap, due = self._heap, self._due
        while heap and due.get(heap[0][2]) != heap[0][0]:
            heapq.heappop(heap)
