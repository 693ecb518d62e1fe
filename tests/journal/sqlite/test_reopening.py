"""A SQLite journal goes on where it ended."""

from pathlib import Path

import pytest

from chatcore.journal import Draft, Outcome
from chatcore.journal.sqlite.connection import Synchronous
from tests.journal.sqlite.files import kept_open, texts
from tests.journal.sqlite.process import elsewhere


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


def test_heads_numbers_and_the_chain_go_on(path: Path) -> None:
    with kept_open(path) as record:
        record.post("one", "two")
        record.post("elsewhere", room="b")
    with kept_open(path) as record:
        assert record.opened_with[0][1] == {"lobby": 2, "b": 1}
        (outcome,) = record.submit(Draft("lobby", "later", "ana", "three"))
        assert outcome == Outcome("stored", 3)
        assert record.wait_for(1)[0].prev == 2
        assert [(entry.prev, entry.seq) for entry in record.read().messages] == [(0, 1), (1, 2), (2, 3)]


def test_what_was_said_is_read_as_it_was_told(path: Path) -> None:
    with kept_open(path) as record:
        record.post("one", "two\nthree \U0001f600")
        before = record.read().messages
    with kept_open(path) as record:
        assert record.read().messages == before
        assert record.messages == []  # nothing is told twice


def test_ids_are_known_as_what_they_were(path: Path) -> None:
    with kept_open(path) as record:
        record.submit(Draft("lobby", "id-1", "ana", "hi"), Draft("lobby", "id-2", "ana", "you"))
    with kept_open(path) as record:
        outcomes = record.submit(
            Draft("lobby", "id-2", "ana", "you"),
            Draft("lobby", "id-1", "ana", "not hi"),
            Draft("b", "id-1", "ana", "hi"),
        )
    assert outcomes == [Outcome("repeat", 2), Outcome("conflict"), Outcome("stored", 1)]


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
def test_a_killed_process_loses_nothing_that_it_acknowledged(path: Path, synchronous: Synchronous) -> None:
    with elsewhere(path, "one", "two", synchronous=synchronous):
        pass
    with kept_open(path, synchronous=synchronous) as record:
        assert record.opened_with[0][1] == {"lobby": 2}
        assert [b"one" in entry.line for entry in record.read().messages] == [True, False]
        assert record.submit(Draft("lobby", "lobby-1", "ana", "two")) == [Outcome("repeat", 2)]


def test_a_directory_that_is_not_there_is_made(tmp_path: Path) -> None:
    with kept_open(tmp_path / "a" / "b" / "journal.db") as record:
        record.post("hi")
        assert texts(record) == ["hi"]


def test_a_path_may_have_what_means_something_in_an_address(tmp_path: Path) -> None:
    path = tmp_path / "what? 100% #1.db"
    with kept_open(path) as record:
        record.post("hi")
    assert path.is_file()
    with kept_open(path) as record:
        assert record.opened_with[0][1] == {"lobby": 1}


def test_it_says_where_it_is_and_how_safe(path: Path) -> None:
    with kept_open(path) as record:
        assert repr(record.journal) == f"<SqliteJournal {path} synced>"
    with kept_open(path, synchronous="NORMAL") as record:
        assert record.journal.durability == "written"
