"""Brings the file of an older version of the journal up to date.

It is done in one transaction when the file is opened for writing, so that a crash leaves the old file or the
new one. Whoever only reads a file reads older versions as they are (`SqliteFile.read`).
"""

import sqlite3
from collections.abc import Iterator

from pydantic import ValidationError

from chatcore.journal.sqlite.seal import NO_CHECKSUM, NO_DIGEST, checksum
from chatcore.messages import Message, digest

__all__ = ["add_ends", "add_seals", "intact_message"]

BATCH = 1_000
"""Rows that are in memory together."""


def intact_message(seq: int, prev: int, id_: bytes, line: bytes) -> Message | None:
    """Return the message of a row without a checksum, or ``None`` where it is damaged."""
    try:
        message = Message.model_validate_json(line)
    except (ValidationError, TypeError):
        return None
    same = (message.seq, message.prev, message.id.encode()) == (seq, prev, id_)
    return message if same else None


def add_seals(db: sqlite3.Connection) -> None:
    """From version 1 to 2: a digest, an author and a checksum for each message. Within a transaction.

    The digest and the checksum are made from the line. A damaged line gets those that match nothing.
    """
    db.execute("ALTER TABLE messages ADD COLUMN digest BLOB NOT NULL DEFAULT x''")
    db.execute("ALTER TABLE messages ADD COLUMN author TEXT")
    db.execute(f"ALTER TABLE messages ADD COLUMN crc INTEGER NOT NULL DEFAULT {NO_CHECKSUM}")
    for rows in _batches(db):
        db.executemany(
            "UPDATE messages SET digest = ?, crc = ? WHERE room = ? AND seq = ?", map(_sealed, rows)
        )


def add_ends(db: sqlite3.Connection) -> None:
    """From version 2 to 3: the time of each room's last message, and whether it was removed.

    Within a transaction. The time is unknown where all messages have expired. There is also room for the
    times of a clock that is behind the last one. In older versions times could decrease: then the clock had
    been ahead, and they say by when everything before them was stored.
    """
    db.execute("ALTER TABLE messages ADD COLUMN clock REAL")
    db.execute("CREATE INDEX message_clocks ON messages (room, clock) WHERE clock IS NOT NULL")
    db.execute(
        "UPDATE messages SET clock = at WHERE (room, seq) IN (SELECT room, seq FROM"
        " (SELECT room, seq, at, max(at) OVER (PARTITION BY room ORDER BY seq) AS latest FROM messages"
        " WHERE typeof(at) = 'real') WHERE at < latest)"
    )
    db.execute("ALTER TABLE rooms ADD COLUMN at REAL")
    db.execute("ALTER TABLE rooms ADD COLUMN removed INTEGER NOT NULL DEFAULT 0")
    db.execute("CREATE INDEX rooms_listed ON rooms (name) WHERE removed = 0")
    db.execute(
        "UPDATE rooms SET at ="
        " (SELECT at FROM messages WHERE room = rooms.id AND typeof(at) = 'real' ORDER BY seq DESC LIMIT 1)"
    )


def _batches(db: sqlite3.Connection) -> Iterator[list[tuple[int, int, int, bytes, bytes]]]:
    place = (-1, -1)
    while rows := db.execute(
        "SELECT room, seq, CAST(prev AS INTEGER), CAST(id AS BLOB), CAST(line AS BLOB)"
        " FROM messages WHERE (room, seq) > (?, ?) ORDER BY room, seq LIMIT ?",
        (*place, BATCH),
    ).fetchall():
        yield rows
        place = rows[-1][:2]


def _sealed(row: tuple[int, int, int, bytes, bytes]) -> tuple[bytes, int, int, int]:
    room, seq, prev, id_, line = row
    message = intact_message(seq, prev, id_, line)
    if message is None:
        return NO_DIGEST, NO_CHECKSUM, room, seq
    return digest(message.kind, message.target, message.text), checksum(seq, prev, id_, line), room, seq
