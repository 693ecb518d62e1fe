"""The queue of the SQLite journal: bounded, and fair to the order of whoever is refused."""

import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chatcore.journal import Draft, Journal, Outcome
from chatcore.journal.sqlite import QUEUE
from chatcore.journal.sqlite.queue import DraftQueue, Submission
from tests.journal.contract.record import DEADLINE
from tests.journal.sqlite.files import Faults, faulty, kept_open, texts


def drafts(count: int, start: int = 0) -> list[Draft]:
    """Return some posts."""
    return [Draft("lobby", f"id-{n}", "ana", f"{n}") for n in range(start, start + count)]


def never(outcomes: object) -> None:
    """Be told what nobody tells here."""


def refused(taken: list[Submission] | None) -> list[bool]:
    """Return what of some work is refused."""
    assert taken is not None
    return [asked.refused for asked in taken]


def test_what_does_not_fit_is_refused_in_its_turn() -> None:
    queue = DraftQueue(3)
    for count in (2, 2, 1):
        assert queue.put(drafts(count), never)
    taken = queue.take(100, 0.0)
    assert refused(taken) == [False, True, True]  # the last would fit, but comes after a refusal


def test_after_the_last_refusal_was_told_drafts_are_accepted_again() -> None:
    queue = DraftQueue(1)
    queue.put(drafts(1), never)
    queue.put(drafts(1), never)
    first = queue.take(1, 0.0)
    queue.put(drafts(1), never)
    assert refused(first) == [False]
    second = queue.take(100, 0.0)
    assert refused(second) == [True, True]
    queue.put(drafts(1), never)  # not told yet
    assert second is not None
    queue.reported(second)
    queue.put(drafts(1), never)  # one is still to be told
    third = queue.take(100, 0.0)
    assert refused(third) == [True, True]
    assert third is not None
    queue.reported(third)
    queue.put(drafts(1), never)
    assert refused(queue.take(100, 0.0)) == [False]


def test_a_failure_refuses_what_was_taken_what_waits_and_what_comes() -> None:
    queue = DraftQueue(100)
    queue.put(drafts(1), never)
    taken = queue.take(100, 0.0)
    assert taken is not None
    queue.put(drafts(1), never)
    queue.refuse(taken)
    queue.put(drafts(1), never)
    assert refused(taken) == [True]
    queue.reported(taken)
    rest = queue.take(100, 0.0)
    assert refused(rest) == [True, True]
    assert rest is not None
    queue.reported(rest)
    queue.put(drafts(1), never)
    assert refused(queue.take(100, 0.0)) == [True]
    queue.accept()
    queue.put(drafts(1), never)
    assert refused(queue.take(100, 0.0)) == [True]  # the one before is not told yet


def test_it_gives_out_about_as_many_as_are_wanted_and_never_a_part() -> None:
    queue = DraftQueue(100)
    for count in (3, 3, 3):
        queue.put(drafts(count), never)
    assert [len(asked.drafts) for asked in queue.take(4, 0.0) or []] == [3, 3]
    assert [len(asked.drafts) for asked in queue.take(4, 0.0) or []] == [3]
    assert queue.take(4, 0.0) == []


def test_a_closed_one_gives_out_the_rest_and_then_the_end() -> None:
    queue = DraftQueue(100)
    queue.put(drafts(1), never)
    queue.close()
    queue.close()
    assert not queue.put(drafts(1), never)
    assert len(queue.take(100, None) or []) == 1
    assert queue.take(100, None) is None


# --- in the journal ------------------------------------------------------------------------------


def test_what_comes_while_one_group_is_written_is_the_next_group(tmp_path: Path) -> None:
    faults = Faults()
    with kept_open(tmp_path / "journal.db", file=faulty(faults)) as record:
        before = faults.commits
        faults.in_transaction.clear()
        faults.go_on.clear()
        answered = threading.Semaphore(0)
        for draft in drafts(101):
            record.journal.submit([draft], lambda _: answered.release())
            assert faults.in_transaction.wait(DEADLINE)  # the first is being written from here on
        faults.go_on.set()
        for _ in range(101):
            assert answered.acquire(timeout=DEADLINE)
        assert faults.commits - before == 2
        assert texts(record) == [f"{n}" for n in range(101)]


def test_one_that_is_full_is_unavailable_until_it_has_room(tmp_path: Path) -> None:
    faults = Faults()
    with kept_open(tmp_path / "journal.db", file=faulty(faults)) as record:
        outcomes: list[Outcome] = []
        answered = threading.Semaphore(0)

        def done(some: object) -> None:
            assert isinstance(some, list)
            outcomes.extend(some)
            answered.release()

        faults.in_transaction.clear()
        faults.go_on.clear()
        record.journal.submit(drafts(1), done)
        assert faults.in_transaction.wait(DEADLINE)
        record.journal.submit(drafts(QUEUE - 1, 1), done)
        record.journal.submit(drafts(2, QUEUE), done)
        record.journal.submit(drafts(1, QUEUE + 2), done)
        faults.go_on.set()
        for _ in range(4):
            assert answered.acquire(timeout=DEADLINE)
        kinds = [outcome.kind for outcome in outcomes]
        assert kinds == ["stored"] * QUEUE + ["unavailable"] * 3
        assert all(outcome.retry_after > 0 for outcome in outcomes[-3:])
        assert record.submit(*drafts(1, QUEUE))[0].kind == "stored"


class Sender:
    """Sends its posts in windows, and again from the first that was refused."""

    def __init__(self, journal: Journal, nick: str, windows: Iterator[int]) -> None:
        self._journal = journal
        self._rest = [Draft("lobby", f"{nick}-{n}", nick, f"{n}") for n in range(POSTS)]
        self._windows = windows
        self._answers: list[Outcome] = []
        self._told = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while self._rest:
            window = self._rest[: next(self._windows)]
            self._answers.clear()
            for draft in window:  # each is on its way before the one before is answered
                self._journal.submit([draft], self._take)
            for _ in window:
                assert self._told.acquire(timeout=DEADLINE)
            refused = [outcome.kind == "unavailable" for outcome in self._answers]
            assert refused == sorted(refused), "something was stored behind a refusal"
            del self._rest[: refused.count(False)]

    def _take(self, outcomes: Sequence[Outcome]) -> None:
        self._answers += outcomes
        self._told.release()


POSTS = 60
NICKS = ("ana", "bob", "cleo")


@pytest.mark.parametrize("seed", range(5))
def test_a_sender_who_resends_in_order_is_stored_in_order_whatever_fails(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    faults = Faults()
    with kept_open(tmp_path / "journal.db", file=faulty(faults), retry=0.001) as record:
        faults.plan = [rng.choice(["no", "no", "before", "after", "after"]) for _ in range(30)]
        windows = iter(lambda: rng.randint(1, 8), 0)
        senders = [Sender(record.journal, nick, windows) for nick in NICKS]
        for sender in senders:
            sender.thread.start()
        for sender in senders:
            sender.thread.join(DEADLINE)
            assert not sender.thread.is_alive()
        messages = record.messages
    assert [message.prev for message in messages] == [0, *(message.seq for message in messages[:-1])]
    for nick in NICKS:
        assert [message.text for message in messages if message.nick == nick] == [
            f"{n}" for n in range(POSTS)
        ]
    assert not faults.plan, "not everything went wrong"
