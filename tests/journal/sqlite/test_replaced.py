"""A file that is replaced while a server runs: from then on everything comes from the new one."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Draft, Page, Place, Unavailable
from tests.journal.contract.harness import Answer, Harness
from tests.journal.sqlite.files import open_journal
from tests.journal.sqlite.process import other_process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A journal of a server that was killed, so that most of it is in its log."""
    path = tmp_path / "backup" / "journal.db"
    with other_process(path, *(f"backup {n}" for n in range(5))):
        pass
    assert path.with_name("journal.db-wal").stat().st_size > 0
    return path


def replace(path: Path, backup: Path) -> None:
    """Move a journal and its log to the place of another."""
    path.with_name(f"{path.name}-shm").unlink()
    for end in ("-wal", ""):
        backup.with_name(backup.name + end).rename(path.with_name(path.name + end))


def texts(harness: Harness) -> list[str]:
    """Read everything in the lobby."""
    return [entry.message.text for entry in harness.read().messages]


@pytest.mark.parametrize("read_before", [False, True])
def test_every_answer_comes_from_the_new_file_once_its_epoch_has_begun(
    path: Path, backup: Path, read_before: bool
) -> None:
    with open_journal(path) as harness:
        harness.post("ours", "also ours")
        if read_before:
            assert texts(harness) == ["ours", "also ours"]
        replace(path, backup)
        late = Draft("lobby", "late", "ana", "late")
        assert isinstance(harness.submit(late)[0], Unavailable)
        _, epoch = harness.wait_for_epochs(2)
        page = harness.read()
        assert page.epoch == epoch
        assert [entry.message.text for entry in page.messages] == [f"backup {n}" for n in range(5)]
        assert harness.head() == 5  # which compares the epoch too
        assert harness.seek("lobby", 2, 6).position == 3
        assert [record.head for record in harness.rooms().rooms] == [5]
        assert any(isinstance(harness.submit(late)[0], int) for _ in range(1000))
        assert texts(harness)[-1] == "late"


@pytest.mark.logs("journal.not_closed")
def test_the_old_file_is_read_until_the_new_epoch_begins(path: Path, backup: Path) -> None:
    with open_journal(path) as harness:
        harness.post("ours")
        assert texts(harness) == ["ours"]
        replace(path, backup)
        assert texts(harness) == ["ours"]
        assert harness.read().epoch == harness.epochs[0]


def test_a_replaced_file_is_noticed_although_nobody_posts(path: Path, backup: Path) -> None:
    with open_journal(path, retention=0.01) as harness:
        harness.post("ours")
        replace(path, backup)
        harness.wait_for_epochs(2)
        assert texts(harness) == [f"backup {n}" for n in range(5)]


def test_a_new_file_is_read_also_if_the_old_one_is_still_there(path: Path, backup: Path) -> None:
    with open_journal(path) as harness:
        harness.post("ours")
        texts(harness)
        aside = path.with_name("aside")
        aside.mkdir()
        for end in ("", "-wal", "-shm"):
            path.with_name(path.name + end).rename(aside / (path.name + end))
        for end in ("", "-wal"):
            shutil.copyfile(backup.with_name(backup.name + end), path.with_name(path.name + end))
        harness.submit(Draft("lobby", "late", "ana", "late"))
        harness.wait_for_epochs(2)
        assert texts(harness) == [f"backup {n}" for n in range(5)]


def test_a_file_whose_epoch_was_changed_is_not_read_before_that_epoch_has_ended(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("one")
        assert texts(harness) == ["one"]
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE meta SET value = 'another' WHERE key = 'epoch'")
        page: Answer[Page | Unavailable] = Answer()
        harness.journal.read("lobby", page.take, after=0, limit=10, max_bytes=1_000)
        place: Answer[Place | Unavailable] = Answer()
        harness.journal.seek("lobby", 1, 2, place.take)
        assert isinstance(page.wait(), Unavailable)
        assert isinstance(place.wait(), Unavailable)
        assert isinstance(harness.submit(Draft("lobby", "late", "ana", "late"))[0], Unavailable)
        first, second = harness.wait_for_epochs(2)
        assert second not in (first, "another")
        assert harness.read().epoch == second
