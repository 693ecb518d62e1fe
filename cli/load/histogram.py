"""How long things took: counts in buckets, so that memory does not grow with the number of values.

Buckets grow with the value, as floating-point numbers do, so that every quantile is within 1 %.
"""

__all__ = ["Histogram"]

_STEPS = 128  # buckets per power of two, for values within 1 %
_BITS = 40  # of the longest duration in microseconds: twelve days


class Histogram:
    """Durations in seconds, to the microsecond and within 1 %. ``maximum`` is exact."""

    __slots__ = ("_buckets", "count", "maximum")

    def __init__(self) -> None:
        self._buckets = [0] * (_STEPS * (_BITS - 6))
        self.count = 0
        self.maximum = 0.0

    def add(self, seconds: float, count: int = 1) -> None:
        """Count a duration, or ``count`` equal ones. A negative one counts as zero."""
        if seconds > self.maximum:
            self.maximum = seconds
        value = min(max(int(seconds * 1e6), 0), 2**_BITS - 1)
        shift = max(value.bit_length() - 8, 0)
        self._buckets[shift * _STEPS + (value >> shift)] += count
        self.count += count

    def quantile(self, part: float) -> float:
        """Return the duration that a part of all, from 0 to 1, did not exceed; 0.0 if there are none."""
        wanted = part * self.count
        seen = 0
        for index, count in enumerate(self._buckets):
            seen += count
            if count and seen >= wanted:
                shift = max(index // _STEPS - 1, 0)
                first = (index - shift * _STEPS) << shift
                return min((first + (1 << shift)) / 1e6, self.maximum)
        return self.maximum
