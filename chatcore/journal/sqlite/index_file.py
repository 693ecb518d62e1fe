"""The search index of a SQLite journal: a file of its own, which can be made again from the journal.

- It has the terms of texts (`chatcore.terms`), never the texts: what is found is read from the journal. So
  nothing is shown that is no longer there, whatever the index holds.
- Each term has its room in it. So a search reads nothing of rooms that are not asked for, and how long it
  takes says nothing about them.
- It does not know where in a text a term is. Whoever searches looks at the text itself for that.
- ``entries`` are in the order of results: time, room, number. One that comes too late for that, since a clock
  has gone back, is *late* and has a negative number; there are few, and they are sorted when they are found.
- ``todo`` are entries that are known and not indexed yet. They are sorted first, so an index that is made of
  a whole journal is in order.
- The tokenizer takes what is not ASCII as it is, so a term is one for SQLite too.
"""

import sqlite3
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from heapq import merge
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from pydantic_core import to_json

from chatcore.errors import JournalError
from chatcore.journal.search import END_OF_TIME, SearchCursor, SearchRequest
from chatcore.journal.sqlite.backlog import Entry
from chatcore.names import fold
from chatcore.sqlite.database import Database, FileKind
from chatcore.terms import Item, terms

__all__ = ["IndexFile", "IndexedRoom", "OtherFormat", "index_path", "remove_index"]

_APPLICATION = 0x63686178  # "chax"

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,     -- folded
    taken INTEGER NOT NULL         -- up to which number its messages are known here
);
CREATE TABLE todo (at INTEGER, room TEXT, seq INTEGER, PRIMARY KEY (at, room, seq)) WITHOUT ROWID;
CREATE TABLE entries (
    n INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,           -- microseconds since 1970
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL
);
CREATE VIRTUAL TABLE words USING fts5
    (terms, content = '', columnsize = 0, detail = none, tokenize = 'ascii');
"""

TOGETHER = 100
"""How many entries are added by one statement, where there are so many."""

_INSERT = "INSERT INTO entries VALUES (?, ?, ?, ?)"

_INSERT_MANY = _INSERT + ", (?, ?, ?, ?)" * (TOGETHER - 1)

OPERATIONS = 1_000
"""Steps of SQLite's between two looks at the clock: some ten microseconds."""

WORDS = f"1 {unicodedata.unidata_version}"
"""The version of what words are: that of our function, and that of Python's tables of characters."""


def index_path(path: Path) -> Path:
    """Return where the index of a journal is."""
    return path.with_name(f"{path.name}-search")


class OtherFormat(Exception):
    """The file is an index that another version of this library has made."""


class IndexedRoom(NamedTuple):
    """A room as the index knows it: its number there, and up to which one its messages are known."""

    id: int
    taken: int


