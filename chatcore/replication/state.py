"""What is noted of a log in the SQLite file that has what it comes to: where it is, digests, and who appends.

The file is a copy that can be made again of the log, so it need not be synced. Whatever of it is lost is read
again. Everything raises `sqlite3.Error` as SQLite does, and what is stored depends on arguments alone.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from chatcore.replication.fence import NO_DIGEST
from chatcore.sqlite.database import Database

__all__ = ["DIGESTS", "FENCE_TABLES", "FencedState", "Header", "note_meta"]

DIGESTS = 10_000
"""The digests of so many of the last positions are kept, to be compared with what others have read."""

FENCE_TABLES = """
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
"""The tables of a state, beside one for the header: ``meta``, with a key and a value."""


@dataclass(frozen=True, slots=True)
class Header:
    """What is known of the log as a whole.

    ``identity`` is that of the log, empty before one was seen, and ``epoch`` names what is read of it.
    ``position`` is the last entry that was applied, ``digest`` that of all of them, and ``now`` the latest
    time that any of them shows, in microseconds. ``swept`` is the minute of the last look for what is too
    old. ``forked`` says, in words, where a server has read something else, since the epoch began.
    """

    identity: str = ""
    epoch: str = ""
    position: int = 0
    digest: str = NO_DIGEST
    now: int = 0
    swept: int = 0
    forked: str = ""


class FencedState(Database):
    """A connection to a state. What else is in it, its subclass knows."""

    # --- the log as a whole ----------------------------------------------------------------------

    def noted(self) -> dict[str, Any]:
        """Return what is noted of the log, as `values_of` gives it."""
        return dict(self.db.execute("SELECT key, value FROM meta"))

    def values_of(self, header: Header) -> dict[str, str | int]:
        """Return what of a header is noted, by name."""
        return {each.name: getattr(header, each.name) for each in fields(header)}

    def note(self, header: Header, before: Header | None = None) -> None:
        """Note what is known of the log, within a transaction; ``before`` is what was noted last."""
        known = {} if before is None else self.values_of(before)
        values = self.values_of(header)
        note_meta(self.db, {name: value for name, value in values.items() if known.get(name) != value})

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


def note_meta(db: sqlite3.Connection, values: Mapping[str, str | int]) -> None:
    """Note values in the table ``meta``, within a transaction."""
    db.executemany(
        "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        values.items(),
    )
