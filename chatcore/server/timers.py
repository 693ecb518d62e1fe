"""One heap of deadlines for everything on an endpoint.

- Moving a deadline back costs nothing: an entry whose key has a later time by now, or none, is passed over
  when it surfaces. So a peer that keeps talking never touches the heap.
- An entry that is of no use any more holds no key: whoever is gone is not kept until a time comes that
  concerns nobody. As soon as most entries are of no use, all of those are dropped together.
- Times are seconds on any clock that never goes back.
"""

import heapq
from collections.abc import Hashable, Iterator
from typing import Any, Generic, TypeVar

__all__ = ["Timers"]

FEW = 16
"""Entries of no use that are not worth clearing away."""

K = TypeVar("K", bound=Hashable)


class Timers(Generic[K]):
    """Knows when each key is next due. An entry may surface early; then its owner sets it again."""

    __slots__ = ("_counter", "_due", "_heap")

    def __init__(self) -> None:
        self._heap: list[list[Any]] = []  # of time, number and key; the key is None if this is of no use
        self._due: dict[K, list[Any]] = {}
        self._counter = 0

    def __len__(self) -> int:
        return len(self._due)

    def set(self, key: K, when: float | None) -> bool:
        """Set or clear the time of a key; return whether the next deadline of all is earlier now."""
        entry = self._due.get(key)
        if entry is not None and entry[0] == when:
            return False
        first = self.next()
        if entry is not None:
            del self._due[key]
            entry[2] = None
        if when is None:
            self._compact()
            return False
        self._counter += 1
        self._due[key] = entry = [when, self._counter, key]
        heapq.heappush(self._heap, entry)
        self._compact()
        return first is None or when < first

    def advance(self, key: K, when: float) -> bool:
        """Set the time of a key unless an earlier one is set; return as `set` does."""
        entry = self._due.get(key)
        return (entry is None or when < entry[0]) and self.set(key, when)

    def next(self) -> float | None:
        """Return the earliest time of any key."""
        heap = self._heap
        while heap and heap[0][2] is None:
            heapq.heappop(heap)
        return heap[0][0] if heap else None

    def pop_due(self, now: float) -> Iterator[K]:
        """Take the keys whose time has come, earliest first."""
        while (when := self.next()) is not None and when <= now:
            key: K = heapq.heappop(self._heap)[2]
            del self._due[key]
            yield key

    def _compact(self) -> None:
        if len(self._heap) > 2 * len(self._due) + FEW:
            self._heap = [entry for entry in self._heap if entry[2] is not None]
            heapq.heapify(self._heap)
