"""The bounds of a page in the SQLite journal: where they are times, the numbers that they stand for.

Times never decrease in a room, so this is a search by number, and needs no index. Holes cost nothing, and
runs of damage only the rows that are passed over. The time of a damaged row is not trusted. So damaged rows
between the last message from before a time and the first that is not may be from either side, and a page has
them whichever side it is for.
"""

from datetime import datetime
from typing import NamedTuple

from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.journal.times import milliseconds

__all__ = ["Bounds"]

_ALL = -1


class Bounds(NamedTuple):
    """The bounds that `Journal.read` was asked with; of two upper ones the lower counts."""

    after: int | None = None
    before: int | None = None
    after_at: datetime | None = None
    before_at: datetime | None = None

    @property
    def are_single(self) -> bool:
        """Whether there is at most one lower bound, and one upper."""
        return None in (self.after, self.after_at) and None in (self.before, self.before_at)

    @property
    def by_time(self) -> bool:
        """Whether one of them is a time."""
        return self.after_at is not None or self.before_at is not None

    def in_numbers(self, file: SqliteFile, room: int, oldest: int, head: int) -> "Bounds":
        """Return the same without times.

        ``oldest`` is the position before the oldest message that is stored, and ``head`` that of the last.
        """
        after, before = self.after, self.before
        if self.after_at is not None:
            earlier, _ = _around(file, room, oldest, head, self.after_at)
            after = oldest if earlier is None else earlier
        if self.before_at is not None:
            _, later = _around(file, room, oldest, head, self.before_at)
            first = head + 1 if later is None else later
            before = first if before is None else min(before, first)
        return Bounds(after, before)


def _around(
    file: SqliteFile, room: int, oldest: int, head: int, at: datetime
) -> tuple[int | None, int | None]:
    """Return the last intact message from before a time's millisecond, and the first one that is not."""
    wanted = milliseconds(at)
    low, high = oldest, head + 1  # what is intact up to `low` is from before, and from `high` on it is not
    earlier: int | None = None
    later: int | None = None
    while high - low > 1:
        middle = (low + high) // 2
        row = next((row for row in file.read(room, middle - 1, high, _ALL) if row.intact), None)
        if row is None:
            high = middle
        elif milliseconds(row.at) < wanted:
            low = earlier = row.seq
        else:
            high, later = middle, row.seq
    return earlier, later
