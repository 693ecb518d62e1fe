"""Times as journals compare them: whole milliseconds, cut off and not rounded.

A JavaScript ``Date`` has no more. So a client that asks with the time of a message that it has may get that
message again, and never misses one beside it.
"""

from datetime import UTC, datetime, timedelta

__all__ = ["milliseconds"]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(at: datetime) -> int:
    """Return the whole milliseconds from 1970 to a time, which has a zone."""
    return (at - _BEGINNING) // _MILLISECOND
