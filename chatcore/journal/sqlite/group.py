"""What one transaction of the SQLite journal makes of some drafts.

- An id that is known decides by the digest of what was posted, also if it is in the same transaction.
- A message shows the later of now and the last time of its room, so times never decrease there.
- Rooms are known by folded name here, and each is looked up once.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from chatcore.journal import Conflict, Draft, Outcome, Stored
from chatcore.journal.sqlite.rooms import RoomRow
from chatcore.journal.sqlite.seal import checksum
from chatcore.journal.sqlite.statements import Known, NewRow, SqliteFile
from chatcore.messages import Message, digest

__all__ = ["Group"]


class _Room:
    """A room in a transaction: as it was, what is known of ids, and what comes."""

    __slots__ = ("at", "bytes", "count", "head", "known", "row")

    def __init__(self, row: RoomRow, known: dict[str, Known]) -> None:
        self.row = row
        self.known = known
        self.head = row.head
        self.at = row.at or 0.0
        self.count = self.bytes = 0

    def grow(self, seq: int, at: float, size: int) -> None:
        """Take a message."""
        self.head = seq
        self.at = at
        self.count += 1
        self.bytes += size


class Group:
    """Drafts that share a transaction. ``now`` is in seconds since 1970.

    Once `commit` has returned, ``messages`` are in the file, and ``outcomes`` say what became of each draft.
    """

    def __init__(self, file: SqliteFile, drafts: Sequence[Draft], now: float) -> None:
        self.outcomes: list[Outcome] = []
        self.messages: list[Stored] = []
        self._file = file
        self._drafts = drafts
        self._now = datetime.fromtimestamp(now, UTC)
        self._seconds = self._now.timestamp()
        self._rooms: dict[str, _Room] = {}
        self._rows: list[NewRow] = []

    def commit(self) -> None:
        """Store what is new, together; raises `sqlite3.Error`, also where the file was replaced."""
        if self._drafts:
            with self._file.transaction():
                self._look_up()
                self.outcomes = [self._add(draft) for draft in self._drafts]
                self._file.insert(self._rows)
                for room in self._rooms.values():
                    self._note(room)
        self._file.check_identity()

    def heads_before(self) -> dict[str, int]:
        """Return the heads that its rooms had before."""
        return {name: room.row.head for name, room in self._rooms.items()}

    def grown(self) -> Iterator[int]:
        """Yield the numbers of the rooms that have more messages now."""
        return (room.row.number for room in self._rooms.values() if room.count)

    def _look_up(self) -> None:
        ids: dict[str, list[str]] = {}
        for draft in self._drafts:
            ids.setdefault(draft.room, []).append(draft.id)
        for name, wanted in ids.items():
            self._rooms[name] = self._room(name, wanted)

    def _room(self, name: str, ids: list[str]) -> _Room:
        row = self._file.room(name) or self._file.add_room(name)
        return _Room(row, self._file.known(row.number, ids) if row.head else {})

    def _add(self, draft: Draft) -> Outcome:
        room, posted = self._rooms[draft.room], _digest(draft)
        known = room.known.get(draft.id)
        if known is not None:
            return known.seq if known.digest == posted else Conflict()
        seq = room.head + self._file.step
        late = room.at > self._seconds  # the clock is behind what the room shows
        at = datetime.fromtimestamp(room.at, UTC) if late else self._now
        self._store(draft, room, _message(draft, seq, room.head, at), posted, late)
        return seq

    def _store(self, draft: Draft, room: _Room, message: Message, posted: bytes, late: bool) -> None:
        stored = Stored.of(message)
        _, seq, prev, id_, line = stored
        at, clock = (room.at, self._seconds) if late else (self._seconds, None)
        crc = checksum(seq, prev, id_.encode(), line)
        self.messages.append(stored)
        self._rows.append((room.row.number, seq, prev, id_, at, clock, line, posted, draft.author, crc))
        room.known[id_] = Known(seq, posted)
        room.grow(seq, at, len(line))

    def _note(self, room: _Room) -> None:
        if room.count:
            self._file.grow(room.row.number, room.head, room.at, room.count, room.bytes)
            if room.row.removed:
                self._file.enlist(room.row.number)


def _digest(draft: Draft) -> bytes:
    return digest(*(draft.posted or (draft.kind, draft.target, draft.text)))


def _message(draft: Draft, seq: int, prev: int, at: datetime) -> Message:
    return Message(
        room=draft.room,
        seq=seq,
        prev=prev,
        id=draft.id,
        nick=draft.nick,
        kind=draft.kind,
        target=draft.target,
        text=draft.text,
        at=at,
    )
