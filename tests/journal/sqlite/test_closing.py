"""A SQLite journal that is closed, or was never open, answers and leaves nothing."""

import threading
from pathlib import Path

import pytest

from chatcore.journal import Draft, Outcome, Page, Unavailable
from chatcore.journal.sqlite import SqliteJournal
from chatcore.journal.sqlite.connection import SqliteConnection
from tests.journal.contract.record import Record
from tests.journal.sqlite.files import kept_open
from tests.server.driver import Clock

DRAFT = Draft("lobby", "id-1", "ana", "hi")


def answers(journal: SqliteJournal) -> list[Outcome | Page | int | Unavailable]:
    """Ask everything of a journal that has no threads; return the answers."""
    got: list[Outcome | Page | int | Unavailable] = []
    journal.submit([DRAFT], got.extend)
    journal.read("lobby", got.append, limit=10, max_bytes=1000)
    journal.seek("lobby", 1, 1, got.append)
    return got


def assert_unavailable(got: list[Outcome | Page | int | Unavailable]) -> None:
    outcome, page, position = got
    assert isinstance(outcome, Outcome)
    assert outcome.kind == "unavailable"
    assert outcome.retry_after > 0
    assert isinstance(page, Unavailable)
    assert isinstance(position, Unavailable)


def test_one_that_was_never_started_can_be_asked_and_closed(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    assert_unavailable(answers(journal))
    journal.close()
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_one_that_is_closed_answers_at_once(tmp_path: Path) -> None:
    with kept_open(tmp_path / "journal.db") as record:
        record.post("hi")
        journal = record.journal
    assert isinstance(journal, SqliteJournal)
    assert_unavailable(answers(journal))
    journal.close()


def test_what_was_asked_before_is_answered(tmp_path: Path) -> None:
    pages: list[Page | Unavailable] = []
    with kept_open(tmp_path / "journal.db") as record:
        record.post("hi")
        for _ in range(20):
            record.journal.read("lobby", pages.append, after=0, limit=10, max_bytes=1000)
    assert [isinstance(page, Page) for page in pages] == [True] * 20


def test_it_leaves_no_thread_no_connection_and_no_log(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    path = tmp_path / "journal.db"
    with kept_open(path) as record:
        record.post("hi")
        assert set(threading.enumerate()) > threads
    assert set(threading.enumerate()) == threads
    assert sorted(each.name for each in tmp_path.iterdir()) == ["journal.db", "journal.db-life"]
    with kept_open(path):
        pass


def test_one_whose_feed_fails_is_not_left_open(tmp_path: Path) -> None:
    class Broken(Record):
        def opened(self, *args: object) -> None:
            raise RuntimeError("the hub cannot")

    threads = set(threading.enumerate())
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    with pytest.raises(RuntimeError):
        Broken(journal, Clock())
    assert set(threading.enumerate()) == threads
    with kept_open(path):
        pass


def test_a_connection_can_be_closed_twice(tmp_path: Path) -> None:
    connection = SqliteConnection(tmp_path / "journal.db")
    connection.close()
    connection.close()
