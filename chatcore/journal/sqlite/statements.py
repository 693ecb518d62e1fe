"""The file of the SQLite journal: the statements that read and write messages.

Everything here raises `sqlite3.Error` as SQLite does. `Row.intact` says whether a row is what was stored.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from itertools import chain
from operator import itemgetter
from typing import NamedTuple

from pydantic_core import to_json

from chatcore.journal.sqlite.migration import intact_message
from chatcore.journal.sqlite.rooms import SqliteRooms
from chatcore.journal.sqlite.seal import checksum
from chatcore.messages import Message, Stored

__all__ = ["TOGETHER", "Known", "NewRow", "Row", "SqliteFile"]

NewRow = tuple[int, int, int, str, float, float | None, bytes, bytes, str | None, int]
"""A message to be stored: room, seq, prev, id, at, clock, line, digest, author, crc."""


class Row(NamedTuple):
    """A message as it is stored: the columns of its row. ``crc`` is ``None`` in a file of version 1."""

    seq: int
    prev: int
    id: bytes
    line: bytes
    crc: int | None

    @property
    def intact(self) -> bool:
        """Whether this is what was stored; nothing but ``seq`` can be trusted where it is not."""
        seq, prev, id_, line, crc = self
        if crc is None:
            return intact_message(seq, prev, id_, line) is not None
        try:
            return crc == checksum(seq, prev, id_, line)
        except TypeError:
            return False

    @property
    def at(self) -> datetime:
        """When it was stored, as its readers see it; it has to be intact."""
        return Message.model_validate_json(self.line).at

    def stored(self, room: str) -> Stored:
        """Return it as readers of a room get it; it has to be intact."""
        return Stored(room, self.seq, self.prev, self.id.decode(), self.line)


Known = tuple[int, bytes]
"""What is known of an id: the number of its message, and the digest of what was posted."""

_NO_BOUND = 2**63 - 1

TOGETHER = 32
"""How many messages are added by one statement, where there are so many."""

_VALUES = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

_INSERT = f"INSERT INTO messages (room, seq, prev, id, at, clock, line, digest, author, crc) VALUES {_VALUES}"

_INSERT_MANY = _INSERT + f", {_VALUES}" * (TOGETHER - 1)


class SqliteFile(SqliteRooms):
    """One connection to the file, with all that is asked of it."""

    step = 1
    """How far a number is from the one before it. No reader may count on that, so tests change it."""

    # --- messages --------------------------------------------------------------------------------

    def known(self, ids: Mapping[int, list[str]]) -> Mapping[int, dict[str, Known]]:
        """Return what is known of ids of rooms, for those of them that are known.

        It is one statement, however many ids and rooms there are.
        """
        rows = self.db.execute(
            "WITH wanted AS NOT MATERIALIZED"
            " (SELECT CAST(of_room.key AS INTEGER) AS number, ids.value AS name"
            " FROM json_each(?) AS of_room, json_each(of_room.value) AS ids)"
            " SELECT room, id, seq, digest FROM wanted CROSS JOIN messages ON room = number AND id = name"
            " UNION ALL"
            " SELECT room, id, seq, digest FROM wanted CROSS JOIN expired_ids ON room = number AND id = name",
            (to_json(ids).decode(),),
        )
        found: defaultdict[int, dict[str, Known]] = defaultdict(dict)
        for room, id_, seq, digest in rows:
            found[room][id_] = seq, digest
        return found

    def insert(self, rows: list[NewRow]) -> None:
        """Add messages, in the order in which they lie in the file: so each of its pages is changed once.

        Many share a statement: while one runs, another thread gets the interpreter and keeps it for a while.
        """
        rows = sorted(rows, key=itemgetter(0, 1))
        together = len(rows) - len(rows) % TOGETHER
        for start in range(0, together, TOGETHER):
            self.db.execute(_INSERT_MANY, list(chain(*rows[start : start + TOGETHER])))
        self.db.executemany(_INSERT, rows[together:])

    def read(self, room: int, after: int, before: int, limit: int, *, newest: bool = False) -> Iterator[Row]:
        """Yield messages between two numbers, both exclusive; the newest first if asked to."""
        order = "DESC" if newest else "ASC"
        rows = self.db.execute(
            f"SELECT {self._columns} FROM messages WHERE room = ? AND seq > ? AND seq < ?"
            f" ORDER BY seq {order} LIMIT ?",
            (room, after, before, limit),
        )
        return map(Row._make, rows)

    def times(self, room: int, after: int, limit: int) -> Iterator[tuple[int, int]]:
        """Yield the time, in microseconds since 1970, and the number of messages after a position."""
        rows = self.db.execute(
            "SELECT CAST(at AS REAL), seq FROM messages WHERE room = ? AND seq > ? ORDER BY seq LIMIT ?",
            (room, after, limit),
        )
        return ((round(at * 1_000_000), seq) for at, seq in rows)

    def position_below(self, room: int, before: int, head: int) -> int:
        """Return the last position below a number, also if what was there has expired."""
        row = next(self.read(room, before - 1, _NO_BOUND, 1), None)
        return min(head if row is None else self._position_before(room, row), max(before - 1, 0))

    def position_before_all(self, room: int, head: int) -> int:
        """Return the position before the oldest message that is stored."""
        row = next(self.read(room, 0, _NO_BOUND, 1), None)
        return head if row is None else self._position_before(room, row)

    def count_between(self, room: int, after: int, through: int, at_most: int) -> int:
        """Count the messages after one position and up to another; it ends with ``at_most``."""
        (count,) = self.db.execute(
            "SELECT count(*) FROM (SELECT 1 FROM messages WHERE room = ? AND seq > ? AND seq <= ? LIMIT ?)",
            (room, after, through, at_most),
        ).fetchone()
        return int(count)

    def position_back(self, room: int, back: int, before: int) -> int | None:
        """Return the position before the last ``back`` stored messages below a number."""
        (seq,) = self.db.execute(
            "SELECT min(seq) FROM (SELECT seq FROM messages WHERE room = ? AND seq < ?"
            " ORDER BY seq DESC LIMIT ?)",
            (room, before, back),
        ).fetchone()
        if seq is None:
            return None
        return self._position_before(room, next(self.read(room, seq - 1, seq + 1, 1)))

    def _position_before(self, room: int, row: Row) -> int:
        if row.intact:
            return row.prev
        below = next(self.read(room, 0, row.seq, 1, newest=True), None)
        return row.seq - 1 if below is None else below.seq

    @cached_property
    def _columns(self) -> str:
        # Damage may have changed the kinds of values, and text that is no UTF-8 can't be fetched.
        crc = "CAST(crc AS INTEGER)" if self.version() > 1 else "NULL"
        return f"seq, CAST(prev AS INTEGER), CAST(id AS BLOB), CAST(line AS BLOB), {crc}"

    # --- retention -------------------------------------------------------------------------------

    def rooms_with_older(self, than: float, now: float, after: int, limit: int) -> tuple[list[int], int]:
        """Find the rooms whose oldest message is from before a time, among the next ``limit`` by number.

        Return them, and the number to ask after next, 0 at the end. What is from before a time is also what
        was stored before something is, so this sees through a clock that was ahead.
        """
        rows = self.db.execute(
            "SELECT number, oldest < :than OR oldest > :now AND EXISTS"
            " (SELECT 1 FROM messages INDEXED BY message_clocks WHERE room = number AND clock < :than)"
            " FROM (SELECT id AS number,"
            " (SELECT at FROM messages WHERE room = rooms.id ORDER BY seq LIMIT 1) AS oldest"
            " FROM rooms WHERE id > :after ORDER BY id LIMIT :limit)",
            {"than": than, "now": now, "after": after, "limit": limit},
        ).fetchall()
        return [number for number, is_older in rows if is_older], rows[-1][0] if len(rows) == limit else 0

    def note_ahead(self, now: float, after: int, limit: int) -> None:
        """Note that the last message of a room is stored by now, if its own time has not come.

        It is done for the next ``limit`` rooms by number. What was noted before stays.
        """
        self.db.execute(
            "UPDATE messages SET clock = :now WHERE clock IS NULL AND at > :now AND (room, seq) IN"
            " (SELECT id, head FROM"
            " (SELECT id, head, at FROM rooms WHERE id > :after ORDER BY id LIMIT :limit) WHERE at > :now)",
            {"now": now, "after": after, "limit": limit},
        )

    def expire(
        self,
        room: int,
        *,
        keep: int | None,
        keep_bytes: int | None,
        since: float | None,
        now: float,
        until: float,
        at_most: int,
    ) -> int:
        """Remove a room's oldest messages beyond what is to be stored; return how many.

        Number and size never cost a room its last message; age may. Their ids are remembered until
        a time, in seconds since 1970.
        """
        count, size = self.sizes(room)
        surely_older = 0 if since is None else self._last_stored_before(room, since)
        gone = dropped = last = 0
        for seq, at, length in self._oldest(room, at_most):
            too_many = keep is not None and count - gone > keep
            too_large = keep_bytes is not None and size - dropped > keep_bytes and count - gone > 1
            too_old = since is not None and (at < since or (at > now and seq <= surely_older))
            if not (too_many or too_large or too_old):
                break
            gone, dropped, last = gone + 1, dropped + length, seq
        self._remove(room, last, gone, dropped, until)
        return gone

    def remove_through(self, room: int, through: int, *, until: float, at_most: int) -> int:
        """Remove a room's oldest messages up to a position; return how many. Ids are as with `expire`."""
        gone = dropped = last = 0
        for seq, _, length in self._oldest(room, at_most):
            if seq > through:
                break
            gone, dropped, last = gone + 1, dropped + length, seq
        self._remove(room, last, gone, dropped, until)
        return gone

    def has_messages(self, room: int, through: int) -> bool:
        """Tell whether a message of a room is stored up to a position."""
        return next(self.read(room, 0, through + 1, 1), None) is not None

    def _oldest(self, room: int, at_most: int) -> Iterator[tuple[int, float, int]]:
        return iter(
            self.db.execute(
                "SELECT seq, CAST(at AS REAL), length(line) FROM messages WHERE room = ?"
                " ORDER BY seq LIMIT ?",
                (room, at_most),
            )
        )

    def _last_stored_before(self, room: int, than: float) -> int:
        """Return the last message that was surely stored before a time, though its own time is later."""
        (seq,) = self.db.execute(
            "SELECT max(seq) FROM messages INDEXED BY message_clocks WHERE room = ? AND clock < ?",
            (room, than),
        ).fetchone()
        return seq or 0

    def _remove(self, room: int, through: int, count: int, size: int, until: float) -> None:
        if not count:
            return
        self.db.execute(
            "INSERT OR REPLACE INTO expired_ids"
            " SELECT room, id, seq, digest, ? FROM messages WHERE room = ? AND seq <= ?",
            (until, room, through),
        )
        self.db.execute("DELETE FROM messages WHERE room = ? AND seq <= ?", (room, through))
        self.shrink(room, count, size)

    def forget_ids(self, now: float, at_most: int) -> int:
        """Forget the ids of expired messages whose time is over; return how many."""
        return self.db.execute(
            "DELETE FROM expired_ids WHERE (room, id) IN"
            " (SELECT room, id FROM expired_ids WHERE until <= ? LIMIT ?)",
            (now, at_most),
        ).rowcount
