"""The index of a SQLite journal, and searching by it, in a thread and with connections of its own.

- It learns of messages after they are acknowledged, and gathers them before it indexes them: no post waits.
  What it may not have learned of, it finds in the journal.
- Before it searches, it indexes what the journal has of the rooms that are asked for. Where that takes long,
  since the index is being made, it refuses for a while.
- It makes an index in half of its time, and leaves the other half to those who post.
- A damaged index is made again, and whatever else fails is tried again. Its operator learns of that once.
- A search ends after `SEARCH_SECONDS`, with what was found until then. Nothing waits for it at the end.
"""

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from chatcore.errors import JournalError
from chatcore.journal import Unavailable
from chatcore.journal.search import Answer, SearchRequest, Unsearchable
from chatcore.journal.sqlite.backlog import Backlog, Entry
from chatcore.journal.sqlite.index_file import index_path
from chatcore.journal.sqlite.index_filler import GROUP, IndexFiller
from chatcore.journal.sqlite.index_search import find
from chatcore.journal.sqlite.log_events import (
    index_answer_lost,
    index_not_removed,
    index_recovered,
    index_unusable,
)
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.sqlite.words import log_failure

__all__ = ["Indexer"]

GATHER = 2.0
"""Seconds in which messages are gathered, unless somebody searches or there are enough."""

WAIT = 2.0
"""Seconds that a search waits until the index has what its rooms have shown."""

SEARCH_SECONDS = 0.25
"""How long a search may take."""

RETRY_SECONDS = 1.0
"""Seconds after which a failed search, or filling, is tried again."""

REMAKE_SECONDS = 60.0
"""The least time between two attempts to make a damaged index again."""

