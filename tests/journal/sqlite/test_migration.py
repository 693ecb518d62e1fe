"""A file of an older version keeps what it holds. It is read as it is, and updated when it is written."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from zlib import crc32

import pytest

from chatcore.journal import Conflict, Draft, Stored
from chatcore.journal.sqlite import back_up_journal, check_journal, restore_journal, stored_entries
from chatcore.journal.sqlite.epoch import witness_path
from chatcore.limits import HistoryLimits
from tests.journal.sqlite.files import Faults, damage, faulty, open_journal
from tests.server.driver import Clock

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

VERSION_2 = """
ALTER TABLE messages ADD COLUMN digest BLOB NOT NULL DEFAULT x'';
ALTER TABLE messages ADD COLUMN author TEXT;
ALTER TABLE messages ADD COLUMN crc INTEGER NOT NULL DEFAULT -1;
PRAGMA user_version = 2;
"""
"""What makes an empty file of version 1 one of version 2."""


AT = datetime(2026, 1, 1, tzinfo=UTC)


def line(room: str, seq: int) -> bytes:
    """Return a stored line of any version."""
    text = (
        f'{{"type":"message","room":"{room}","seq":{seq},"prev":{seq - 1},"id":"{room}-{seq}",'
        f'"nick":"ana","text":"text {seq}","at":"2026-01-01T00:00:00Z"}}\n'
    )
    return text.encode()


def digest(text: str) -> bytes:
    """Return the digest of a plain text."""
    return blake2b(text.encode(), digest_size=16).digest()


def row(number: int, room: str, seq: int, version: int) -> tuple[object, ...]:
    """Return the row of a message."""
    stored = line(room, seq)
    row = number, seq, seq - 1, f"{room}-{seq}", AT.timestamp(), stored
    if version == 1:
        return row
    crc = crc32(b"%d %d %b\n" % (seq, seq - 1, f"{room}-{seq}".encode()) + stored)
    return *row, digest(f"text {seq}"), "ana@example.org", crc


def add_room(db: sqlite3.Connection, version: int, number: int, room: str, numbers: range) -> None:
    """Add a room with messages, or with none where the numbers end before they begin."""
    rows = [row(number, room, seq, version) for seq in numbers]
    marks = ", ".join("?" * (6 if version == 1 else 9))
    db.executemany(f"INSERT INTO messages VALUES ({marks})", rows)
    size = sum(len(line(room, seq)) for seq in numbers)
    db.execute("INSERT INTO rooms VALUES (?, ?, ?, ?, ?)", (number, room, numbers.stop - 1, len(rows), size))


@pytest.fixture(params=[1, 2])
def old(request: pytest.FixtureRequest) -> int:
    """The version of the file."""
    return int(request.param)


@pytest.fixture
def path(tmp_path: Path, old: int) -> Path:
    """A file of an older version that was closed cleanly.

    In the lobby 3 to 2,500 are stored, in the attic 1, and in the cellar 1 to 4 have expired.
    """
    path = tmp_path / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
        if old == 2:
            db.executescript(VERSION_2)
        add_room(db, old, 1, "lobby", range(3, 2501))
        add_room(db, old, 2, "attic", range(1, 2))
        add_room(db, old, 3, "cellar", range(5, 5))
        db.execute("INSERT INTO expired_ids VALUES (1, 'lobby-2', 2, ?, 9e9)", (digest("text 2"),))
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


def test_an_old_file_is_brought_up_to_date_and_continues_its_epoch(path: Path) -> None:
    with open_journal(path) as harness:
        assert harness.epochs == [EPOCH]
        assert [harness.head(room) for room in ("lobby", "attic", "cellar")] == [2500, 1, 4]
        page = harness.read(after=0)
        assert [entry.line for entry in page.messages] == [line("lobby", n) for n in range(3, 2501)]
        assert (page.base, page.through, harness.read("attic").through) == (2, 2500, 1)
        assert harness.submit(Draft("lobby", "new", "ana", "hi")) == [2501]
    assert version(path) == 3
    assert check_journal(path).problems == []
    with open_journal(path) as harness:
        assert harness.epochs == [EPOCH]


def test_the_rooms_of_an_old_file_are_listed_with_the_time_of_their_last_message(path: Path) -> None:
    with open_journal(path) as harness:
        assert harness.rooms().rooms == (("attic", 1, AT), ("cellar", 4, None), ("lobby", 2500, AT))
        harness.submit(Draft("cellar", "new", "ana", "hi"))
        assert harness.rooms(prefix="c").rooms == (("cellar", 5, harness.messages[0].at),)


@pytest.mark.parametrize("seq", [2, 3, 1000, 1001, 2500])
def test_ids_of_an_old_file_are_recognised_whether_or_not_their_message_has_expired(
    path: Path, seq: int
) -> None:
    with open_journal(path) as harness:
        draft = Draft("lobby", f"lobby-{seq}", "ana", f"text {seq}")
        assert harness.submit(draft) == [seq]
        assert harness.submit(draft._replace(text="another")) == [Conflict()]
        assert harness.submit(draft._replace(kind="action")) == [Conflict()]


def test_an_old_file_is_read_as_it_is(path: Path, old: int) -> None:
    assert [entry.line for entry in stored_entries(path, ["lobby"]) if isinstance(entry, Stored)] == [
        line("lobby", n) for n in range(3, 2501)
    ]
    report = check_journal(path)
    assert (report.epoch, report.rooms, report.messages, report.problems) == (EPOCH, 3, 2499, [])
    assert version(path) == old


def test_a_backup_of_an_old_file_keeps_its_version_until_a_server_has_it(
    path: Path, old: int, tmp_path: Path
) -> None:
    backup, restored = tmp_path / "backup.db", tmp_path / "new" / "journal.db"
    assert back_up_journal(path, backup).messages == 2499
    epoch = restore_journal(backup, restored).epoch
    assert (version(backup), version(restored)) == (old, old)
    with open_journal(restored) as harness:
        assert harness.epochs == [epoch]
        assert harness.head() == 2500
    assert version(restored) == 3


def test_a_line_that_was_damaged_before_is_still_damaged_and_stops_nobody(path: Path, old: int) -> None:
    damage(path, 5)
    found = ["lobby: message 5 is damaged"]
    assert check_journal(path).problems == found
    with open_journal(path) as harness:
        # In version 1 there is nothing but the line to recognise a text by.
        known = Conflict() if old == 1 else 5
        assert harness.submit(Draft("lobby", "lobby-5", "ana", "text 5")) == [known]
        assert harness.submit(Draft("lobby", "lobby-6", "ana", "text 6")) == [6]
    assert check_journal(path).problems == found


def test_an_update_that_fails_leaves_the_file_as_it_was(path: Path, old: int) -> None:
    faults = Faults()
    faults.plan = ["before"]
    with pytest.raises(Exception, match="disk I/O error"), open_journal(path, file=faulty(faults)):
        pass
    assert version(path) == old
    with open_journal(path) as harness:
        assert harness.epochs == [EPOCH]
    assert version(path) == 3


def test_an_updated_file_has_the_tables_of_a_new_one(path: Path, tmp_path: Path) -> None:
    new = tmp_path / "new.db"
    for each in (path, new):
        with open_journal(each):
            pass
    assert tables(path) == tables(new)


def tables(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return the columns of every table and index."""
    with closing(sqlite3.connect(path)) as db:
        names = db.execute("SELECT name, type FROM sqlite_schema").fetchall()
        return {name: db.execute(f"PRAGMA {kind}_info({name})").fetchall() for name, kind in names}


@pytest.mark.parametrize("ahead", [3, 4, 2499])
def test_one_time_that_lies_ahead_in_an_old_file_keeps_nothing_that_is_old(path: Path, ahead: int) -> None:
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE messages SET at = at + 1e8 WHERE room = 1 AND seq = ?", (ahead,))
    clock, limits = Clock(AT.timestamp() + 60.0), HistoryLimits(history_seconds=3600.0)
    with open_journal(path, clock, limits=limits, retention=0.0) as harness:
        harness.submit(Draft("attic", "new", "ana", "hi"))
        assert len(harness.read().messages) == 2498
        clock.now += 3600.0
        for _ in range(10):  # 512 at a time
            harness.submit()
        assert harness.read().messages == ()
        assert harness.read(after=2).through == 2500
