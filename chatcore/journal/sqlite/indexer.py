"""Fills the search index of a SQLite journal, and searches it, in a thread and with connections of its own.

- It learns of messages after they are acknowledged, and gathers some before it indexes them: no post waits.
- Before it searches, it indexes what the journal has of the rooms that are asked for. Where that takes long,
  since the index is being made, it refuses for a while.
- An index that is missing, damaged or of another epoch is made again. So is one that has too many entries of
  messages that have expired, and one that has words of a room that was removed.
- A search ends after `SEARCH_SECONDS`, with what was found until then.
"""

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from chatcore.errors import JournalError
from chatcore.journal import Stored, Unavailable
from chatcore.journal.search import Answer, Hits, SearchCursor, SearchRequest, Unsearchable
from chatcore.journal.sqlite.index_file import IndexFile, index_path
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.messages import Message
from chatcore.sqlite.private import create
from chatcore.sqlite.words import log_failure

__all__ = ["Indexer"]

log = logging.getLogger("chat.journal")

GROUP = 1_000
"""Messages that are indexed in one transaction."""

GATHER = 0.1
"""Seconds in which messages are gathered, unless somebody searches."""

WAIT = 2.0
"""Seconds that a search waits until the index has what its rooms have shown."""

SEARCH_SECONDS = 0.25
"""How long a search may take."""

RETRY_SECONDS = 1.0
"""Seconds after which a failed search, or filling, is tried again."""

REMAKE_SECONDS = 60.0
"""The least time between two attempts to make a damaged index again."""

