"""A file of version 1 keeps what it holds: it is read as it is, and brought up to date when it is written."""

import sqlite3
from contextlib import closing
from hashlib import blake2b
from pathlib import Path

import pytest

from chatcore.journal import Draft, Outcome, Stored
from chatcore.journal.sqlite import check_journal, stored_entries
from chatcore.journal.sqlite.epoch import witness_path
from tests.journal.sqlite.files import Faults, damage, faulty, open_journal

EPOCH = "0123456789abcdef"

VERSION_1 = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE rooms (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL
);
CREATE TABLE messages (
    room INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    prev INTEGER NOT NULL,
    id TEXT NOT NULL,
    at REAL NOT NULL,
    line BLOB NOT NULL,
    PRIMARY KEY (room, seq)
) WITHOUT ROWID;
CREATE UNIQUE INDEX message_ids ON messages (room, id);
CREATE TABLE expired_ids (
    room INTEGER NOT NULL,
    id TEXT NOT NULL,
    seq INTEGER NOT NULL,
    digest BLOB NOT NULL,
    until REAL NOT NULL,
    PRIMARY KEY (room, id)
) WITHOUT ROWID;
CREATE INDEX expired_ids_until ON expired_ids (until);
PRAGMA application_id = 1667785076;
PRAGMA user_version = 1;
PRAGMA journal_mode = WAL;
"""


def line(room: str, seq: int) -> bytes:
    """Return a stored line of version 1."""
    text = (
        f'{{"type":"message","room":"{room}","seq":{seq},"prev":{seq - 1},"id":"{room}-{seq}",'
        f'"nick":"ana","text":"text {seq}","at":"2026-01-01T00:00:00Z"}}\n'
    )
    return text.encode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file of version 1 that was closed cleanly: in the lobby 3 to 2,500 are stored, in the attic 1."""
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
        for number, room, numbers in ((1, "lobby", range(3, 2501)), (2, "attic", range(1, 2))):
            rows = [(number, n, n - 1, f"{room}-{n}", 1767225600.0, line(room, n)) for n in numbers]
            db.executemany("INSERT INTO messages VALUES (?, ?, ?, ?, ?, ?)", rows)
            size = sum(len(row[-1]) for row in rows)
            db.execute(
                "INSERT INTO rooms VALUES (?, ?, ?, ?, ?)", (number, room, numbers[-1], len(rows), size)
            )
        digest = blake2b(b"text 2", digest_size=16).digest()
        db.execute("INSERT INTO expired_ids VALUES (1, 'lobby-2', 2, ?, 9e9)", (digest,))
        meta = {"epoch": EPOCH, "turn": 2, "clean": 1, "synchronous": "FULL"}
        db.executemany("INSERT INTO meta VALUES (?, ?)", meta.items())
        db.commit()
    with closing(sqlite3.connect(witness_path(path))) as db, db:
        db.execute("CREATE TABLE witness (turn INTEGER, inode INTEGER)")
        db.execute("INSERT INTO witness VALUES (2, ?)", (path.stat().st_ino,))
    return path


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_a_file_of_version_1_is_brought_up_to_date_and_continues_its_epoch(path: Path) -> None:
    with open_journal(path) as harness:
        assert harness.epochs == [EPOCH]
        assert (harness.head("lobby"), harness.head("attic")) == (2500, 1)
        page = harness.read(after=0)
        assert [entry.line for entry in page.messages] == [line("lobby", n) for n in range(3, 2501)]
        assert (page.base, page.through, harness.read("attic").through) == (2, 2500, 1)
        assert harness.submit(Draft("lobby", "new", "ana", "hi")) == [Outcome("stored", 2501)]
    assert version(path) == 3
    assert check_journal(path).problems == []
    with open_journal(path) as harness:
        assert harness.epochs[0] == EPOCH


@pytest.mark.parametrize("seq", [2, 3, 1000, 1001, 2500])
def test_ids_of_version_1_are_recognised_whether_or_not_their_message_has_expired(
    path: Path, seq: int
) -> None:
    with open_journal(path) as harness:
        draft = Draft("lobby", f"lobby-{seq}", "ana", f"text {seq}")
        assert harness.submit(draft) == [Outcome("repeat", seq)]
        assert harness.submit(draft._replace(text="another")) == [Outcome("conflict")]


def test_a_file_of_version_1_is_read_as_it_is(path: Path) -> None:
    assert [entry.line for entry in stored_entries(path, ["lobby"]) if isinstance(entry, Stored)] == [
        line("lobby", n) for n in range(3, 2501)
    ]
    report = check_journal(path)
    assert (report.epoch, report.messages, report.problems) == (EPOCH, 2499, [])
    assert version(path) == 1


def test_a_line_that_was_damaged_in_version_1_is_still_damaged_and_stops_nobody(path: Path) -> None:
    damage(path, 5)
    found = ["lobby: message 5 is damaged"]
    assert check_journal(path).problems == found
    with open_journal(path) as harness:
        assert harness.submit(Draft("lobby", "lobby-5", "ana", "text 5")) == [Outcome("conflict")]
        assert harness.submit(Draft("lobby", "lobby-6", "ana", "text 6")) == [Outcome("repeat", 6)]
    assert check_journal(path).problems == found


def test_an_update_that_fails_leaves_the_file_as_it_was(path: Path) -> None:
    faults = Faults()
    faults.plan = ["before"]
    with pytest.raises(Exception, match="disk I/O error"), open_journal(path, file=faulty(faults)):
        pass
    assert version(path) == 1
    with open_journal(path) as harness:
        assert harness.epochs[0] == EPOCH
    assert version(path) == 3
