"""The queue of the SQLite journal: bounded, and a refused sender keeps its order."""

import random
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from chatcore.journal import Draft, Journal, Outcome, Unavailable
from chatcore.journal.sqlite import QUEUE
from chatcore.journal.sqlite.queue import DraftQueue, Submission
from tests.journal.contract.harness import DEADLINE
from tests.journal.sqlite.files import Faults, faulty, open_journal, texts


def drafts(count: int, start: int = 0) -> list[Draft]:
    """Return drafts with ids and texts made of numbers."""
    return [Draft("lobby", f"id-{n}", "ana", f"{n}") for n in range(start, start + count)]


def ignore(outcomes: object) -> None:
    """Take outcomes, which these tests do not report."""


def refused(taken: list[Submission] | None) -> list[bool]:
    """Return which of some submissions are refused."""
    assert taken is not None
    return [submission.refused for submission in taken]


def test_drafts_that_do_not_fit_are_refused_in_their_turn() -> None:
    queue = DraftQueue(3)
    for count in (2, 2, 1):
        assert queue.put(drafts(count), ignore)
    taken = queue.take(100, 0.0)
    assert refused(taken) == [False, True, True]  # the last would fit, but comes after a refusal


def test_drafts_are_accepted_again_after_the_last_refusal_is_reported() -> None:
    queue = DraftQueue(1)
    queue.put(drafts(1), ignore)
    queue.put(drafts(1), ignore)
    first = queue.take(1, 0.0)
    queue.put(drafts(1), ignore)
    assert refused(first) == [False]
    second = queue.take(100, 0.0)
    assert refused(second) == [True, True]
    queue.put(drafts(1), ignore)  # the refusals are not reported yet
    assert second is not None
    queue.reported(second)
    queue.put(drafts(1), ignore)  # one more is still to be reported
    third = queue.take(100, 0.0)
    assert refused(third) == [True, True]
    assert third is not None
    queue.reported(third)
    queue.put(drafts(1), ignore)
    assert refused(queue.take(100, 0.0)) == [False]


def test_a_failure_refuses_the_drafts_taken_the_drafts_waiting_and_new_ones() -> None:
    queue = DraftQueue(100)
    queue.put(drafts(1), ignore)
    taken = queue.take(100, 0.0)
    assert taken is not None
    queue.put(drafts(1), ignore)
    queue.refuse(taken)
    queue.put(drafts(1), ignore)
    assert refused(taken) == [True]
    queue.reported(taken)
    rest = queue.take(100, 0.0)
    assert refused(rest) == [True, True]
    assert rest is not None
    queue.reported(rest)
    queue.put(drafts(1), ignore)
    assert refused(queue.take(100, 0.0)) == [True]
    queue.accept()
    queue.put(drafts(1), ignore)
    assert refused(queue.take(100, 0.0)) == [True]  # the refusal before it is not reported yet


def test_take_returns_whole_submissions_until_there_are_enough_drafts() -> None:
    queue = DraftQueue(100)
    for count in (3, 3, 3):
        queue.put(drafts(count), ignore)
    assert [len(submission.drafts) for submission in queue.take(4, 0.0) or []] == [3, 3]
    assert [len(submission.drafts) for submission in queue.take(4, 0.0) or []] == [3]
    assert queue.take(4, 0.0) == []


def test_a_closed_queue_hands_out_the_rest_and_then_the_end() -> None:
    queue = DraftQueue(100)
    queue.put(drafts(1), ignore)
    queue.close()
    queue.close()
    assert not queue.put(drafts(1), ignore)
    assert len(queue.take(100, None) or []) == 1
    assert queue.take(100, None) is None


# --- in the journal ------------------------------------------------------------------------------


