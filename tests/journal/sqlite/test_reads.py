"""Reads of a SQLite journal: they wait for no writer, and work again when a damaged file is repaired."""

import os
import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Draft, Page, Unavailable
from chatcore.journal.sqlite.statements import SqliteFile
from tests.journal.contract.harness import DEADLINE, Answer, Harness
from tests.journal.contract.makers import HoleyFile
from tests.journal.sqlite.files import Faults, faulty, open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def answer(harness: Harness) -> Page | Unavailable:
    """Read everything in the lobby."""
    got: Answer[Page | Unavailable] = Answer()
    harness.journal.read("lobby", got.take, after=0, limit=1000, max_bytes=1_000_000)
    return got.wait()


def _descriptors(path: Path) -> int:
    """Return how many descriptors of the journal's files this process has."""
    folder = Path("/proc/self/fd")
    if not folder.is_dir():
        pytest.skip("this system does not say which files are open")
    return sum(os.path.realpath(each).startswith(str(path)) for each in folder.iterdir())


def test_the_first_read_needs_no_descriptor(path: Path) -> None:
    with open_journal(path, search=False) as harness:
        at_first = _descriptors(path)
        assert harness.head() == 0
        harness.post("hi")
        assert len(harness.read().messages) == 1
        assert _descriptors(path) == at_first
    assert _descriptors(path) == 0


def test_a_read_does_not_wait_for_a_slow_write(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        faults.in_transaction.clear()
        faults.may_commit.clear()
        stored = threading.Event()
        harness.journal.submit([Draft("lobby", "id-2", "ana", "two")], lambda _: stored.set())
        assert faults.in_transaction.wait(DEADLINE)
        assert [entry.seq for entry in harness.read().messages] == [1]
        assert harness.seek("lobby", 1, 2).position == 0
        assert not stored.is_set()
        faults.may_commit.set()
        assert stored.wait(DEADLINE)
        assert [entry.seq for entry in harness.read().messages] == [1, 2]


def test_a_read_does_not_wait_for_another_program_that_writes(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("one")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert [entry.seq for entry in harness.read().messages] == [1]
            other.execute("ROLLBACK")


def test_a_page_is_a_consistent_snapshot(path: Path) -> None:
    class Slow(SqliteFile):
        """Stores a post between reading the head and reading the messages."""

        def read(self, *args: int, **options: bool):  # type: ignore[no-untyped-def,override]  # as above
            if self._reads and harness.messages and len(harness.messages) < 3:
                harness.submit(Draft("lobby", "late", "ana", "late"))
            return super().read(*args, **options)

        def __init__(self, *args: object, **options: bool) -> None:
            self._reads = options.get("read_only", False)
            super().__init__(*args, **options)  # type: ignore[arg-type]  # handed on

    with open_journal(path, file=Slow, search=False) as harness:  # which reads, too
        harness.post("one", "two")
        page = harness.read(after=0, before=100)
        assert ([entry.seq for entry in page.messages], page.through) == ([1, 2], 2)
        assert [entry.seq for entry in harness.read().messages] == [1, 2, 3]


def test_reads_of_a_damaged_file_are_unavailable_until_it_is_repaired(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post(*("x" * 1000 for _ in range(100)))
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        good = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (len(good) - 4096))
        assert isinstance(answer(harness), Unavailable)
        with path.open("r+b") as file:
            file.write(good)
        page = answer(harness)
        assert isinstance(page, Page)
        assert page.through == 100


@pytest.mark.parametrize(("file", "counts"), [(SqliteFile, True), (HoleyFile, False)])
def test_very_many_messages_are_counted_only_where_their_numbers_tell(
    path: Path, file: type[SqliteFile], counts: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.journal.sqlite.lookups.COUNT", 5)
    with open_journal(path, file=file) as harness:
        head = harness.post(*map(str, range(8)))[-1]
        assert [harness.seek("lobby", back, head + 1).skipped for back in (0, 2, 3, 8)] == (
            [8, 6, 5, 0] if counts else [None, None, 5, 0]
        )