class IndexFile(Database):
    """A connection to an index; everything raises `sqlite3.Error` as SQLite does.

    Opening one of another version raises `OtherFormat`.
    """

    KIND = FileKind(
        noun="search index",
        option="--no-search",
        application=_APPLICATION,
        version=2,
        tables=_TABLES,
        error=JournalError,
    )

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, "NORMAL", read_only=read_only)
        with self.closed_on_error():
            if read_only:
                self.check_kind()
            # What leaves it leaves with the file: words are in pages that no statement has freed.
            self.db.execute("PRAGMA secure_delete = OFF")
            self._count, self._late, self._last = self._ends()

    @property
    def count(self) -> int:
        """How many entries it has, those of expired messages included."""
        return self._count + self._late

    @property
    def late(self) -> int:
        """How many of them are late."""
        return self._late

    def check_kind(self) -> int:
        """Return the format of the file, as in the base class."""
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        if application == _APPLICATION and self.version() != self.KIND.version:
            raise OtherFormat
        return super().check_kind()

    def belongs_to(self, epoch: str) -> bool:
        """Tell whether it is of a log, and what words are has not changed since. A new one is of that log."""
        if self.db.execute("SELECT 1 FROM meta").fetchone() is None:
            with self.transaction():
                self.db.executemany("INSERT INTO meta VALUES (?, ?)", _meta(epoch).items())
        return self.is_of(epoch)

    def is_of(self, epoch: str) -> bool:
        """Tell whether it is of a log and of our rules for words, without making it so."""
        return dict(self.db.execute("SELECT key, value FROM meta")) == _meta(epoch)

    # --- filling ---------------------------------------------------------------------------------

    def rooms(self, names: Collection[str]) -> dict[str, IndexedRoom]:
        """Return those of some rooms that are known here."""
        rows = self.db.execute(
            "SELECT name, rooms.id, taken FROM json_each(?) CROSS JOIN rooms ON name = value",
            (to_json(list(names)).decode(),),
        )
        return {name: IndexedRoom(id_, taken) for name, id_, taken in rows}

    def note_taken(self, taken: Iterable[tuple[str, int]]) -> None:
        """Note up to which number the messages of rooms are known; a new room gets its number."""
        self.db.executemany(
            "INSERT INTO rooms (name, taken) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET taken = excluded.taken",
            taken,
        )

    def put_off(self, cursors: Iterable[SearchCursor]) -> None:
        """Note messages that are to be indexed."""
        self.db.executemany("INSERT OR IGNORE INTO todo VALUES (?, ?, ?)", cursors)

    def todo(self, limit: int) -> list[SearchCursor]:
        """Return the first entries that are not indexed yet."""
        rows = self.db.execute("SELECT at, room, seq FROM todo ORDER BY at, room, seq LIMIT ?", (limit,))
        return [SearchCursor(*row) for row in rows]

    def finish(self, last: SearchCursor) -> None:
        """Note that what is to be indexed is done, up to some entry."""
        self.db.execute("DELETE FROM todo WHERE (at, room, seq) <= (?, ?, ?)", last)

    def add(self, entries: Sequence[Entry], rooms: Mapping[str, IndexedRoom]) -> None:
        """Index messages, which are in order. If this is not committed, the connection has to be closed.

        ``rooms`` are all of theirs.
        """
        late = 0 if self._last is None else bisect_left(entries, self._last._replace(seq=self._last.seq + 1))
        self._insert(self._count + 1, entries[late:], rooms)
        self._insert(-self._late - late, entries[:late], rooms)
        self._count, self._late = self._count + len(entries) - late, self._late + late
        if len(entries) > late:
            self._last = SearchCursor(*entries[-1][:3])

    def _insert(self, first: int, entries: Sequence[Entry], rooms: Mapping[str, IndexedRoom]) -> None:
        """Insert entries under ascending numbers: for any other, FTS5 would begin a new segment.

        Many share a statement: while one runs, other threads have the interpreter.
        """
        rows = [(n, at, rooms[room].id, seq) for n, (at, room, seq, *_) in enumerate(entries, first)]
        together = len(rows) - len(rows) % TOGETHER
        for start in range(0, together, TOGETHER):
            self.db.execute(_INSERT_MANY, list(chain(*rows[start : start + TOGETHER])))
        self.db.executemany(_INSERT, rows[together:])
        words = [_words(rooms[room].id, nick, text) for _, room, _, _, nick, text in entries]
        self.db.execute(
            "INSERT INTO words (rowid, terms) SELECT key + ?, value FROM json_each(?)",
            (first, to_json(words).decode()),
        )

    # --- searching -------------------------------------------------------------------------------

    @contextmanager
    def until(self, is_over: Callable[[], bool]) -> Iterator[None]:
        """End what is read within, by an error, once something says so."""
        self.db.set_progress_handler(is_over, OPERATIONS)
        try:
            yield
        finally:
            self.db.set_progress_handler(None, 0)

    def matches(self, request: SearchRequest) -> Iterator[SearchCursor]:
        """Yield entries that have all terms of what is looked for, newest first, from the cursor on.

        Some are not what is looked for: their words may be in another order, and they may be out of bounds.
        """
        rooms = self.rooms(request.rooms)
        if not rooms:
            return iter(())
        expression = " OR ".join(_expression(room.id, request) for room in rooms.values())
        end = SearchCursor(request.until, "", 0)
        if request.cursor is not None:
            end = min(end, request.cursor)
        return merge(self._in_order(expression, end), self._late_ones(expression, end), reverse=True)

    def _in_order(self, expression: str, end: SearchCursor) -> Iterator[SearchCursor]:
        rows = self.db.execute(
            "SELECT at, name, seq FROM words CROSS JOIN entries ON n = words.rowid"
            " CROSS JOIN rooms ON rooms.id = room"
            " WHERE words MATCH ? AND words.rowid BETWEEN 1 AND ? ORDER BY words.rowid DESC",
            (expression, self._count_before(end)),
        )
        for row in rows:
            yield SearchCursor(*row)

    def _late_ones(self, expression: str, end: SearchCursor) -> Iterator[SearchCursor]:
        if not self._late:
            return
        rows = self.db.execute(
            "SELECT at, name, seq FROM words CROSS JOIN entries ON n = words.rowid"
            " CROSS JOIN rooms ON rooms.id = room"
            " WHERE words MATCH ? AND words.rowid < 0 AND (at, name, seq) < (?, ?, ?)"
            " ORDER BY at DESC, name DESC, seq DESC",
            (expression, *end),
        )
        for row in rows:
            yield SearchCursor(*row)

    def _count_before(self, end: SearchCursor) -> int:
        """Return how many entries in order are before some place: they have the numbers up to that."""
        low, high = 0, self._count
        if end.at == END_OF_TIME:
            return high
        while low < high:
            middle = (low + high + 1) // 2
            entry = self._entry(middle)
            if entry is not None and entry < end:
                low = middle
            else:
                high = middle - 1
        return low

    def _entry(self, n: int) -> SearchCursor | None:
        row = self.db.execute(
            "SELECT at, name, seq FROM entries CROSS JOIN rooms ON id = room WHERE n = ?", (n,)
        ).fetchone()
        return None if row is None else SearchCursor(*row)

    def _ends(self) -> tuple[int, int, SearchCursor | None]:
        last, first = self.db.execute("SELECT max(n), min(n) FROM entries").fetchone()
        count = max(last or 0, 0)
        return count, max(-(first or 0), 0), self._entry(count)


