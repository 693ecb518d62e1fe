"""When a SQLite journal goes on with its epoch, and when it takes a new one."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from chatcore.journal import Draft
from chatcore.journal.sqlite.connection import Synchronous
from chatcore.journal.sqlite.epoch import EpochGuard, witness_path
from chatcore.journal.sqlite.statements import SqliteFile
from tests.journal.sqlite.files import kept_open
from tests.journal.sqlite.process import elsewhere


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


def life(path: Path, *texts: str, synchronous: Synchronous = "FULL") -> str:
    """Open a journal, say something, and close it; return its epoch."""
    with kept_open(path, synchronous=synchronous) as record:
        for text in texts:
            assert record.submit(Draft("lobby", uuid4().hex, "ana", text))[0].kind == "stored"
        return record.opened_with[0][0]


def copy(path: Path, to: Path) -> None:
    """Copy a journal that nobody has open, without its witness, over whatever is there."""
    for end in ("", "-wal"):
        source = path.with_name(path.name + end)
        target = to.with_name(to.name + end)
        target.unlink(missing_ok=True)
        if source.exists():
            shutil.copyfile(source, target)


def test_two_journals_have_two_epochs(tmp_path: Path) -> None:
    assert life(tmp_path / "a.db") != life(tmp_path / "b.db")


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_one_that_was_closed_keeps_its_epoch(path: Path, synchronous: Synchronous) -> None:
    epochs = {life(path, "hi", synchronous=synchronous) for _ in range(3)}
    assert len(epochs) == 1


def test_one_that_syncs_keeps_its_epoch_when_it_is_killed(path: Path) -> None:
    with elsewhere(path, "one") as first:
        pass
    with elsewhere(path) as second:
        pass
    assert (second, life(path)) == (first, first)


def test_one_that_does_not_sync_gets_a_new_epoch_when_it_is_killed(path: Path) -> None:
    with elsewhere(path, "one", synchronous="NORMAL") as first:
        pass
    second = life(path, synchronous="NORMAL")
    assert second != first
    assert life(path, synchronous="NORMAL") == second


def test_it_is_the_life_that_was_killed_which_counts_not_the_one_that_follows(path: Path) -> None:
    with elsewhere(path, "one", synchronous="NORMAL") as first:
        pass
    assert life(path, synchronous="FULL") != first
    with elsewhere(path, synchronous="FULL") as second:
        pass
    assert life(path, synchronous="NORMAL") == second


@pytest.mark.parametrize("in_place", [False, True])
def test_an_older_copy_gets_a_new_epoch(path: Path, tmp_path: Path, in_place: bool) -> None:
    backup = tmp_path / "backup.db"
    first = life(path, "one")
    copy(path, backup)
    assert life(path, "two") == first
    if in_place:
        path.write_bytes(backup.read_bytes())
    else:
        copy(backup, path)
    assert life(path) != first


def test_an_older_copy_from_the_middle_of_the_last_life_gets_a_new_epoch(path: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with kept_open(path) as record:
        first = record.opened_with[0][0]
        record.post("one")
        # Copied by SQLite: closing a file of one's own would let go of SQLite's locks on it.
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        assert record.submit(Draft("lobby", "id-2", "ana", "two"))[0].kind == "stored"
    path.write_bytes(backup.read_bytes())
    assert life(path) != first


def test_a_copy_somewhere_else_gets_a_new_epoch(path: Path, tmp_path: Path) -> None:
    first = life(path, "one")
    elsewhere_too = tmp_path / "elsewhere"
    elsewhere_too.mkdir()
    shutil.copyfile(path, elsewhere_too / path.name)
    shutil.copyfile(witness_path(path), witness_path(elsewhere_too / path.name))
    assert life(elsewhere_too / path.name) != first


def test_one_that_was_only_moved_keeps_its_epoch(path: Path, tmp_path: Path) -> None:
    first = life(path, "one")
    moved = tmp_path / "moved.db"
    path.rename(moved)
    witness_path(path).rename(witness_path(moved))
    assert life(moved) == first


def test_one_without_its_witness_gets_a_new_epoch(path: Path) -> None:
    first = life(path, "one")
    witness_path(path).unlink()
    second = life(path)
    assert second != first
    assert life(path) == second


def test_an_end_between_the_two_counts_is_no_new_epoch(path: Path) -> None:
    class Interrupted(Exception):
        pass

    class EndsBefore(SqliteFile):
        def set_meta(self, **values: str | int) -> None:
            raise Interrupted

    class EndsAfter(SqliteFile):
        def set_meta(self, **values: str | int) -> None:
            super().set_meta(**values)
            raise Interrupted

    first = life(path, "one")
    for kind in (EndsBefore, EndsAfter):
        held = EpochGuard(path, "FULL")
        file = kind(path)
        with pytest.raises(Interrupted):
            held.begin(file)
        file.close()
        held.release()
        assert life(path) == first
