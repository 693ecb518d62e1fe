"""What one transaction of the SQLite journal makes of some drafts.

- An id that is known decides by the digest of what was posted, also if it is in the same transaction.
- A message shows the later of now and the last time of its room, so times never decrease there.
- Rooms are known by folded name here, and all of them are looked up together, as are the ids. So a
  transaction takes as many statements for a thousand rooms as for one, but for those that write its rows.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from chatcore.encoding import encode_message, time_text
from chatcore.journal import Conflict, Draft, Outcome, Stored
from chatcore.journal.sqlite.backlog import Entry
from chatcore.journal.sqlite.rooms import RoomRow
from chatcore.journal.sqlite.seal import checksum
from chatcore.journal.sqlite.statements import Known, NewRow, SqliteFile
from chatcore.messages import digest

__all__ = ["Group"]


class _Room:
    """A room in a transaction: as it was, and with what came; when that was stored, and what of ids is known.

    ``clock`` is only set where the clock is behind ``at``, the time that the room shows.
    """

    __slots__ = ("at", "at_text", "clock", "head", "known", "messages", "microseconds", "row", "size")

    def __init__(self, row: RoomRow, known: dict[str, Known], now: float, now_text: str) -> None:
        self.row = row
        self.known = known
        self.head, self.messages, self.size = row.head, row.messages, row.size
        self.at, self.at_text, self.clock = now, now_text, None
        if row.at is not None and row.at > now:
            at_text = time_text(datetime.fromtimestamp(row.at, UTC))
            self.at, self.at_text, self.clock = row.at, at_text, now
        self.microseconds = round(self.at * 1_000_000)

    @property
    def has_grown(self) -> bool:
        """Whether a message came."""
        return self.head > self.row.head

    def add(self, id_: str, known: Known, size: int) -> None:
        """Add a message."""
        self.known[id_] = known
        self.head, _ = known
        self.messages += 1
        self.size += size


class Group:
    """Drafts that share a transaction. ``now`` is in seconds since 1970.

    Once `commit` has returned, ``messages`` are in the file, and ``outcomes`` say what became of each draft.
    ``entries`` are the messages, as a search index takes them.
    """

    def __init__(self, file: SqliteFile, drafts: Sequence[Draft], now: float) -> None:
        self.outcomes: list[Outcome] = []
        self.messages: list[Stored] = []
        self.entries: list[Entry] = []
        self._file = file
        self._drafts = drafts
        self._now = datetime.fromtimestamp(now, UTC)
        self._rooms: dict[str, _Room] = {}
        self._rows: list[NewRow] = []

    def commit(self) -> None:
        """Store what is new, together; raises `sqlite3.Error`, also where the file was replaced."""
        if self._drafts:
            with self._file.transaction():
                self._look_up()
                self._take()
                self._file.insert(self._rows)
                self._note()
        self._file.check_identity()

    def heads_before(self) -> dict[str, int]:
        """Return the heads that its rooms had before."""
        return {name: room.row.head for name, room in self._rooms.items()}

    def sizes(self) -> Iterator[tuple[int, int, int]]:
        """Yield the rooms that have more messages now: the number, the messages and their bytes."""
        return (
            (room.row.number, room.messages, room.size) for room in self._rooms.values() if room.has_grown
        )

    def _look_up(self) -> None:
        ids: dict[str, list[str]] = {}
        for draft in self._drafts:
            ids.setdefault(draft.room, []).append(draft.id)
        rows = self._file.rooms(ids)
        known = self._file.known({row.number: ids[name] for name, row in rows.items() if row.head})
        now, text = self._now.timestamp(), time_text(self._now)
        self._rooms = {name: _Room(row, known.get(row.number, {}), now, text) for name, row in rows.items()}

    def _take(self) -> None:
        """Make rows of what is new, and outcomes of everything."""
        step, rooms = self._file.step, self._rooms
        for name, id_, nick, text, kind, target, author, posted in self._drafts:
            room, said = rooms[name], digest(*(posted or (kind, target, text)))
            if (known := room.known.get(id_)) is not None:
                seq, said_before = known
                self.outcomes.append(seq if said == said_before else Conflict())
                continue
            prev, seq = room.head, room.head + step
            line = encode_message(name, seq, prev, id_, nick, text, room.at_text, kind, target)
            crc = checksum(seq, prev, id_.encode(), line)
            room.add(id_, (seq, said), len(line))
            self.messages.append(Stored(name, seq, prev, id_, line))
            self.entries.append((room.microseconds, name, seq, prev, nick, text))
            self._rows.append((room.row.number, seq, prev, id_, room.at, room.clock, line, said, author, crc))
            self.outcomes.append(seq)

    def _note(self) -> None:
        grown = [(name, room) for name, room in self._rooms.items() if room.has_grown]
        self._file.grow(
            (room.row.number, name, room.head, room.at, room.messages, room.size) for name, room in grown
        )
        self._file.enlist(room.row.number for _, room in grown if room.row.removed)
