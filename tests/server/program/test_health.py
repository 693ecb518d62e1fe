"""Whether a post can be stored now: the answer is right, and comes in time whatever hangs."""

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatcore.errors import RefusedError
from chatcore.journal.sqlite import SqliteJournal, Times
from chatcore.messages import Ack
from chatcore.server.hub import Hub
from tests.journal.sqlite.files import QUICK, Faults, faulty
from tests.server.driver import Clock, Host

SHORT = 0.05
"""Seconds to wait for an answer that must not come."""

LONG = 10.0


class File:
    """A hub whose journal is in a file that fails on demand."""

    def __init__(self, path: Path) -> None:
        self.faults = Faults()
        self.clock = Clock()
        times = Times(now=self.clock, retry=QUICK)
        self.hub = Hub(SqliteJournal(path, times=times, file=faulty(self.faults), search=False))

    def post(self, text: str) -> None:
        """Post and wait for the outcome."""
        self.hub.post("lobby", "ci", text).result(LONG)

    def post_and_hang(self, text: str) -> "Future[Ack]":
        """Post, and let the disk hang while that is stored."""
        self.faults.may_commit.clear()
        self.faults.in_transaction.clear()
        posted = self.hub.post("lobby", "ci", text)
        assert self.faults.in_transaction.wait(LONG)
        return posted

    def close(self) -> None:
        self.faults.may_commit.set()
        self.hub.close()


@pytest.fixture
def file(tmp_path: Path) -> Iterator[File]:
    with ExitStack() as stack:
        file = File(tmp_path / "journal.db")
        stack.callback(file.close)
        yield file


def test_a_hub_that_can_store_is_healthy(file: File) -> None:
    assert file.hub.why_unhealthy(LONG) is None
    assert Host().hub.why_unhealthy(LONG) is None


def test_asking_stores_nothing(file: File) -> None:
    file.hub.why_unhealthy(LONG)
    counted = file.hub.statistics()
    assert counted.journal is not None
    assert (counted.messages, counted.rooms, sum(counted.journal.commits.counts)) == (0, (), 0)


def test_a_disk_that_hangs_is_seen_in_time(file: File) -> None:
    posted = file.post_and_hang("hello")
    assert file.hub.why_unhealthy(SHORT) == "the journal does not answer"
    file.faults.may_commit.set()
    posted.result(LONG)
    assert file.hub.why_unhealthy(LONG) is None


def test_a_disk_that_hangs_for_long_gathers_no_questions(file: File, monkeypatch: pytest.MonkeyPatch) -> None:
    posted = file.post_and_hang("hello")
    asked: list[object] = []
    monkeypatch.setattr(file.hub.journal, "reach", lambda *args: asked.append(args))
    assert {file.hub.why_unhealthy(SHORT) for _ in range(5)} == {"the journal does not answer"}
    assert len(asked) <= 1  # none, if it was slow to ask
    file.faults.may_commit.set()
    posted.result(LONG)


def test_a_journal_that_has_failed_is_unhealthy_until_it_can_be_used_again(file: File) -> None:
    recovered = threading.Event()
    file.faults.plan, file.faults.opening = ["before"], 1_000_000
    with pytest.raises(RefusedError):
        file.post("hello")
    assert file.hub.why_unhealthy(LONG) == "the journal cannot store messages now"
    counted = file.hub.statistics().journal
    assert counted is not None
    assert (counted.failures, counted.available) == (1, False)
    file.faults.opening = 0
    while file.hub.why_unhealthy(LONG) is not None:
        recovered.wait(QUICK / 4)  # until the next attempt
    file.post("hello")
    counted = file.hub.statistics().journal
    assert counted is not None
    assert (counted.failures, counted.available, sum(counted.commits.counts)) == (1, True, 1)


def test_a_hub_that_is_held_up_is_unhealthy(file: File) -> None:
    with file.hub.lock:
        assert file.hub.why_unhealthy(SHORT) == "the server is busy"
    assert file.hub.why_unhealthy(LONG) is None


def test_a_hub_that_is_closed_is_unhealthy(file: File) -> None:
    file.hub.close()
    assert file.hub.why_unhealthy(LONG) == "the journal cannot store messages now"


def test_a_journal_that_does_not_count_is_asked_all_the_same() -> None:
    hub = Host().hub
    assert hub.statistics().journal is None
    assert hub.why_unhealthy(LONG) is None


def test_posts_that_wait_for_the_disk_are_counted(file: File) -> None:
    posted = [file.post_and_hang("first")]
    posted += [file.hub.post("lobby", "ci", str(number)) for number in range(5)]
    waiting = file.hub.statistics().journal
    file.faults.may_commit.set()
    for each in posted:
        each.result(LONG)
    stored = file.hub.statistics().journal
    assert waiting is not None
    assert stored is not None
    assert (waiting.queued, waiting.commits.total) == (5, 0)
    assert (stored.queued, stored.commits.total) == (0, 2)
    assert 0 < stored.commits.seconds < LONG


def test_posts_that_are_stored_already_are_no_commit(file: File) -> None:
    for _ in range(2):
        file.hub.post("lobby", "ci", "hello", id="same").result(LONG)
    counted = file.hub.statistics().journal
    assert counted is not None
    assert counted.commits.total == 1