LOOK = 5_000
"""After so many messages it is looked how many entries are of messages that have expired."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_Search = tuple[SearchRequest, Callable[[Answer], None]]


class Indexer:
    """The index of the journal at ``path``.

    ``open_journal`` returns a connection that only reads, and ``check`` fails if that is of another file than
    the journal's of now.
    """

    def __init__(
        self, path: Path, open_journal: Callable[[], SqliteFile], check: Callable[[SqliteFile], None]
    ) -> None:
        self._path = index_path(path)
        self._open_journal = open_journal
        self._check = check
        self._journal: SqliteFile | None = open_journal()
        self._index: IndexFile | None = None
        self._refusal: Unsearchable | None = None  # for good
        self._behind = False  # the index is being made
        self._made_at: float | None = None
        self._next_try = 0.0
        self._looked: str | None = ""  # the room up to which was looked for those that are waiting
        self._next_count = 0  # at which number of entries to look for expired ones
        self._waiting: dict[str, None] = {}  # rooms with messages that are not taken
        self._condition = threading.Condition()  # guards the rest
        self._searches: deque[_Search] = deque()
        self._noted: dict[str, None] = {}  # rooms in which something was posted
        self._looks: list[threading.Event] = []
        self._remake = False
        self._closing = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="chat-journal-search", daemon=True)
        self._thread.start()

    def note(self, rooms: Iterable[str]) -> None:
        """Learn that something was stored in some rooms, or that the log was replaced."""
        with self._condition:
            self._noted.update(dict.fromkeys(rooms))
            self._condition.notify()

    def forget(self) -> None:
        """Make the index again, without the words of what was removed."""
        with self._condition:
            self._remake = True
            self._condition.notify()
            has_ended = self._ended
        if has_ended:
            self._remove()

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Search in this object's thread, which calls ``deliver``; after `close`, it is called here."""
        with self._condition:
            if not self._closing:
                self._searches.append((request, deliver))
                self._condition.notify()
                return
        deliver(Unavailable(RETRY_SECONDS))

    def look_again(self) -> None:
        """Have a journal that was moved or replaced let go, and wait for that."""
        done = threading.Event()
        with self._condition:
            if self._closing:
                return
            self._looks.append(done)
            self._condition.notify()
        done.wait()

    def close(self) -> None:
        """Answer what was asked, and close the files. Idempotent."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        has_more = True
        while (called := self._next(has_more=has_more)) is not None:
            searches, looks = called
            self._look(looks)
            for request, deliver in searches:
                self._answer(request, deliver)
            has_more = self._fill()
        self._release()
        with self._condition:
            self._ended = True
            is_to_go = self._remake
        if is_to_go:
            self._remove()

    def _next(self, *, has_more: bool) -> tuple[deque[_Search], list[threading.Event]] | None:
        """Wait until there is something to do; return what is asked for, or ``None`` at the end."""
        with self._condition:
            if not has_more:
                self._condition.wait_for(self._has_work, self._pause())
                self._condition.wait_for(self._is_called, GATHER)
            searches, self._searches = self._searches, deque()
            looks, self._looks = self._looks, []
            self._waiting.update(self._noted)
            self._noted = {}
            return (searches, looks) if searches or looks or not self._closing else None

    def _is_called(self) -> bool:
        return bool(self._searches or self._looks or self._closing)

    def _has_work(self) -> bool:
        return self._is_called() or bool(self._noted) or (self._remake and time.monotonic() >= self._next_try)

    def _pause(self) -> float | None:
        """Return the seconds until something is tried again, or ``None`` if nothing is."""
        is_well = self._index is not None or self._refusal is not None
        return None if is_well else max(self._next_try - time.monotonic(), 0.0)

    def _look(self, looks: Iterable[threading.Event]) -> None:
        for done in looks:
            try:
                if self._journal is not None:
                    self._journal.check_identity()
            except Exception:  # it is opened again, and what is wrong with it is told then
                self._release()
            finally:
                done.set()

    def _fill(self) -> bool:
        """Index some of what is waiting; return whether there is more."""
        if self._refusal is not None or time.monotonic() < self._next_try:
            return False
        try:
            more = self._step()
        except Exception as error:
            self._fail(error)
            return False
        self._behind = self._behind and more
        return more

    def _answer(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        answer: Answer = Unavailable(RETRY_SECONDS)
        if self._refusal is not None:
            answer = self._refusal
        elif time.monotonic() >= self._next_try:
            try:
                answer = self._search(request)
            except Exception as error:
                self._fail(error)
        try:
            deliver(answer)
        except Exception:  # a bug in whoever asked: the next one must get its answer all the same
            log.exception("an answer of the search index was not taken")

    def _fail(self, error: Exception) -> None:
        """Close everything, to try again later. A damaged index is removed."""
        log_failure(log, f"cannot use the search index {self._path}", error)
        self._release()
        self._next_try = time.monotonic() + RETRY_SECONDS
        if isinstance(error, JournalError):
            self._refusal = Unsearchable("this server cannot search")
        elif isinstance(error, sqlite3.OperationalError) and "fts5" in str(error):
            self._refusal = Unsearchable("this server cannot search: its SQLite has no FTS5")
        elif (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _DAMAGED:
            self._remake = True
            if self._made_at is not None:
                self._next_try = max(self._next_try, self._made_at + REMAKE_SECONDS)

    def _release(self) -> None:
        if self._index is not None:
            self._index.close()
        if self._journal is not None:
            self._journal.close()
        self._index = self._journal = None

    # --- filling ---------------------------------------------------------------------------------

    def _files(self) -> tuple[IndexFile, SqliteFile]:
        """Return the open files: the journal, and the index of its log."""
        if self._journal is None:
            self._journal = self._open_journal()
        self._check(self._journal)
        if self._index is not None and (self._remake or not self._index.belongs_to(self._journal.epoch())):
            self._remove()
        if self._index is None:
            self._index = self._open_index(self._journal)
        return self._index, self._journal

    def _open_index(self, journal: SqliteFile) -> IndexFile:
        if self._remake:
            self._remove()
        create(self._path)
        index = IndexFile(self._path)
        with index.closed_on_error():
            is_ours = index.belongs_to(journal.epoch())
        if not is_ours:
            index.close()
            self._remove()
            return self._open_index(journal)
        self._looked, self._next_count = "", 0
        return index

    def _remove(self) -> None:
        """Remove the index, so that it is made again."""
        if self._index is not None:
            self._index.close()
            self._index = None
        for end in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + end).unlink(missing_ok=True)
        self._made_at = time.monotonic()
        self._remake = False

    def _step(self) -> bool:
        """Take and index one group, the oldest first; return whether there is more.

        Before everything is taken, nothing is indexed, since it may not be the oldest.
        """
        index, journal = self._files()
        with journal.snapshot(), index.transaction():
            self._look_for_rooms(index, journal)
            self._take(index, journal)
            is_taken = not self._waiting and self._looked is None
            todo = index.todo(GROUP) if is_taken else []
            index.add(todo, _readable(journal, todo))
        if is_taken and index.count >= self._next_count:
            self._next_count = index.count + LOOK
            self._remake = self._remake or index.count > 1.5 * journal.count() + LOOK
        return not is_taken or len(todo) == GROUP or self._remake

    def _look_for_rooms(self, index: IndexFile, journal: SqliteFile) -> None:
        """Look, some rooms at a time, for those with messages that came while nothing was indexed."""
        if self._looked is None or self._waiting:
            return
        rooms = journal.rooms_after(self._looked, GROUP)
        for name, room in rooms:
            taken = index.taken(name)
            if taken > room.head or (taken and room.removed):
                self._remake = True  # another log, or a room that was removed while this was not running
            elif taken < room.head and room.messages:
                self._waiting[name] = None
        self._looked = rooms[-1][0] if len(rooms) == GROUP else None

    def _take(self, index: IndexFile, journal: SqliteFile) -> None:
        left = GROUP
        while self._waiting and left:
            name = next(iter(self._waiting))
            room = journal.room(name) or NO_ROOM
            times = list(journal.times(room.number, index.taken(name), left))
            left -= len(times)
            is_all = left > 0
            index.take(name, room.head if is_all else times[-1][1], times)
            if is_all:
                del self._waiting[name]

    # --- searching -------------------------------------------------------------------------------

    def _search(self, request: SearchRequest) -> Answer:
        if self._behind:
            return Unavailable(RETRY_SECONDS)
        index, journal = self._files()
        for name in request.rooms:
            room = journal.room(name) or NO_ROOM
            if room.messages and room.head > index.taken(name):
                self._waiting[name] = None
        deadline = time.monotonic() + WAIT
        while self._step():
            if time.monotonic() > deadline:
                self._behind = True
                return Unavailable(RETRY_SECONDS)
        index, journal = self._files()
        with journal.snapshot():
            self._check(journal)
            return _find(index, journal, request)


def _readable(journal: SqliteFile, cursors: Iterable[SearchCursor]) -> Iterator[tuple[SearchCursor, Message]]:
    """Yield the messages of entries, but for those that are no longer there, or damaged."""
    numbers: dict[str, int] = {}
    for cursor in cursors:
        if stored := _stored(journal, cursor, numbers):
            yield cursor, stored.message


def _stored(journal: SqliteFile, cursor: SearchCursor, numbers: dict[str, int]) -> Stored | None:
    """Return the message of an entry, if it can be read. ``numbers`` are those of rooms, once known."""
    name = cursor.room
    if name not in numbers:
        numbers[name] = (journal.room(name) or NO_ROOM).number
    row = next(journal.read(numbers[name], cursor.seq - 1, cursor.seq + 1, 1), None)
    return row.stored(name) if row is not None and row.intact else None


def _find(index: IndexFile, journal: SqliteFile, request: SearchRequest) -> Answer:
    epoch, deadline = journal.epoch(), time.monotonic() + SEARCH_SECONDS
    page = _Page(request)
    try:
        with index.within(deadline):
            matches, numbers = index.matches(request), dict[str, int]()
            for cursor in matches:
                if cursor.at < request.since:
                    return Hits(epoch, tuple(page.found), None)
                if not page.take(cursor, journal, numbers) or time.monotonic() > deadline:
                    break
            else:
                return Hits(epoch, tuple(page.found), None)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
            raise
    if page.end is None:
        return Unsearchable("this search takes too long: use more words, or longer ones")
    return Hits(epoch, tuple(page.found), page.end)


class _Page:
    """Results, up to ``end``."""

    def __init__(self, request: SearchRequest) -> None:
        self.found: list[Stored] = []
        self.end: SearchCursor | None = None
        self._request = request
        self._left = request.max_bytes

    def take(self, cursor: SearchCursor, journal: SqliteFile, numbers: dict[str, int]) -> bool:
        """Take an entry, if it is a result; return whether there is room for it."""
        if len(self.found) == self._request.limit:
            return False
        if self._request.has_place_for(cursor):
            stored = _stored(journal, cursor, numbers)
            if stored is not None and self._request.is_answered_by(stored.message):
                self._left -= len(stored.line)
                if self.found and self._left < 0:
                    return False
                self.found.append(stored)
        self.end = cursor
        return True
