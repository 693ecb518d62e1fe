"""The search index's thread: what it is told of and what it finds by itself, what fails, and the end."""

import errno
import logging
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore.journal import Draft, Unavailable
from chatcore.journal.search import Answer as Found
from chatcore.journal.search import SearchCursor, SearchRequest
from chatcore.journal.sqlite import SqliteJournal, backlog, index_filler, indexer
from chatcore.journal.sqlite.index_file import IndexFile, index_path
from chatcore.terms import parse_query
from tests.journal.contract.harness import DEADLINE, Answer, Harness
from tests.journal.sqlite.files import Faults, faulty, open_journal
from tests.server.driver import Clock

EVERYTHING = SearchRequest({"lobby": (0, 2**53), "b": (0, 2**53)}, items=parse_query("hi"), limit=100)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a journal that is not there yet."""
    return tmp_path / "journal.db"


def ask(harness: Harness, request: SearchRequest = EVERYTHING) -> Answer[Found]:
    """Search, and return where the answer will be."""
    assert isinstance(harness.journal, SqliteJournal)
    answer: Answer[Found] = Answer()
    harness.journal.search(request, answer.take)
    return answer


def in_order(harness: Harness) -> list[str]:
    """Search everywhere, see that all messages are found in their order, and return their texts."""
    hits = harness.search(EVERYTHING)
    messages = [stored.message for stored in hits.messages]
    assert messages == sorted(harness.messages, key=SearchCursor.of, reverse=True)
    return [message.text for message in messages]


def numbers_of_entries(path: Path) -> list[int]:
    """Return the numbers of an index's entries; the late ones are negative."""
    with sqlite3.connect(index_path(path)) as db:
        rows = db.execute("SELECT n FROM entries ORDER BY n").fetchall()
    db.close()
    return [n for (n,) in rows]


@pytest.mark.parametrize(("limit", "value"), [("MESSAGES", 3), ("CHARACTERS", 30)])
def test_what_is_too_much_to_hold_is_read_from_the_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
) -> None:
    monkeypatch.setattr(backlog, limit, value)
    with open_journal(path) as harness:
        assert in_order(harness) == []
        for n in range(8):
            harness.post(*(f"hi {n} {k}" for k in range(n)), room="b" if n % 3 else "lobby")
        assert len(in_order(harness)) == 28