def remove_index(index: Path) -> None:
    """Remove an index, damaged or not, but no other program's database; raises `OSError`."""
    try:
        IndexFile(index, read_only=True).close()
    except JournalError:
        return
    except (sqlite3.Error, OtherFormat):
        pass
    for end in ("", "-wal", "-shm"):  # in this order: SQLite removes a log whose file is empty
        index.with_name(index.name + end).unlink(missing_ok=True)


def _meta(epoch: str) -> dict[str, str]:
    return {"epoch": epoch, "words": WORDS}


# --- terms of SQLite's: room, kind, term ---------------------------------------------------------------


def _words(room: int, nick: str, text: str) -> str:
    lead = f" {room}t"
    return f"{_nick(room, fold(nick))}{lead}{lead.join(terms(text))}"


def _nick(room: int, folded: str) -> str:
    return f"{room}n{folded.encode().hex()}"  # it may have characters that separate terms


def _expression(room: int, request: SearchRequest) -> str:
    """Return a query in FTS5's language; terms have nothing in them that means something there."""
    parts = [f'"{_nick(room, request.nick)}"'] if request.nick is not None else []
    parts += [part for item in request.items for part in _parts(room, item)]
    return f"({' AND '.join(parts)})"


def _parts(room: int, item: Item) -> Iterator[str]:
    *whole, last = item.terms
    for term in whole:
        yield f'"{room}t{term}"'
    yield f'"{room}t{last}"{" *" if item.prefix else ""}'
