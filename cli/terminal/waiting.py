"""What the user waits for, for how long, and whether the server says anything at all.

- An answer that takes long is *lag*, and is shown for as long as it is missing.
- A connection is *stalled* while an answer is missing and the server has said nothing for a while. A line
  says so once, and another one when the server says something again.
- Without a connection nothing counts: that is said elsewhere. What is missing then is asked again.
"""

__all__ = ["LATE_SECONDS", "STALLED_SECONDS", "Waiting"]

LATE_SECONDS = 2.0
"""After so long a missing answer is shown."""

TICK_SECONDS = 1.0
"""How often the number of seconds is shown again."""

STALLED_SECONDS = 7.0
"""After so long a connection without a sign of life counts as stalled."""


class Waiting:
    """The answers that are missing, by any key. Times are seconds on a clock that never goes back."""

    def __init__(self, now: float) -> None:
        self._since: dict[object, float] = {}
        self._heard_at = now
        self._connected = True
        self._stalled = False

    def begin(self, key: object, now: float) -> None:
        """Note that an answer is missing from now on."""
        self._since[key] = now

    def end(self, key: object) -> None:
        """Note that it is no longer missing. Idempotent."""
        self._since.pop(key, None)

    def heard(self, now: float) -> bool:
        """Note that the server said something; return whether it was stalled."""
        self._heard_at = now
        was_stalled, self._stalled = self._stalled, False
        return was_stalled

    def disconnect(self) -> None:
        """Note that there is no connection."""
        self._connected = self._stalled = False

    def connect(self, now: float) -> None:
        """Note that there is one again: everything that is missing was asked again."""
        self._connected, self._heard_at = True, now
        self._since = dict.fromkeys(self._since, now)

    def quiet_at(self, seconds: float) -> float | None:
        """Return when the server will have said nothing for so long; ``None`` without a connection."""
        return self._heard_at + seconds if self._connected else None

    def lag(self, now: float) -> int | None:
        """Return for how many seconds an answer is missing, if that is long."""
        missing = now - min(self._since.values(), default=now)
        return int(missing) if self._connected and missing >= LATE_SECONDS else None

    def stalls(self, now: float) -> int | None:
        """Return for how many seconds nothing was said if the connection has just become stalled."""
        asked_at = min(self._since.values(), default=now)
        silent = now - max(asked_at, self._heard_at)
        if self._stalled or not self._connected or silent < STALLED_SECONDS:
            return None
        self._stalled = True
        return int(silent)

    def next_deadline(self, now: float) -> float | None:
        """Return when there is something else to show though nothing came; ``None`` is never."""
        if not self._since or not self._connected:
            return None
        oldest = min(self._since.values())
        ticks = (now - oldest) // TICK_SECONDS + 1
        return max(oldest + LATE_SECONDS, oldest + ticks * TICK_SECONDS)
