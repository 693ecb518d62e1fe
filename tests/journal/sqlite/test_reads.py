"""Reads of a SQLite journal: they wait for no writer, and outlive what happens to the file."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Draft, Page, Unavailable
from chatcore.journal.sqlite.statements import SqliteFile
from tests.journal.contract.record import DEADLINE, Answer, Record
from tests.journal.sqlite.files import Faults, faulty, kept_open


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


def answer(record: Record) -> Page | Unavailable:
    """Read everything in the lobby."""
    got: Answer[Page | Unavailable] = Answer()
    record.journal.read("lobby", got.take, after=0, limit=1000, max_bytes=1_000_000)
    return got.wait()


def test_a_read_does_not_wait_for_a_write_that_takes_long(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one")
        faults.in_transaction.clear()
        faults.go_on.clear()
        stored = threading.Event()
        record.journal.submit([Draft("lobby", "id-2", "ana", "two")], lambda _: stored.set())
        assert faults.in_transaction.wait(DEADLINE)
        assert [entry.seq for entry in record.read().messages] == [1]
        assert record.seek("lobby", 1, 2) == 0
        assert not stored.is_set()
        faults.go_on.set()
        assert stored.wait(DEADLINE)
        assert [entry.seq for entry in record.read().messages] == [1, 2]


def test_a_read_does_not_wait_for_another_program_that_writes(path: Path) -> None:
    with kept_open(path) as record:
        record.post("one")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert [entry.seq for entry in record.read().messages] == [1]
            other.execute("ROLLBACK")


def test_a_page_is_of_one_moment(path: Path) -> None:
    class Slow(SqliteFile):
        """Lets a post through between the head and the messages."""

        def read(self, *args: int, **options: bool):  # type: ignore[no-untyped-def,override]  # as above
            if self._reads and record.messages and len(record.messages) < 3:
                record.submit(Draft("lobby", "late", "ana", "late"))
            return super().read(*args, **options)

        def __init__(self, *args: object, **options: bool) -> None:
            self._reads = options.get("read_only", False)
            super().__init__(*args, **options)  # type: ignore[arg-type]  # handed on

    with kept_open(path, file=Slow) as record:
        record.post("one", "two")
        page = record.read(after=0, before=100)
        assert ([entry.seq for entry in page.messages], page.through) == ([1, 2], 2)
        assert [entry.seq for entry in record.read().messages] == [1, 2, 3]


def test_a_file_that_is_damaged_under_way_makes_reads_unavailable_until_it_is_repaired(path: Path) -> None:
    with kept_open(path) as record:
        record.post(*("x" * 1000 for _ in range(100)))
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        good = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (len(good) - 4096))
        assert isinstance(answer(record), Unavailable)
        with path.open("r+b") as file:
            file.write(good)
        page = answer(record)
        assert isinstance(page, Page)
        assert page.through == 100
