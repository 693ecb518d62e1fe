"""What the SQLite journal's rows are to a reader: messages and gaps, by the law of reading.

- Each entry begins where the last one ended: a message at its ``prev``, a gap at its ``after``.
- A run of damaged rows is one gap. Only the ``seq`` of a damaged row is trusted, so the gap begins where the
  entry before it ended, or at the reader's own position. It ends where the next intact message begins or, if
  none follows, at the last damaged ``seq``.
- A row that has vanished leaves such a gap too.
- Damage is no error of SQLite's: that one is raised, and the page is asked for again.
"""

from collections.abc import Iterable, Iterator

from chatcore.journal import Page, Stored
from chatcore.journal.sqlite.bounds import Bounds
from chatcore.journal.sqlite.log_events import journal_damaged
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.journal.sqlite.statements import Row, SqliteFile
from chatcore.messages import GapWord, PageGap

__all__ = ["DamageLog", "entries", "page"]

GAP_BYTES = 64
"""What a gap counts as in a page."""

_ALL = -1


class DamageLog:
    """Logs each damaged row once, a line for each run."""

    def __init__(self) -> None:
        self._logged: dict[str, set[int]] = {}

    def note(self, room: str, rows: Iterable[Row]) -> None:
        """Log the runs of damaged rows that were not logged before; the rows are in order."""
        run: list[int] = []
        for row in rows:
            if not row.intact:
                run.append(row.seq)
            elif run:
                self._log(room, run)
                run = []
        if run:
            self._log(room, run)

    def _log(self, room: str, run: list[int]) -> None:
        logged = self._logged.setdefault(room, set())
        if logged.isdisjoint(run):
            journal_damaged.log(room=room, first=run[0], last=run[-1])
        logged.update(run)


def entries(
    rows: Iterable[Row], start: int, *, following: Row | None = None, vanished: GapWord = "damaged"
) -> Iterator[Row | PageGap]:
    """Yield intact rows, and the gaps between them.

    The rows are in order, and ``following`` is the next one if it is known. ``start`` is the position of a
    reader whose first row is damaged. ``vanished`` is the reason for a row that is not there at all.
    """
    end: int | None = None  # of the entry before
    damaged: int | None = None  # the last damaged row since
    for row in rows:
        if row.intact:
            before = start if end is None and damaged is not None else end
            if before is not None and row.prev > before:
                reason = vanished if damaged is None else "damaged"
                yield PageGap(after=before, through=row.prev, reason=reason)
            yield row
            end, damaged = row.seq, None
        else:
            damaged = row.seq
    if damaged is not None:
        through = following.prev if following is not None and following.intact else damaged
        yield PageGap(after=start if end is None else end, through=through, reason="damaged")


def page(
    file: SqliteFile,
    *,
    damage: DamageLog,
    room: str,
    bounds: Bounds,
    limit: int,
    max_bytes: int,
) -> Page:
    """Read a page, as `Journal.read` describes it."""
    epoch = file.epoch()
    number, head, *_ = file.room(room) or NO_ROOM
    oldest = file.position_before_all(number, head) if bounds.by_time else None
    if oldest is not None:
        bounds = bounds.in_numbers(file, number, oldest, head)
    after, before = bounds.after, bounds.before
    low, high = after or 0, head + 1 if before is None else before
    rows, following = _fitting(file.read(number, low, high, _ALL, newest=after is None), limit, max_bytes)
    more = following is not None
    if not rows:
        end = max(low, file.position_below(number, high, head))
        return Page(epoch, end, end, (), more, oldest=oldest)
    if after is None:
        rows.reverse()
        low = 0 if following is None else following.seq
        following = None
    base = rows[0].prev if rows[0].intact else low
    messages: list[Stored] = []
    gaps: list[PageGap] = []
    through = base
    for entry in entries(rows, base, following=following):
        if isinstance(entry, PageGap):
            gaps.append(entry)
            through = entry.through
        else:
            messages.append(entry.stored(room))
            through = entry.seq
    if gaps:
        damage.note(room, rows)
    return Page(epoch, base, through, tuple(messages), more, tuple(gaps), oldest)


def _fitting(rows: Iterator[Row], limit: int, max_bytes: int) -> tuple[list[Row], Row | None]:
    """Take rows until a page is full; return them, and the one that did not fit."""
    fitting: list[Row] = []
    count = size = 0
    in_run = False
    for row in rows:
        if row.intact:
            in_run = False
            count += 1
            size += len(row.line)
        elif not in_run:
            in_run = True
            size += GAP_BYTES
        else:
            fitting.append(row)
            continue
        if count > limit or (fitting and (size > max_bytes or (in_run and count == limit))):
            return fitting, row
        fitting.append(row)
    return fitting, None