def test_messages_are_found_that_the_index_was_not_told_of(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(path) as harness:
        harness.post("hi 1")
        assert in_order(harness) == ["hi 1"]
        with monkeypatch.context() as patch:
            patch.setattr(indexer.Indexer, "note", lambda *_: None)
            harness.post("hi 2")
        harness.post("hi 3")
        assert in_order(harness) == ["hi 3", "hi 2", "hi 1"]
        harness.post("hi 4")
        assert len(in_order(harness)) == 4
    assert numbers_of_entries(path) == [1, 2, 3, 4]


def test_what_a_failed_write_has_stored_all_the_same_is_found(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("hi 1")
        assert in_order(harness) == ["hi 1"]
        faults.plan = ["after"]
        (outcome,) = harness.submit(Draft("lobby", "2", "ana", "hi 2"))
        assert isinstance(outcome, Unavailable)
        harness.wait_for(2)
        assert in_order(harness) == ["hi 2", "hi 1"]


def test_late_messages_are_found_in_order_and_too_many_are_sorted_anew(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(1_800_000_000.0)
    monkeypatch.setattr(index_filler, "LOOK", 5)
    with open_journal(path, clock) as harness:
        harness.post("hi ahead", room="b")
        assert in_order(harness) == ["hi ahead"]
        clock.now -= 1_000
        for n in range(20):
            harness.post(f"hi {n}")
            clock.now += 1
            assert len(in_order(harness)) == n + 2
    assert len([n for n in numbers_of_entries(path) if n < 0]) < 15


@pytest.mark.logs("index.unusable", "index.recovered")
def test_a_failure_is_logged_once_and_so_is_its_end(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(indexer, "RETRY_SECONDS", 0.0)
    caplog.set_level(logging.WARNING, "chat.journal")
    with open_journal(path) as harness:
        harness.post("hi")
        assert in_order(harness) == ["hi"]
        with monkeypatch.context() as patch:
            patch.setattr(IndexFile, "add", full)
            harness.post("hi again")
            for _ in range(3):
                assert ask(harness).wait() == Unavailable(0.0)
        assert in_order(harness) == ["hi again", "hi"]
    words = [record.getMessage() for record in caplog.records]
    assert len(words) == 2
    assert words[0].endswith("database or disk is full")
    assert words[1].endswith("can be used again")


@pytest.mark.logs("index.answer_lost")
def test_a_bug_in_taking_what_was_found_costs_nobody_else_theirs(path: Path) -> None:
    def fail(found: Found) -> None:
        raise ZeroDivisionError

    with open_journal(path) as harness:
        harness.post("hi")
        assert isinstance(harness.journal, SqliteJournal)
        harness.journal.search(EVERYTHING, fail)
        assert in_order(harness) == ["hi"]


@pytest.mark.logs("index.not_removed")
def test_an_index_that_cannot_be_removed_at_the_end_is_named_in_the_log(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(path: Path) -> None:
        raise OSError(errno.EBUSY, "Device or resource busy", str(path))

    with open_journal(path) as harness:
        harness.post("hi")
        assert in_order(harness) == ["hi"]
        thread = next(each for each in threading.enumerate() if each.name == "chat-journal-search")
        monkeypatch.setattr(index_filler, "remove_index", busy)
        journal = harness.journal
        assert isinstance(journal, SqliteJournal)
        assert journal._indexer is not None
        journal._indexer.close()
        assert not thread.is_alive()
        assert harness.remove()


def full(*_: object) -> None:
    """Fail as on a full disk."""
    raise sqlite3.OperationalError("database or disk is full")


def endless(index: IndexFile, _: SearchRequest) -> Iterator[SearchCursor]:
    """Search until that is ended."""
    yield from index.db.execute(
        "WITH RECURSIVE t(n) AS (SELECT 1 UNION SELECT n + 1 FROM t) SELECT max(n) FROM t"
    )


def test_a_stop_ends_a_search_and_refuses_those_that_wait(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    began = threading.Event()

    def matches(index: IndexFile, request: SearchRequest) -> Iterator[SearchCursor]:
        began.set()
        return endless(index, request)

    monkeypatch.setattr(indexer, "SEARCH_SECONDS", 3_600.0)
    monkeypatch.setattr(IndexFile, "matches", matches)
    with open_journal(path) as harness:
        harness.post("hi")
        answers = [ask(harness) for _ in range(5)]
        assert began.wait(DEADLINE)
        harness.journal.close()
        assert {answer.wait() for answer in answers} == {Unavailable(indexer.RETRY_SECONDS)}


def test_a_search_of_one_room_does_not_read_words_of_another(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post(*(f"secret {n}" for n in range(200)), room="b")
        harness.post("hi")
        assert len(harness.search(EVERYTHING).messages) == 1
        only = replace(EVERYTHING, rooms={"lobby": (0, 2**53)}, items=parse_query("secret"))
        hits = harness.search(only)
        assert hits.messages == ()
    index = IndexFile(index_path(path))
    _, secret, nothing = [
        steps_of(index, replace(only, items=parse_query(word))) for word in ("any", "secret", "nothing")
    ]
    index.close()
    assert secret == nothing


def steps_of(index: IndexFile, request: SearchRequest) -> int:
    """Return how many steps SQLite takes for a search."""
    count = 0

    def step() -> bool:
        nonlocal count
        count += 1
        return False

    index.db.set_progress_handler(step, 1)
    assert list(index.matches(request)) == []
    index.db.set_progress_handler(None, 0)
    return count
