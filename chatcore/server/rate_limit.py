"""A token bucket: so many tokens a second, and a burst. Time is an input.

The rate bounds what a peer may send in the long run, and the burst what it may send immediately.
"""

__all__ = ["TokenBucket"]

_ROUNDING = 1e-8
"""Seconds: a peer that has waited as long as it was asked to must not fail for the clock's digits."""


class TokenBucket:
    """Holds up to ``burst`` tokens and gains ``rate`` a second; ``rate=None`` never runs dry."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, rate: float | None, burst: int, now: float) -> None:
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._updated = now

    def is_full(self, now: float) -> bool:
        """Tell whether nothing is missing at ``now``: then a new bucket is the same."""
        return self._rate is None or self._tokens + (now - self._updated) * self._rate >= self._burst

    def take(self, now: float) -> float:
        """Take one token at ``now``, in seconds; return 0.0, or the seconds until there will be one."""
        if self._rate is None:
            return 0.0
        if now > self._updated:
            self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
            self._updated = now
        wait = (1.0 - self._tokens) / self._rate
        if wait > _ROUNDING:
            return wait
        self._tokens = max(self._tokens - 1.0, 0.0)
        return 0.0
