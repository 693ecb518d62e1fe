"""A SQLite journal that is closed, or was never started, still answers and leaves nothing behind."""

import threading
from pathlib import Path

import pytest

from chatcore.journal import Draft, Page, Unavailable
from chatcore.journal.search import SearchRequest
from chatcore.journal.sqlite import SqliteJournal
from chatcore.journal.sqlite.connection import SqliteConnection
from tests.journal.contract.harness import Harness
from tests.journal.sqlite.files import open_journal
from tests.server.driver import Clock

DRAFT = Draft("lobby", "id-1", "ana", "hi")


def answers(journal: SqliteJournal) -> list[object]:
    """Make each kind of request to a journal that has no threads; return the answers."""
    got: list[object] = []
    journal.submit([DRAFT], got.extend)
    journal.read("lobby", got.append, limit=10, max_bytes=1000)
    journal.seek("lobby", 1, 1, got.append)
    journal.head("lobby", got.append)
    journal.reach("lobby", 1, got.append)
    journal.rooms(got.append, after=None, prefix="", limit=10)
    journal.remove_room("lobby", got.append)
    return got


def assert_unavailable(got: list[object]) -> None:
    outcome, *others = got
    assert isinstance(outcome, Unavailable)
    assert outcome.retry_after > 0
    assert [type(answer) for answer in others] == [Unavailable] * 6


def test_a_journal_that_was_never_started_answers_unavailable_and_can_be_closed(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    assert_unavailable(answers(journal))
    journal.close()
    journal.close()
    assert list(tmp_path.iterdir()) == []


def test_a_closed_journal_answers_unavailable_immediately(tmp_path: Path) -> None:
    with open_journal(tmp_path / "journal.db") as harness:
        harness.post("hi")
        journal = harness.journal
    assert isinstance(journal, SqliteJournal)
    assert_unavailable(answers(journal))
    journal.close()


def test_reads_requested_before_close_are_answered(tmp_path: Path) -> None:
    pages: list[Page | Unavailable] = []
    with open_journal(tmp_path / "journal.db") as harness:
        harness.post("hi")
        for _ in range(20):
            harness.journal.read("lobby", pages.append, after=0, limit=10, max_bytes=1000)
    assert [isinstance(page, Page) for page in pages] == [True] * 20


def test_a_closed_journal_leaves_no_thread_no_connection_and_no_write_ahead_log(tmp_path: Path) -> None:
    threads = set(threading.enumerate())
    path = tmp_path / "journal.db"
    with open_journal(path) as harness:
        harness.post("hi")
        assert len(harness.read().messages) == 1
        harness.search(SearchRequest({}))  # after which there is an index
        assert set(threading.enumerate()) - threads
    assert set(threading.enumerate()) <= threads
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "journal.db",
        "journal.db-life",
        "journal.db-search",
    ]
    with open_journal(path):
        pass


def test_a_journal_whose_feed_fails_at_start_is_closed(tmp_path: Path) -> None:
    class Broken(Harness):
        def opened(self, *args: object) -> None:
            raise RuntimeError("the hub cannot")

    threads = set(threading.enumerate())
    path = tmp_path / "journal.db"
    journal = SqliteJournal(path)
    with pytest.raises(RuntimeError):
        Broken(journal, Clock())
    assert set(threading.enumerate()) <= threads
    with open_journal(path):
        pass


def test_a_sqlite_connection_can_be_closed_twice(tmp_path: Path) -> None:
    connection = SqliteConnection(tmp_path / "journal.db")
    connection.close()
    connection.close()
