"""What a log has come to, in a SQLite file: the tables of a journal, and what is noted of the log itself.

It is no journal of its own: a server that stored posts in it would give numbers out twice, so it has an
application id of its own. `chatcore.replication.state` is what any state has.

Everything here raises `sqlite3.Error` as SQLite does. What is stored depends on arguments alone, and what
removes several rows removes all that there are, in whatever order: see `machine`.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from chatcore.errors import JournalError
from chatcore.journal.sqlite.connection import SqliteConnection
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.replication.state import FENCE_TABLES, FencedState, Header
from chatcore.sqlite.database import FileKind

__all__ = ["RecordHeader", "RecordLimits", "StateFile"]

_APPLICATION = 0x63686173  # "chas"


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
class RecordHeader(Header):
    """What is known of the log as a whole; ``limits`` are what is kept of it."""

    limits: RecordLimits = RecordLimits()


class StateFile(SqliteFile, FencedState):
    """A connection to the state."""

    KIND = FileKind(
        noun="state",
        option="--journal",
        application=_APPLICATION,
        version=SqliteConnection.KIND.version,
        tables=SqliteConnection.KIND.tables + FENCE_TABLES,
        error=JournalError,
    )

    # --- the log as a whole ----------------------------------------------------------------------

    def header(self) -> RecordHeader:
        """Return what is noted of the log."""
        noted = self.noted()
        limits = RecordLimits(**json.loads(noted.pop("limits", "{}")))
        return RecordHeader(**noted, limits=limits)

    def values_of(self, header: Header) -> dict[str, str | int]:
        """Return what of a header is noted, by name."""
        values: dict[str, Any] = super().values_of(header)
        return {**values, "limits": json.dumps(asdict(values["limits"]))}

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
