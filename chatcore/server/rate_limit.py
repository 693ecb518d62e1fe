"""A token bucket: so many tokens a second, and a burst. Time is an input.

The rate bounds what a peer may send in the long run, and the burst what it may send immediately.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["TokenBucket", "TokenBuckets"]

K = TypeVar("K", bound=Hashable)

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

    def take(self, now: float, count: int = 1) -> float:
        """Take tokens at ``now``, in seconds; return 0.0, or the seconds until there will be so many."""
        if self._rate is None:
            return 0.0
        if now > self._updated:
            self._tokens = min(self._burst, self._tokens + (now - self._updated) * self._rate)
            self._updated = now
        wait = (count - self._tokens) / self._rate
        if wait > _ROUNDING:
            return wait
        self._tokens = max(self._tokens - count, 0.0)
        return 0.0


class TokenBuckets(Generic[K]):
    """A bucket for each key. Those that were used last are remembered, ``size`` of them.

    Whoever is forgotten begins with a full bucket, so ``size`` has to be more than one peer has keys.
    """

    __slots__ = ("_buckets", "_burst", "_rate", "_size")

    def __init__(self, rate: float | None, burst: int, size: int) -> None:
        self._rate = rate
        self._burst = burst
        self._size = size
        self._buckets: OrderedDict[K, TokenBucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: K, now: float) -> float:
        """Take one token of a key; return as `TokenBucket.take` does."""
        if self._rate is None:
            return 0.0
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._rate, self._burst, now)
        self._buckets.move_to_end(key)
        if len(self._buckets) > self._size:
            self._buckets.popitem(last=False)
        return bucket.take(now)
