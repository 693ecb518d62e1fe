"""The search index of a SQLite journal: a file of its own, which can be made again from the journal.

- It has the terms of texts (`chatcore.terms`), never the texts: what is found is read from the journal. So
  nothing is shown that is no longer there, whatever the index holds.
- ``entries`` are in the order of results: time, room, number. One that comes too late for that, since a clock
  has gone back, is marked as *late*; there are few, and they are sorted when they are found.
- ``todo`` are entries that are known and not indexed yet. They are sorted first, so an index that is made of
  a whole journal is in order.
- Room and nick are terms too, in hexadecimal digits: names may have characters that separate terms.
- The tokenizer takes what is not ASCII as it is, so a term is one for SQLite too.
"""

import time
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from heapq import merge
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal.search import SearchCursor, SearchRequest
from chatcore.messages import Message
from chatcore.names import fold
from chatcore.sqlite.database import Database, FileKind
from chatcore.terms import Item, terms

__all__ = ["IndexFile", "index_path"]

_APPLICATION = 0x63686178  # "chax"

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rooms (name TEXT PRIMARY KEY, taken INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE todo (at INTEGER, room TEXT, seq INTEGER, PRIMARY KEY (at, room, seq)) WITHOUT ROWID;
CREATE TABLE entries (
    n INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,           -- microseconds since 1970
    room TEXT NOT NULL,            -- folded
    seq INTEGER NOT NULL,
    late INTEGER NOT NULL
);
CREATE INDEX entries_in_order ON entries (at, room, seq) WHERE late = 0;
CREATE VIRTUAL TABLE words USING fts5 (room, nick, text, content = '', columnsize = 0, tokenize = 'ascii');
"""

OPERATIONS = 1_000
"""Steps of SQLite's between two looks at the clock: some ten microseconds."""

WORDS = f"1 {unicodedata.unidata_version}"
"""The version of what words are: that of our function, and that of Python's tables of characters."""


def index_path(path: Path) -> Path:
    """Return where the index of a journal is."""
    return path.with_name(f"{path.name}-search")


class IndexFile(Database):
    """A connection to an index; everything raises `sqlite3.Error` as SQLite does."""

    KIND = FileKind(
        noun="search index",
        option="--no-search",
        application=_APPLICATION,
        version=1,
        tables=_TABLES,
        error=JournalError,
    )

    def __init__(self, path: Path) -> None:
        super().__init__(path, "NORMAL")
        with self.closed_on_error():
            self._count, self._last = self._end()

    @property
    def count(self) -> int:
        """How many entries it has, those of expired messages included."""
        return self._count

    def belongs_to(self, epoch: str) -> bool:
        """Tell whether it is of a log, and what words are has not changed since. A new one is of that log."""
        wanted = {"epoch": epoch, "words": WORDS}
        meta = dict(self.db.execute("SELECT key, value FROM meta"))
        if not meta:
            with self.transaction():
                self.db.executemany("INSERT INTO meta VALUES (?, ?)", wanted.items())
        return not meta or meta == wanted

    # --- filling ---------------------------------------------------------------------------------

    def taken(self, room: str) -> int:
        """Return up to which number the messages of a room are known here."""
        row = self.db.execute("SELECT taken FROM rooms WHERE name = ?", (room,)).fetchone()
        return 0 if row is None else int(row[0])

    def take(self, room: str, through: int, entries: Iterable[tuple[int, int]]) -> None:
        """Note messages of a room, each its time and number, that are to be indexed."""
        self.db.executemany(
            "INSERT OR IGNORE INTO todo VALUES (?, ?, ?)", ((at, room, seq) for at, seq in entries)
        )
        self.db.execute(
            "INSERT INTO rooms VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET taken = excluded.taken",
            (room, through),
        )

    def todo(self, limit: int) -> list[SearchCursor]:
        """Return the first entries that are not indexed yet."""
        rows = self.db.execute("SELECT at, room, seq FROM todo ORDER BY at, room, seq LIMIT ?", (limit,))
        return [SearchCursor(*row) for row in rows]

    def add(self, done: list[SearchCursor], messages: Iterable[tuple[SearchCursor, Message]]) -> None:
        """Index messages, and note that some entries, theirs among them, are done.

        If this is not committed, the connection has to be closed.
        """
        count, last = self._count, self._last
        for cursor, message in messages:
            count += 1
            late = last is not None and cursor < last
            last = last if late else cursor
            self.db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", (count, *cursor, late))
            self.db.execute(
                "INSERT INTO words (rowid, room, nick, text) VALUES (?, ?, ?, ?)",
                (
                    count,
                    _room_term(cursor.room, late=late),
                    _hex(fold(message.nick)),
                    " ".join(terms(message.text)),
                ),
            )
        self.db.executemany("DELETE FROM todo WHERE (at, room, seq) = (?, ?, ?)", done)
        self._count, self._last = count, last

    # --- searching -------------------------------------------------------------------------------

    @contextmanager
    def within(self, deadline: float) -> Iterator[None]:
        """Let what is read within end at a time of `time.monotonic`, by an error."""
        self.db.set_progress_handler(lambda: time.monotonic() > deadline, OPERATIONS)
        try:
            yield
        finally:
            self.db.set_progress_handler(None, 0)

    def matches(self, request: SearchRequest) -> Iterator[SearchCursor]:
        """Yield entries that have what is looked for, newest first, from the cursor and the time on."""
        end = SearchCursor(request.until, "", 0)
        if request.cursor is not None:
            end = min(end, request.cursor)
        return merge(self._in_order(request, end), self._late(request, end), reverse=True)

    def _in_order(self, request: SearchRequest, end: SearchCursor) -> Iterator[SearchCursor]:
        first = self.db.execute(
            "SELECT n FROM entries WHERE late = 0 AND (at, room, seq) < (?, ?, ?)"
            " ORDER BY at DESC, room DESC, seq DESC LIMIT 1",
            end,
        ).fetchone()
        if first is None:
            return
        rows = self.db.execute(
            "SELECT at, entries.room, seq FROM words CROSS JOIN entries ON n = words.rowid"
            " WHERE words MATCH ? AND words.rowid <= ? ORDER BY words.rowid DESC",
            (_expression(request, late=False), *first),
        )
        for row in rows:
            yield SearchCursor(*row)

    def _late(self, request: SearchRequest, end: SearchCursor) -> Iterator[SearchCursor]:
        rows = self.db.execute(
            "SELECT at, entries.room, seq FROM words CROSS JOIN entries ON n = words.rowid"
            " WHERE words MATCH ? AND (at, entries.room, seq) < (?, ?, ?) AND at >= ?"
            " ORDER BY at DESC, entries.room DESC, seq DESC",
            (_expression(request, late=True), *end, request.since),
        )
        for row in rows:
            yield SearchCursor(*row)

    def _end(self) -> tuple[int, SearchCursor | None]:
        (count,) = self.db.execute("SELECT coalesce(max(n), 0) FROM entries").fetchone()
        row = self.db.execute(
            "SELECT at, room, seq FROM entries WHERE late = 0 ORDER BY at DESC, room DESC, seq DESC LIMIT 1"
        ).fetchone()
        return int(count), None if row is None else SearchCursor(*row)


def _expression(request: SearchRequest, *, late: bool) -> str:
    """Return a query in FTS5's language; terms have nothing in them that means something there."""
    rooms = " OR ".join(f'"{_room_term(room, late=late)}"' for room in request.rooms)
    parts = [f"room : ({rooms})"]
    if request.nick is not None:
        parts.append(f'nick : "{_hex(request.nick)}"')
    parts += [f"text : {_phrase(item)}" for item in request.items]
    return " AND ".join(parts)


def _phrase(item: Item) -> str:
    return f'"{" ".join(item.terms)}"{" *" if item.prefix else ""}'


def _room_term(room: str, *, late: bool) -> str:
    return f"{'l' if late else 'r'}{_hex(room)}"


def _hex(name: str) -> str:
    return name.encode().hex()
