"""When a SQLite journal keeps its epoch, and when it begins a new one."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from chatcore.journal import Draft
from chatcore.journal.sqlite.epoch import EpochGuard, witness_path
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.sqlite.database import Synchronous
from tests.journal.sqlite.files import open_journal
from tests.journal.sqlite.process import other_process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def epoch_of_run(path: Path, *texts: str, synchronous: Synchronous = "FULL") -> str:
    """Open a journal, store texts, and close it; return its epoch."""
    with open_journal(path, synchronous=synchronous) as harness:
        for text in texts:
            assert isinstance(harness.submit(Draft("lobby", uuid4().hex, "ana", text))[0], int)
        return harness.epochs[0]


def copy(path: Path, to: Path) -> None:
    """Copy a journal that is not open, without its witness, over whatever is there."""
    for end in ("", "-wal"):
        source = path.with_name(path.name + end)
        target = to.with_name(to.name + end)
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copyfile(source, target)


def test_two_journals_have_different_epochs(tmp_path: Path) -> None:
    assert epoch_of_run(tmp_path / "a.db") != epoch_of_run(tmp_path / "b.db")


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_journal_that_was_closed_keeps_its_epoch(path: Path, synchronous: Synchronous) -> None:
    epochs = {epoch_of_run(path, "hi", synchronous=synchronous) for _ in range(3)}
    assert len(epochs) == 1


def test_a_synced_journal_keeps_its_epoch_when_its_process_is_killed(path: Path) -> None:
    with other_process(path, "one") as first:
        pass
    with other_process(path) as second:
        pass
    assert (second, epoch_of_run(path)) == (first, first)


def test_a_journal_that_is_not_synced_gets_a_new_epoch_when_its_process_is_killed(path: Path) -> None:
    with other_process(path, "one", synchronous="NORMAL") as first:
        pass
    second = epoch_of_run(path, synchronous="NORMAL")
    assert second != first
    assert epoch_of_run(path, synchronous="NORMAL") == second


def test_the_epoch_depends_on_whether_the_killed_run_was_synced_not_on_the_next_run(path: Path) -> None:
    with other_process(path, "one", synchronous="NORMAL") as first:
        pass
    assert epoch_of_run(path, synchronous="FULL") != first
    with other_process(path, synchronous="FULL") as second:
        pass
    assert epoch_of_run(path, synchronous="NORMAL") == second


@pytest.mark.parametrize("in_place", [False, True])
def test_an_older_copy_of_a_journal_gets_a_new_epoch(path: Path, tmp_path: Path, in_place: bool) -> None:
    backup = tmp_path / "backup.db"
    first = epoch_of_run(path, "one")
    copy(path, backup)
    assert epoch_of_run(path, "two") == first
    if in_place:
        path.write_bytes(backup.read_bytes())
    else:
        copy(backup, path)
    assert epoch_of_run(path) != first


def test_a_copy_from_the_middle_of_the_last_run_gets_a_new_epoch(path: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with open_journal(path) as harness:
        first = harness.epochs[0]
        harness.post("one")
        # Copied by SQLite: closing a file of our own would release SQLite's locks on it.
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        assert isinstance(harness.submit(Draft("lobby", "id-2", "ana", "two"))[0], int)
    path.write_bytes(backup.read_bytes())
    assert epoch_of_run(path) != first


def test_a_copy_of_a_journal_in_another_directory_gets_a_new_epoch(path: Path, tmp_path: Path) -> None:
    first = epoch_of_run(path, "one")
    other_directory = tmp_path / "elsewhere"
    other_directory.mkdir()
    shutil.copyfile(path, other_directory / path.name)
    shutil.copyfile(witness_path(path), witness_path(other_directory / path.name))
    assert epoch_of_run(other_directory / path.name) != first


def test_a_moved_journal_keeps_its_epoch(path: Path, tmp_path: Path) -> None:
    first = epoch_of_run(path, "one")
    moved = tmp_path / "moved.db"
    path.rename(moved)
    witness_path(path).rename(witness_path(moved))
    assert epoch_of_run(moved) == first


def test_a_journal_without_its_witness_gets_a_new_epoch(path: Path) -> None:
    first = epoch_of_run(path, "one")
    witness_path(path).unlink()
    second = epoch_of_run(path)
    assert second != first
    assert epoch_of_run(path) == second


def test_a_crash_between_counting_in_the_witness_and_in_the_file_keeps_the_epoch(path: Path) -> None:
    class Interrupted(Exception):
        pass

    class EndsBefore(SqliteFile):
        def set_meta(self, **values: str | int) -> None:
            raise Interrupted

    class EndsAfter(SqliteFile):
        def set_meta(self, **values: str | int) -> None:
            super().set_meta(**values)
            raise Interrupted

    first = epoch_of_run(path, "one")
    for kind in (EndsBefore, EndsAfter):
        guard = EpochGuard(path, "FULL")
        file = kind(path)
        with pytest.raises(Interrupted):
            guard.begin(file)
        file.close()
        guard.release()
        assert epoch_of_run(path) == first