PAUSE = 1.0
"""The longest pause between two groups, in seconds, while an index is made."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)

_Search = tuple[SearchRequest, Callable[[Answer], None]]


class _Work(NamedTuple):
    """What the thread was called for."""

    searches: deque[_Search]
    looks: list[threading.Event]
    messages: list[Entry]


class Indexer:
    """The index of the journal at ``path``.

    ``open_journal`` returns a connection that only reads, and ``check`` fails if that is of another file than
    the journal's of now.
    """

    def __init__(
        self, path: Path, open_journal: Callable[[], SqliteFile], check: Callable[[SqliteFile], None]
    ) -> None:
        self._path = index_path(path)
        self._filler = IndexFiller(self._path, open_journal, check)
        self._refusal: Unsearchable | None = None  # for good
        self._behind = False  # the index is being made
        self._fails = False  # and that is known
        self._next_try = 0.0
        self._rest_until = 0.0
        self._condition = threading.Condition()  # guards the rest
        self._searches: deque[_Search] = deque()
        self._looks: list[threading.Event] = []
        self._backlog = Backlog()
        self._remake = False
        self._closing = False
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="chat-journal-search", daemon=True)
        self._thread.start()

    def note(self, messages: Sequence[Entry]) -> None:
        """Learn of messages that were stored, in their order."""
        with self._condition:
            before = len(self._backlog)
            self._backlog.add(messages)
            if not before or before < GROUP <= len(self._backlog):
                self._condition.notify()

    def note_rooms(self, rooms: Iterable[str]) -> None:
        """Learn that something may have been stored in rooms, or that the log was replaced."""
        with self._condition:
            self._backlog.add_rooms(rooms)
            self._condition.notify()

    def forget(self) -> None:
        """Make the index again, without the words of what was removed, or damage."""
        with self._condition:
            self._remake = True
            self._condition.notify()
            has_ended = self._ended
        if has_ended:
            self._remove()

    @property
    def can_search(self) -> bool:
        """Whether nothing stands in the way for good. From any thread."""
        return self._refusal is None

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
        """Refuse what was asked, and close the files. Idempotent."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        has_more = True
        while (work := self._next(has_more=has_more)) is not None:
            self._look(work.looks)
            has_more = self._fill(work.messages)
            while work.searches:
                self._answer(*work.searches.popleft())
            has_more = (has_more or self._behind) and self._may_try
        self._filler.release()
        with self._condition:
            self._ended = True
            is_to_go = self._remake
        if is_to_go:
            self._remove()

    def _next(self, *, has_more: bool) -> _Work | None:
        """Wait until there is something to do; return it, or ``None`` at the end."""
        with self._condition:
            if has_more:
                self._condition.wait_for(self._is_called, max(self._rest_until - time.monotonic(), 0.0))
            else:
                self._condition.wait_for(self._has_work, self._pause())
                self._condition.wait_for(self._has_enough, GATHER)
            searches, self._searches = self._searches, deque()
            looks, self._looks = self._looks, []
            messages, rooms = self._backlog.take()
            self._filler.await_rooms(rooms)
            is_over = self._closing and not (searches or looks)
            return None if is_over else _Work(searches, looks, messages)

    def _is_called(self) -> bool:
        return bool(self._searches or self._looks or self._closing)

    def _has_work(self) -> bool:
        return self._is_called() or bool(self._backlog) or (self._remake and not self._pause())

    def _has_enough(self) -> bool:
        return self._is_called() or self._remake or len(self._backlog) >= GROUP

    def _pause(self) -> float | None:
        """Return the seconds until something is tried again, or ``None`` if nothing is."""
        return max(self._next_try - time.monotonic(), 0.0) if self._fails and not self._refusal else None

    @property
    def _may_try(self) -> bool:
        return self._refusal is None and time.monotonic() >= self._next_try

    def _is_over(self, deadline: float) -> bool:
        return self._closing or time.monotonic() > deadline

    def _look(self, looks: Iterable[threading.Event]) -> None:
        for done in looks:
            try:
                self._filler.check_identity()
            except Exception:  # it is opened again, and what is wrong with it is told then
                self._filler.release()
            finally:
                done.set()

    def _fill(self, messages: list[Entry]) -> bool:
        """Index some of what is waiting; return whether there is more."""
        if self._closing or not self._may_try:
            self._filler.await_rooms(room for _, room, *_ in messages)
            return False
        began = time.monotonic()
        try:
            more = self._step(messages)
        except Exception as error:
            self._filler.await_rooms(room for _, room, *_ in messages)
            self._fail(error)
            return False
        now = time.monotonic()
        self._rest_until = now + min(now - began, PAUSE)
        self._behind = self._behind and more
        return more

    def _step(self, messages: list[Entry]) -> bool:
        with self._condition:
            is_to_go, self._remake = self._remake, False
        if is_to_go:
            self._filler.remake()
        more = self._filler.step(messages)
        if self._fails and not more:
            self._fails = False
            index_recovered.log(path=str(self._path))
        return more

    def _answer(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        answer: Answer = Unavailable(RETRY_SECONDS)
        if self._refusal is not None:
            answer = self._refusal
        elif not self._closing and self._may_try:
            try:
                answer = self._search(request)
            except Exception as error:
                self._fail(error)
        try:
            deliver(answer)
        except Exception as error:  # a bug in whoever asked: the next one must get its answer all the same
            index_answer_lost.log_bug(error)

    def _search(self, request: SearchRequest) -> Answer:
        if self._behind:
            return Unavailable(RETRY_SECONDS)
        self._filler.catch_up_with(request.rooms)
        deadline = time.monotonic() + WAIT
        while self._step([]):
            if self._looks or self._is_over(deadline):
                self._behind = True
                return Unavailable(RETRY_SECONDS)
        index, journal = self._filler.files()
        deadline = time.monotonic() + SEARCH_SECONDS
        with journal.snapshot():
            answer = find(index, journal, request, lambda: self._is_over(deadline))
        return Unavailable(RETRY_SECONDS) if self._closing else answer

    # --- when something fails --------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        """Close everything, to try again later. A damaged index is removed."""
        if not self._fails:  # this is said once, however long it lasts
            log_failure(index_unusable, error, path=str(self._path), error=str(error))
        self._fails = True
        self._filler.release()
        self._next_try = time.monotonic() + RETRY_SECONDS
        if isinstance(error, JournalError):
            self._refusal = Unsearchable("this server cannot search")
        elif isinstance(error, sqlite3.OperationalError) and "no such module" in str(error):
            self._refusal = Unsearchable("this server cannot search: its SQLite has no FTS5")
        elif (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF in _DAMAGED:
            self.forget()
            made_at = self._filler.made_at
            self._next_try = 0.0 if made_at is None else max(self._next_try, made_at + REMAKE_SECONDS)

    def _remove(self) -> None:
        try:
            self._filler.remove()
        except OSError as error:
            log_failure(index_not_removed, error, path=str(self._path), error=str(error))
