"""Fills a search index from what was just stored, or from the journal: in groups, each a transaction.

- What was just stored is indexed as it comes, if it follows what the index has of its room.
- All else is read from the journal: first the times and numbers, which SQLite sorts, and then the messages.
  So an index that is made of a whole journal is in order.
- An index that is missing, of another version or of another epoch is made again. So is one that has too many
  entries of messages that have expired, or that came late, and one that has words of a room that was removed.

It is for one thread. Everything here raises what SQLite and the file system raise.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from chatcore.journal import Stored
from chatcore.journal.search import SearchCursor
from chatcore.journal.sqlite.backlog import Entry
from chatcore.journal.sqlite.index_file import IndexedRoom, IndexFile, OtherFormat, remove_index
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.private import create

__all__ = ["GROUP", "IndexFiller", "stored_at"]

GROUP = 1_000
"""Messages that are read from the journal and indexed in one transaction."""

LOOK = 5_000
"""After so many messages it is looked how many entries are late, or of messages that have expired."""

_UNKNOWN = IndexedRoom(0, 0)


class IndexFiller:
    """The open files: the index at ``path``, and a connection that reads its journal.

    ``open_journal`` returns such a connection, and ``check`` fails if one is of another file than the
    journal's of now. To have the index made again, `remake` it.
    """

    def __init__(
        self, path: Path, open_journal: Callable[[], SqliteFile], check: Callable[[SqliteFile], None]
    ) -> None:
        self.made_at: float | None = None  # when an index was last removed, by `time.monotonic`
        self._path = path
        self._open_journal = open_journal
        self._check = check
        self._journal: SqliteFile | None = None
        self._index: IndexFile | None = None
        self._is_to_go = False
        self._looked: str | None = ""  # the room up to which was looked for those that are waiting
        self._waiting: dict[str, None] = {}  # rooms with messages that are not taken
        self._has_todo = True
        self._next_count = 0  # at which number of entries to look for expired ones

    def files(self) -> tuple[IndexFile, SqliteFile]:
        """Return the open files."""
        if self._journal is None:
            self._journal = self._open_journal()
        self._check(self._journal)
        epoch = self._journal.epoch()
        if self._is_to_go or (self._index is not None and not self._index.belongs_to(epoch)):
            self.remove()
        if self._index is None:
            self._index = self._open_index(epoch)
            self._looked, self._has_todo, self._next_count = "", True, 0
        return self._index, self._journal

    def check_identity(self) -> None:
        """Fail if the journal was moved or replaced."""
        if self._journal is not None:
            self._journal.check_identity()

    def release(self) -> None:
        """Close the files, until they are needed again."""
        if self._index is not None:
            self._index.close()
        if self._journal is not None:
            self._journal.close()
        self._index = self._journal = None

    def remake(self) -> None:
        """Have the index made again."""
        self._is_to_go = True

    def remove(self) -> None:
        """Remove the index."""
        if self._index is not None:
            self._index.close()
            self._index = None
        remove_index(self._path)
        self.made_at = time.monotonic()
        self._is_to_go = False

    def await_rooms(self, names: Iterable[str]) -> None:
        """Note that these rooms may have messages that are not indexed."""
        self._waiting.update(dict.fromkeys(names))

    def catch_up_with(self, names: Iterable[str]) -> None:
        """Find out which of these rooms have messages that are not indexed."""
        index, journal = self.files()
        rooms = journal.rooms(list(names))
        taken = index.rooms(rooms)
        self.await_rooms(
            name
            for name, room in rooms.items()
            if room.messages and room.head > taken.get(name, _UNKNOWN).taken
        )

    def step(self, fresh: Sequence[Entry]) -> bool:
        """Index what was just stored, or one group of what waits; return whether there is more.

        Before everything is taken, nothing is indexed, since it may not be the oldest.
        """
        index, journal = self.files()
        with journal.snapshot(), index.transaction():
            self._look_for_rooms(index, journal)
            if self._waiting or self._has_todo or self._looked is not None:
                self.await_rooms(room for _, room, *_ in fresh)
                self._take(index, journal)
                self._index_todo(index, journal)
            else:
                self._index_fresh(index, fresh)
        self._look_at_size(index, journal)
        return bool(self._waiting) or self._has_todo or self._looked is not None or self._is_to_go

    def _open_index(self, epoch: str) -> IndexFile:
        create(self._path)
        try:
            index = IndexFile(self._path)
        except OtherFormat:
            self.remove()
            return self._open_index(epoch)
        with index.closed_on_error():
            is_ours = index.belongs_to(epoch)
        if is_ours:
            return index
        index.close()
        self.remove()
        return self._open_index(epoch)

    def _look_for_rooms(self, index: IndexFile, journal: SqliteFile) -> None:
        """Look, some rooms at a time, for those with messages that came while nothing was indexed."""
        if self._looked is None or self._waiting:
            return
        rooms = journal.rooms_after(self._looked, GROUP)
        known = index.rooms([name for name, _ in rooms])
        for name, room in rooms:
            taken = known.get(name, _UNKNOWN).taken
            if taken > room.head or (taken and room.removed):
                self.remake()  # another log, or a room that was removed while this was not running
            elif taken < room.head and room.messages:
                self._waiting[name] = None
        self._looked = rooms[-1][0] if len(rooms) == GROUP else None

    def _look_at_size(self, index: IndexFile, journal: SqliteFile) -> None:
        if self._looked is None and not self._waiting and index.count >= self._next_count:
            self._next_count = index.count + LOOK
            if index.count > 2 * journal.count() + LOOK or index.late > index.count // 4 + LOOK:
                self.remake()

    # --- what was just stored --------------------------------------------------------------------

    def _index_fresh(self, index: IndexFile, fresh: Sequence[Entry]) -> None:
        taken = {name: room.taken for name, room in index.rooms({entry[1] for entry in fresh}).items()}
        entries = [entry for entry in sorted(fresh) if self._follows(entry, taken)]
        index.note_taken(taken.items())
        index.add(entries, index.rooms(taken))

    def _follows(self, entry: Entry, taken: dict[str, int]) -> bool:
        """Tell whether a message is the next one of its room, and if so, note it in ``taken``."""
        _, room, seq, prev, _, _ = entry
        before = taken.get(room, 0)
        if prev == before:
            taken[room] = seq
            return True
        if seq > before:
            self._waiting[room] = None
        return False

    # --- what is read from the journal -----------------------------------------------------------

    def _take(self, index: IndexFile, journal: SqliteFile) -> None:
        left = GROUP
        while self._waiting and left:
            name = next(iter(self._waiting))
            room = journal.room(name) or NO_ROOM
            after = index.rooms([name]).get(name, _UNKNOWN).taken
            times = list(journal.times(room.number, after, left))
            is_all = len(times) < left
            left -= max(len(times), 1)
            index.put_off(SearchCursor(at, name, seq) for at, seq in times)
            index.note_taken([(name, room.head if is_all else times[-1][1])])
            self._has_todo = True
            if is_all:
                del self._waiting[name]

    def _index_todo(self, index: IndexFile, journal: SqliteFile) -> None:
        if self._waiting or self._looked is not None:
            return
        todo = index.todo(GROUP)
        self._has_todo = len(todo) == GROUP
        if todo:
            index.add(list(_readable(journal, todo)), index.rooms({cursor.room for cursor in todo}))
            index.finish(todo[-1])


def _readable(journal: SqliteFile, cursors: Iterable[SearchCursor]) -> Iterator[Entry]:
    """Yield the messages of entries, but for those that are no longer there, or damaged."""
    numbers: dict[str, int] = {}
    for cursor in cursors:
        if stored := stored_at(journal, cursor, numbers):
            message = stored.message
            yield *cursor, stored.prev, message.nick, message.text


def stored_at(journal: SqliteFile, cursor: SearchCursor, numbers: dict[str, int]) -> Stored | None:
    """Return the message of an entry, if it can be read. ``numbers`` are those of rooms, once known."""
    name = cursor.room
    if name not in numbers:
        numbers[name] = (journal.room(name) or NO_ROOM).number
    row = next(journal.read(numbers[name], cursor.seq - 1, cursor.seq + 1, 1), None)
    return row.stored(name) if row is not None and row.intact else None
