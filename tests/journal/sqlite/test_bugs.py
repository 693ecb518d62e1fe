"""What nobody expects to be raised, in the threads of the SQLite journal: everybody still gets an answer."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from chatcore.journal import Draft, RoomPage, Unavailable
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.limits import HistoryLimits
from tests.journal.contract.harness import Answer, Harness
from tests.journal.sqlite.files import open_journal, texts
from tests.journal.sqlite.test_faults import submit_until_accepted


class Bug(Exception):
    """What no code expects."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def draft(text: str) -> Draft:
    """Return a draft whose id is its text."""
    return Draft("lobby", text, "ana", text)


def rooms(harness: Harness) -> object:
    """Ask for the rooms, whatever the answer is."""
    answer: Answer[RoomPage | Unavailable] = Answer()
    harness.journal.rooms(answer.take, after=None, prefix="", limit=10)
    return answer.wait()


def test_a_bug_in_delivering_refuses_the_posts_and_delivers_them_again(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bugs = [Bug()]

    def fail_once(messages: object) -> None:
        if bugs:
            raise bugs.pop()

    with open_journal(path) as harness:
        harness.on_commit = fail_once
        (outcome,) = harness.submit(draft("one"))
        assert isinstance(outcome, Unavailable)
        assert submit_until_accepted(harness, draft("one"), draft("two")) == [1, 2]
        assert set(texts(harness)) == {"one", "two"}
    assert "Bug" in caplog.text


@pytest.mark.logs("journal.answer_lost")
def test_a_bug_in_taking_an_outcome_costs_nobody_else_theirs(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(outcomes: object) -> None:
        raise Bug

    with open_journal(path) as harness:
        harness.journal.submit([draft("one")], fail)
        harness.journal.reach("lobby", 1, fail)
        assert harness.submit(draft("two")) == [2]
    assert caplog.text.count("an answer of the journal was not taken") == 2


@pytest.mark.logs("journal.unreadable")
def test_a_column_that_holds_another_type_is_answered_and_logged(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open_journal(path) as harness:
        harness.post("one")
        harness.journal.close()
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        db.execute("UPDATE rooms SET at = 'yesterday'")
    with open_journal(path) as harness:
        assert isinstance(rooms(harness), Unavailable)
        assert isinstance(harness.submit(draft("two"))[0], Unavailable)
        assert isinstance(harness.submit(draft("two"))[0], Unavailable)
    assert "Traceback" in caplog.text


@pytest.mark.logs("journal.not_cut")
def test_what_cannot_be_removed_is_tried_again_later_and_told_once(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    attempts: list[int] = []

    class FullFile(SqliteFile):
        def expire(self, room: int, **bounds: object) -> int:
            attempts.append(room)
            raise sqlite3.OperationalError("database or disk is full")

    limits = HistoryLimits(history_messages=1)
    with open_journal(path, limits=limits, retry=3_600.0, file=FullFile) as harness:
        for n in range(20):
            harness.post(str(n))
    assert len(attempts) == 1
    assert caplog.text.count("cannot remove old messages") == 1
