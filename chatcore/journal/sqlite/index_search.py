"""Finds in the search index of a SQLite journal what is looked for, and reads it from the journal.

An entry of the index is no result before its message was looked at: it may have expired, or been damaged,
its words may be in another order, and it may lie out of bounds.
"""

import sqlite3
from collections.abc import Callable

from chatcore.journal import Stored
from chatcore.journal.search import Answer, Hits, SearchCursor, SearchRequest, Unsearchable
from chatcore.journal.sqlite.index_file import IndexFile
from chatcore.journal.sqlite.index_filler import stored_at
from chatcore.journal.sqlite.statements import SqliteFile

__all__ = ["find"]


def find(
    index: IndexFile, journal: SqliteFile, request: SearchRequest, is_over: Callable[[], bool]
) -> Answer:
    """Search until ``is_over`` says so, with what was found until then."""
    epoch, page = journal.epoch(), _Page(journal, request)
    try:
        with index.until(is_over):
            for cursor in index.matches(request):
                if cursor.at < request.since:
                    return Hits(epoch, tuple(page.found), None)
                if not page.take(cursor) or is_over():
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

    def __init__(self, journal: SqliteFile, request: SearchRequest) -> None:
        self.found: list[Stored] = []
        self.end: SearchCursor | None = None
        self._journal = journal
        self._numbers: dict[str, int] = {}
        self._request = request
        self._left = request.max_bytes

    def take(self, cursor: SearchCursor) -> bool:
        """Take an entry, if it is a result; return whether there is room for it."""
        if len(self.found) == self._request.limit:
            return False
        if self._request.has_place_for(cursor):
            stored = stored_at(self._journal, cursor, self._numbers)
            if stored is not None and self._request.is_answered_by(stored.message):
                self._left -= len(stored.line)
                if self.found and self._left < 0:
                    return False
                self.found.append(stored)
        self.end = cursor
        return True
