"""What a peer may send before it is read more slowly: lines and bytes, whatever they say.

Frames have an allowance of their own (`rate_limit`), beyond which they are refused. This one pays for the
work of reading, so everything counts: refused frames, pongs, blank lines, lines that are not frames, bytes
that are thrown away. Beyond it nothing is refused: the socket is not read until there is more of it.

It follows from the limits on frames: where those are off, this is off.
"""

from chatcore.limits import Limits

__all__ = ["SHORT_TURN", "TURN", "Allowance"]

LINES_PER_FRAME = 4
"""Lines for each frame that is taken: so a client still gets an answer to each frame beyond its rate."""

LINES_BURST = 100
"""Lines beyond twice the burst of frames: for clients that send far more than they may, and learn of it."""

FULL_LINES_BURST = 64
"""Lines of full length that may come together: four megabytes, by default."""

TURN = 64
"""Lines that are decoded for a peer before others get their turn: a segment of short posts, a millisecond."""

SHORT_TURN = 8
"""The same for a peer that has used up half of its lines, and for all while some wait for their turn.

A peer that has used up all of its lines waits for as many."""


class Allowance:
    """Lines and bytes that one connection may still send. Both may fall below zero by one read. Time is an
    input: seconds that never go back.
    """

    __slots__ = ("_bytes", "_limits", "_lines", "_rate", "_updated")

    def __init__(self, limits: Limits, rate: float, now: float) -> None:
        self._limits = limits
        self._rate = rate  # frames per second
        self._lines = self._lines_burst
        self._bytes = self._bytes_burst
        self._updated = now

    def take(self, lines: int, size: int, now: float) -> None:
        """Pay for lines and bytes that have come."""
        self._refill(now)
        self._lines -= lines
        self._bytes -= size

    def wait(self, now: float) -> float:
        """Return 0.0, or the seconds until a turn's worth may be read."""
        self._refill(now)
        if self._lines >= 1.0 and self._bytes > 0.0:
            return 0.0
        lines = (min(SHORT_TURN, self._lines_burst) - self._lines) / (LINES_PER_FRAME * self._rate)
        return max(lines, -self._bytes / (self._rate * self._limits.line_bytes), _LEAST_WAIT)

    @property
    def turn(self) -> int:
        """Lines that may be decoded in one turn."""
        return TURN if self._lines > self._lines_burst / 2 else SHORT_TURN

    @property
    def _lines_burst(self) -> float:
        return 2.0 * self._limits.frames_burst + LINES_BURST

    @property
    def _bytes_burst(self) -> float:
        return float(FULL_LINES_BURST * self._limits.line_bytes)

    def _refill(self, now: float) -> None:
        gained = (now - self._updated) * self._rate
        if gained > 0.0:
            self._updated = now
            self._lines = min(self._lines_burst, self._lines + gained * LINES_PER_FRAME)
            self._bytes = min(self._bytes_burst, self._bytes + gained * self._limits.line_bytes)


_LEAST_WAIT = 0.001
"""Seconds: the digits of a clock must not make a wait of nothing."""
