"""How late a loop or a pump is: it means to look in every second, and counts how much later it does.

Whatever holds it up holds up everybody whom it serves. One thread beats; any other may look, and sees also
that a beat is overdue.
"""

from chatcore.durations import DurationCounter
from chatcore.transport import ServerStatistics

__all__ = ["BEAT", "Pulse"]

BEAT = 1.0
"""Seconds between two beats."""


class Pulse:
    """The beats of one server. All times are of `time.monotonic`."""

    __slots__ = ("_due", "_late")

    def __init__(self, now: float) -> None:
        self._due = now + BEAT
        self._late = DurationCounter()

    def due_in(self, now: float) -> float:
        """Return the seconds until the next beat; 0.0 if it is due."""
        return max(self._due - now, 0.0)

    def beat(self, now: float) -> None:
        """Note a beat if it is due, and how late it is."""
        if now >= self._due:
            self._late.add(now - self._due)
            self._due = now + BEAT

    def statistics(self, now: float) -> ServerStatistics:
        """Return how late the beats were until now, and how late the next one is. From any thread."""
        return ServerStatistics(self._late.durations(), max(now - self._due, 0.0))
