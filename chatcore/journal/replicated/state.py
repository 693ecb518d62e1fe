"""What a log has come to, in a SQLite file: the tables of a journal, and what is noted of the log itself.

The file is a copy that can be made again of the log, so it need not be synced. Whatever of it is lost is read
again. It is no journal of its own: a server that stored posts in it would give numbers out twice, so it has
an application id of its own.

Everything here raises `sqlite3.Error` as SQLite does. What is stored depends on arguments alone, and what
removes several rows removes all that there are, in whatever order: see `machine`.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from chatcore.errors import JournalError
from chatcore.journal.sqlite.connection import SqliteConnection, note_meta
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.replication.fence import NO_DIGEST
from chatcore.sqlite.database import FileKind

__all__ = ["DIGESTS", "Header", "RecordLimits", "StateFile"]

DIGESTS = 10_000
"""The digests of so many of the last positions are kept, to be compared with what others have read."""

_APPLICATION = 0x63686173  # "chas"

_TABLES = """
CREATE TABLE producers (
    node TEXT PRIMARY KEY,
    term INTEGER NOT NULL,
    following INTEGER NOT NULL,    -- the number that is next
    heard INTEGER NOT NULL         -- the time of the log, in microseconds, when its last entry came
) WITHOUT ROWID;
CREATE TABLE digests (
    slot INTEGER PRIMARY KEY,      -- the position modulo DIGESTS
    position INTEGER NOT NULL,
    digest TEXT NOT NULL
);
"""


@dataclass(frozen=True, slots=True)
class RecordLimits:
    """What is kept of the log, on each server alike; as in `chatcore.limits.HistoryLimits`.

    The defaults belong to version 1 of the entries, and never change.
    """

    dedupe_seconds: float = 120.0
    history_messages: int | None = 100_000
    history_bytes: int | None = 1024 * 1024 * 1024
    history_seconds: float | None = None

    def changed(self, **changes: Any) -> Self:
        """Return the limits with other values."""
        return replace(self, **changes)


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of the log as a whole.

    ``identity`` is that of the log, empty before one was seen, and ``epoch`` names the numbers that are given
    out. ``position`` is the last entry that was applied, ``digest`` that of all of them, and ``now`` the
    latest time that any of them shows, in microseconds. ``swept`` is the minute of the last look for what is
    too old. ``forked`` says, in words, where a server has read something else, since the epoch began.
    """

    identity: str = ""
    epoch: str = ""
    position: int = 0
    digest: str = NO_DIGEST
    now: int = 0
    swept: int = 0
    forked: str = ""
    limits: RecordLimits = RecordLimits()


class StateFile(SqliteFile):
    """A connection to the state."""

    KIND = FileKind(
        noun="state",
        option="--journal",
        application=_APPLICATION,
        version=SqliteConnection.KIND.version,
        tables=SqliteConnection.KIND.tables + _TABLES,
        error=JournalError,
    )

    # --- the log as a whole ----------------------------------------------------------------------

    def header(self) -> Header:
        """Return what is noted of the log."""
        meta: dict[str, Any] = dict(self.meta())
        limits = RecordLimits(**json.loads(meta.pop("limits", "{}")))
        return Header(**meta, limits=limits)

    def note(self, header: Header, before: Header | None = None) -> None:
        """Note what is known of the log, within a transaction; ``before`` is what was noted last."""
        values: dict[str, Any] = {name: getattr(header, name) for name in Header.__slots__}
        if before is not None:
            values = {name: value for name, value in values.items() if value != getattr(before, name)}
        if "limits" in values:
            values["limits"] = json.dumps(asdict(header.limits))
        note_meta(self.db, **values)

    def digest_at(self, position: int) -> str | None:
        """Return the digest of all entries up to a position, if it is kept."""
        if position == 0:
            return NO_DIGEST
        row = self.db.execute(
            "SELECT digest FROM digests WHERE slot = ? AND position = ?", (position % DIGESTS, position)
        ).fetchone()
        return None if row is None else str(row[0])

    def keep_digest(self, position: int, digest: str) -> None:
        """Keep a digest, in place of the one that is `DIGESTS` positions older."""
        self.db.execute(
            "INSERT OR REPLACE INTO digests VALUES (?, ?, ?)", (position % DIGESTS, position, digest)
        )

    # --- who appends -----------------------------------------------------------------------------

    def producer(self, node: str) -> tuple[int, int] | None:
        """Return the term of a node, and the number that is next in it."""
        row: tuple[int, int] | None = self.db.execute(
            "SELECT term, following FROM producers WHERE node = ?", (node,)
        ).fetchone()
        return row

    def note_producer(self, node: str, term: int, following: int, heard: int) -> None:
        """Note the last entry of a node."""
        self.db.execute(
            "INSERT OR REPLACE INTO producers VALUES (?, ?, ?, ?)", (node, term, following, heard)
        )

    def forget_producers(self, before: int) -> None:
        """Forget nodes of which nothing came since a time."""
        self.db.execute("DELETE FROM producers WHERE heard < ?", (before,))

    # --- retention -------------------------------------------------------------------------------

    def forget_ids_until(self, now: float) -> None:
        """Forget all ids of expired messages whose time is over."""
        self.db.execute("DELETE FROM expired_ids WHERE until <= ?", (now,))

    def rooms_over(self, count: int | None, size: int | None) -> Iterator[int]:
        """Yield the numbers of rooms that hold more messages, or more bytes, than so much."""
        rows = self.db.execute(
            "SELECT id FROM rooms WHERE count > coalesce(:count, count)"
            " OR (bytes > coalesce(:size, bytes) AND count > 1) ORDER BY id",
            {"count": count, "size": size},
        ).fetchall()
        return (room for (room,) in rows)

    def rooms_before(self, than: float) -> Iterator[int]:
        """Yield the numbers of rooms whose oldest message is from before a time."""
        rows = self.db.execute(
            "SELECT id FROM rooms WHERE (SELECT at FROM messages WHERE room = rooms.id ORDER BY seq LIMIT 1)"
            " < ? ORDER BY id",
            (than,),
        ).fetchall()
        return (room for (room,) in rows)
