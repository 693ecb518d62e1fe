"""A SQLite journal continues where it ended."""

from pathlib import Path

import pytest

from chatcore.journal import Conflict, Draft
from chatcore.sqlite.database import Synchronous
from tests.journal.sqlite.files import open_journal, texts
from tests.journal.sqlite.process import other_process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def test_a_reopened_journal_continues_its_heads_numbers_and_chain(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("one", "two")
        harness.post("elsewhere", room="b")
    with open_journal(path) as harness:
        assert (harness.head(), harness.head("b")) == (2, 1)
        (outcome,) = harness.submit(Draft("lobby", "later", "ana", "three"))
        assert outcome == 3
        assert harness.wait_for(1)[0].prev == 2
        assert [(entry.prev, entry.seq) for entry in harness.read().messages] == [(0, 1), (1, 2), (2, 3)]


def test_a_reopened_journal_reads_the_same_messages_and_reports_none_again(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("one", "two\nthree \U0001f600")
        before = harness.read().messages
    with open_journal(path) as harness:
        assert harness.read().messages == before
        assert harness.messages == []  # nothing is reported twice


def test_a_reopened_journal_remembers_the_room_and_text_of_each_id(path: Path) -> None:
    with open_journal(path) as harness:
        harness.submit(Draft("lobby", "id-1", "ana", "hi"), Draft("lobby", "id-2", "ana", "you"))
    with open_journal(path) as harness:
        outcomes = harness.submit(
            Draft("lobby", "id-2", "ana", "you"),
            Draft("lobby", "id-1", "ana", "not hi"),
            Draft("b", "id-1", "ana", "hi"),
        )
    assert outcomes == [2, Conflict(), 1]


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_acks_survive_kill_nine(path: Path, synchronous: Synchronous) -> None:
    with other_process(path, "one", "two", synchronous=synchronous):
        pass
    with open_journal(path, synchronous=synchronous) as harness:
        assert harness.head() == 2
        assert [b"one" in entry.line for entry in harness.read().messages] == [True, False]
        assert harness.submit(Draft("lobby", "lobby-1", "ana", "two")) == [2]


def test_a_missing_directory_is_created(tmp_path: Path) -> None:
    with open_journal(tmp_path / "a" / "b" / "journal.db") as harness:
        harness.post("hi")
        assert texts(harness) == ["hi"]


def test_a_path_may_hold_characters_with_a_meaning_in_uris(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1.db"
    with open_journal(path) as harness:
        harness.post("hi")
    assert path.is_file()
    with open_journal(path) as harness:
        assert harness.head() == 1


def test_a_sqlite_journal_shows_its_path_and_its_durability(path: Path) -> None:
    with open_journal(path) as harness:
        assert repr(harness.journal) == f"<SqliteJournal {path} synced>"
    with open_journal(path, synchronous="NORMAL") as harness:
        assert harness.journal.durability == "written"