def test_drafts_that_arrive_during_a_commit_form_the_next_group(tmp_path: Path) -> None:
    faults = Faults()
    with open_journal(tmp_path / "journal.db", file=faulty(faults)) as harness:
        before = faults.commits
        faults.in_transaction.clear()
        faults.may_commit.clear()
        answered = threading.Semaphore(0)
        for draft in drafts(101):
            harness.journal.submit([draft], lambda _: answered.release())
            assert faults.in_transaction.wait(DEADLINE)  # the first is being written from here on
        faults.may_commit.set()
        for _ in range(101):
            assert answered.acquire(timeout=DEADLINE)
        assert faults.commits - before == 2
        assert texts(harness) == [f"{n}" for n in range(101)]


def test_a_journal_with_a_full_queue_refuses_drafts_until_it_has_space(tmp_path: Path) -> None:
    faults = Faults()
    with open_journal(tmp_path / "journal.db", file=faulty(faults)) as harness:
        outcomes: list[Outcome] = []
        answered = threading.Semaphore(0)

        def done(batch: object) -> None:
            assert isinstance(batch, list)
            outcomes.extend(batch)
            answered.release()

        faults.in_transaction.clear()
        faults.may_commit.clear()
        harness.journal.submit(drafts(1), done)
        assert faults.in_transaction.wait(DEADLINE)
        harness.journal.submit(drafts(QUEUE - 1, 1), done)
        harness.journal.submit(drafts(2, QUEUE), done)
        harness.journal.submit(drafts(1, QUEUE + 2), done)
        faults.may_commit.set()
        for _ in range(4):
            assert answered.acquire(timeout=DEADLINE)
        assert outcomes[:QUEUE] == [message.seq for message in harness.messages]
        waits = [outcome.retry_after for outcome in outcomes if isinstance(outcome, Unavailable)]
        assert len(waits) == len(outcomes) - QUEUE == 3
        assert all(wait > 0 for wait in waits)
        assert harness.reach("lobby", QUEUE)  # by then the queue knows that the refusals are reported
        assert isinstance(harness.submit(*drafts(1, QUEUE))[0], int)


class Sender:
    """Sends its posts in windows, and resends from the first that was refused."""

    def __init__(self, journal: Journal, nick: str, windows: Iterator[int]) -> None:
        self._journal = journal
        self._rest = [Draft("lobby", f"{nick}-{n}", nick, f"{n}") for n in range(POSTS)]
        self._windows = windows
        self._answers: list[Outcome] = []
        self._answered = threading.Semaphore(0)
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        while self._rest:
            window = self._rest[: next(self._windows)]
            self._answers.clear()
            for draft in window:  # each is submitted before the previous one is answered
                self._journal.submit([draft], self._take)
            for _ in window:
                assert self._answered.acquire(timeout=DEADLINE)
            refused = [isinstance(outcome, Unavailable) for outcome in self._answers]
            assert refused == sorted(refused), "a post was stored after a refused one"
            del self._rest[: refused.count(False)]

    def _take(self, outcomes: Sequence[Outcome]) -> None:
        self._answers += outcomes
        self._answered.release()


POSTS = 60
NICKS = ("ana", "bob", "cleo")


@pytest.mark.parametrize("seed", range(5))
def test_posts_resent_in_sequence_are_stored_in_sequence_whatever_fails(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    faults = Faults()
    with open_journal(tmp_path / "journal.db", file=faulty(faults), retry=0.001) as harness:
        faults.plan = [rng.choice(["no", "no", "before", "after", "after"]) for _ in range(30)]
        windows = iter(lambda: rng.randint(1, 8), 0)
        senders = [Sender(harness.journal, nick, windows) for nick in NICKS]
        for sender in senders:
            sender.thread.start()
        for sender in senders:
            sender.thread.join(DEADLINE)
            assert not sender.thread.is_alive()
        messages = harness.messages
    assert [message.prev for message in messages] == [0, *(message.seq for message in messages[:-1])]
    for nick in NICKS:
        assert [message.text for message in messages if message.nick == nick] == [
            f"{n}" for n in range(POSTS)
        ]
    assert not faults.plan, "some planned faults did not happen"
