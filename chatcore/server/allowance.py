"""What a peer may send before it is read more slowly: lines and bytes, whatever they say.

This is a rate limit: two token buckets, of lines and of bytes, that are refilled as time passes.

Frames have an allowance of their own (`rate_limit`), beyond which they are refused. This one pays for the
work of reading, so everything counts: refused frames, pongs, blank lines, lines that are not frames, bytes
that are thrown away. Beyond it nothing is refused: the socket is not read until there is more of it.

It follows from the limits on frames: where those are off, this is off.
"""

from typing import NamedTuple, Self

from chatcore.limits import Limits

__all__ = ["SHORT_TURN", "TURN", "Allowance", "Rates"]

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


class Rates(NamedTuple):
    """How much there is at first, and at most, and how much more each second."""

    lines: float
    lines_per_second: float
    bytes: float
    bytes_per_second: float

    @classmethod
    def of(cls, limits: Limits, frames_per_second: float, times: float = 1.0) -> Self:
        """Return what one connection may send under these limits, or ``times`` as much."""
        return cls(
            lines=times * (2.0 * limits.frames_burst + LINES_BURST),
            lines_per_second=times * frames_per_second * LINES_PER_FRAME,
            bytes=times * FULL_LINES_BURST * limits.line_bytes,
            bytes_per_second=times * frames_per_second * limits.line_bytes,
        )


class Allowance:
    """Lines and bytes that may still be sent. Both may fall below zero by one read.

    Time is an input: seconds that never go back.
    """

    __slots__ = ("_bytes", "_lines", "_rates", "_updated")

    def __init__(self, rates: Rates, now: float) -> None:
        self._rates = rates
        self._lines = rates.lines
        self._bytes = rates.bytes
        self._updated = now

    def take(self, lines: int, size: int, now: float) -> None:
        """Pay for lines and bytes that have come."""
        self._refill(now)
        self._lines -= lines
        self._bytes -= size

    def charge(self, lines: int, now: float) -> None:
        """Pay for work that a line has caused beyond being read. Callable from any thread.

        This costs a connection nothing: it has its turns, and an allowance of frames.
        """

    def wait(self, now: float) -> float:
        """Return 0.0, or the seconds until a turn's worth may be read."""
        self._refill(now)
        if self._lines >= 1.0 and self._bytes > 0.0:
            return 0.0
        rates = self._rates
        lines = (min(SHORT_TURN, rates.lines) - self._lines) / rates.lines_per_second
        return max(lines, -self._bytes / rates.bytes_per_second, _LEAST_WAIT)

    @property
    def turn(self) -> int:
        """Lines that may be decoded in one turn."""
        return TURN if self._lines > self._rates.lines / 2 else SHORT_TURN

    def is_full(self, now: float) -> bool:
        """Tell whether it may do whatever a new one may."""
        self._refill(now)
        return self._lines >= self._rates.lines and self._bytes >= self._rates.bytes

    def _refill(self, now: float) -> None:
        gained, rates = now - self._updated, self._rates
        if gained > 0.0:
            self._updated = now
            self._lines = min(rates.lines, self._lines + gained * rates.lines_per_second)
            self._bytes = min(rates.bytes, self._bytes + gained * rates.bytes_per_second)


_LEAST_WAIT = 0.001
"""Seconds: the digits of a clock must not make a wait of nothing."""
