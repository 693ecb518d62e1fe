"""When keys were used last: a day for each key, since nobody needs to know more, and the file is not to be
written for each connection."""

import threading

__all__ = ["KeyUses", "day_of"]

_DAY = 86_400.0


def day_of(now: float) -> float:
    """Return when a day began, in UTC."""
    return now - now % _DAY


class KeyUses:
    """Notes uses from any thread until they are taken to be written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the rest
        self._days: dict[bytes, float] = {}
        self._new: dict[bytes, float] = {}

    def note(self, hash_: bytes, used: float | None, now: float) -> None:
        """Note that a key is used now; ``used`` is the day that is known."""
        day = day_of(now)
        if used != day:
            with self._lock:
                if self._days.get(hash_) != day:
                    self._days[hash_] = self._new[hash_] = day

    def take(self) -> list[tuple[float, bytes]]:
        """Return the days of keys that were not taken yet."""
        with self._lock:
            new, self._new = self._new, {}
        return [(day, hash_) for hash_, day in new.items()]
