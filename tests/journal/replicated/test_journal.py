"""The journal with its threads: several on one log, without a log, and how it starts and ends."""

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from chatcore import Hub, JournalError
from chatcore.journal import Conflict, Draft, Outcome, Unavailable
from chatcore.journal.replicated import RecordLimits, ReplicatedJournal
from chatcore.journal.replicated.replica import Replica
from chatcore.journal.search import Answer as Found
from chatcore.journal.search import Hits, SearchRequest
from chatcore.journal.sqlite import SqliteJournal
from chatcore.replication import Log, LogListener
from chatcore.replication.follower import ReplicaStatus
from chatcore.replication.memory import MemoryLog
from chatcore.terms import parse_query
from tests.journal.contract.harness import DEADLINE, Answer, Harness, numbers
from tests.journal.replicated.node import dump
from tests.server.driver import Clock

Open = Callable[..., Harness]


class NoLog:
    """A log that cannot be reached."""

    def __init__(self) -> None:
        self.appended: list[bytes] = []
        self.closed = False

    def start(self, listener: LogListener, after: int) -> None:
        """Report nothing."""

    def append(self, data: bytes) -> None:
        """Lose an entry."""
        self.appended.append(data)

    def ask_last(self, deliver: Callable[[int | None], None]) -> None:
        """Say that it cannot be asked."""
        deliver(None)

    def close(self) -> None:
        """Note that it is closed."""
        self.closed = True


class DeafLog(NoLog):
    """A log that is connected, and loses every entry."""

    def start(self, listener: LogListener, after: int) -> None:
        """Report that it is open."""
        listener.opened("deaf", 1, 0, "replicated")


class LateLog(NoLog):
    """A log that is connected when a test says so, and loses every entry."""

    def start(self, listener: LogListener, after: int) -> None:
        """Report nothing yet."""
        self._listener = listener

    def open(self) -> None:
        """Report that it is open."""
        self._listener.opened("late", 1, 0, "replicated")


@pytest.fixture
def log() -> MemoryLog:
    """A log for all servers of a test."""
    return MemoryLog()


@pytest.fixture
def serve(tmp_path: Path, log: MemoryLog) -> Iterator[Open]:
    """Starts servers, and closes them."""
    harnesses: list[Harness] = []

    def start(name: str = "one", over: Log | None = None, **options: object) -> Harness:
        journal = ReplicatedJournal(tmp_path / f"{name}.db", over or log.connect(), **options)  # type: ignore[arg-type]  # of tests
        harnesses.append(Harness(journal, Clock()))
        return harnesses[-1]

    yield start
    for harness in harnesses:
        harness.journal.close()


def journal_of(harness: Harness) -> ReplicatedJournal:
    """Return the journal under test."""
    assert isinstance(harness.journal, ReplicatedJournal)
    return harness.journal


def test_servers_that_post_together_have_the_same_messages_in_one_order(serve: Open, tmp_path: Path) -> None:
    nodes = [serve(name) for name in ("one", "two", "three")]
    answered = threading.Semaphore(0)
    outcomes: list[Outcome] = []

    def done(batch: Sequence[Outcome]) -> None:
        outcomes.extend(batch)
        answered.release()

    def send(node: Harness, nick: str) -> None:
        for n in range(40):
            node.journal.submit([Draft(f"r{n % 3}", f"{nick}-{n}", nick, f"{n}")], done)

    senders = [(node, nick) for number, node in enumerate(nodes) for nick in (f"a{number}", "b")]
    threads = [threading.Thread(target=send, args=sender) for sender in senders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    for _ in range(240):
        assert answered.acquire(timeout=DEADLINE)
    stored = len(set(numbers(outcomes)))
    nodes[0].post("the end")  # the last entry, for those before it may have stored nothing
    first, *others = [node.wait_for(stored + 1) for node in nodes]
    assert all(other == first for other in others)
    for room in ("r0", "r1", "r2"):
        said = [message.text for message in first if (message.room, message.nick) == (room, "b")]
        assert said == sorted(said, key=int)
    for node in nodes:
        node.journal.close()
    assert dump(tmp_path / "one.db") == dump(tmp_path / "two.db") == dump(tmp_path / "three.db")


def test_the_same_id_at_two_servers_has_one_number_and_another_text_is_a_conflict(serve: Open) -> None:
    one, two = serve("one"), serve("two")
    answers: list[Answer[Sequence[Outcome]]] = []
    for n in range(20):
        for node in (one, two):
            answers.append(Answer())
            node.journal.submit([Draft("lobby", str(n), "ana", "hi")], answers[-1].take)
    for first, second in zip(answers[::2], answers[1::2], strict=True):
        assert first.wait() == second.wait()
    numbers(two.submit(Draft("lobby", "x", "ana", "hi")))
    assert one.submit(Draft("lobby", "x", "ana", "ho")) == [Conflict()]


def test_a_reader_who_comes_from_a_server_that_is_ahead_is_waited_for(serve: Open) -> None:
    one, two = serve("one"), serve("two")
    for n in range(50):
        (seq,) = one.post(f"text {n}")
        assert two.reach("lobby", seq)
        assert two.head() >= seq
    assert not two.reach("lobby", one.messages[-1].seq + 100_000_000)


def test_a_server_goes_on_from_its_file_and_one_without_a_file_reads_all(serve: Open, log: MemoryLog) -> None:
    one = serve("one")
    one.post(*map(str, range(50)))
    one.journal.close()
    again, new = serve("one"), serve("two")
    assert again.epochs == new.epochs == [log.identity]
    new.wait_for(50)
    assert again.read().messages == new.read().messages
    assert not again.messages  # it was not told again


def test_limits_are_set_for_all_servers(serve: Open) -> None:
    one, two = serve("one"), serve("two")
    answer: Answer[bool | Unavailable] = Answer()
    journal_of(one).set_limits({"history_messages": 3, "dedupe_seconds": 50.0}, answer.take)
    assert answer.available()
    one.post(*map(str, range(10)))
    two.wait_for(10)
    assert two.reach("lobby", two.messages[-1].seq)  # which is answered when all else was told
    assert len(one.read().messages) == len(two.read().messages) == 3
    assert journal_of(one).limits == journal_of(two).limits == RecordLimits(50.0, 3)
    assert two.journal.dedupe_seconds == 50.0
    refused: Answer[bool | Unavailable] = Answer()
    journal_of(one).set_limits({"tail_bytes": 3}, refused.take)
    assert refused.available() is False


def test_what_was_posted_elsewhere_is_found(serve: Open) -> None:
    one, two = serve("one"), serve("two")
    (seq,) = one.post("a needle in a haystack")
    two.wait_for(1)
    request = SearchRequest({"lobby": (0, seq + 1)}, parse_query("needle"))
    hits = two.search(request)
    assert isinstance(hits, Hits)
    assert [stored.seq for stored in hits.messages] == [seq]
    assert one.remove()
    assert two.reach("lobby", seq)


def test_clients_are_told_how_long_the_log_remembers_ids(serve: Open, tmp_path: Path, log: MemoryLog) -> None:
    answer: Answer[bool | Unavailable] = Answer()
    one = serve("one")
    journal_of(one).set_limits({"dedupe_seconds": 50.0}, answer.take)
    assert answer.available()
    one.journal.close()
    with Hub(ReplicatedJournal(tmp_path / "one.db", log.connect())) as hub:
        assert hub.limits_for_client.dedupe_seconds == 50.0


# --- without a log -------------------------------------------------------------------------------


def test_without_a_log_it_starts_with_what_it_has_refuses_posts_and_ends_at_once(serve: Open) -> None:
    one = serve("one")
    one.post("one", "two")
    one.journal.close()
    alone = NoLog()
    again = serve("one", over=alone)
    (outcome,) = again.submit(Draft("lobby", "late", "ana", "hi"))
    assert isinstance(outcome, Unavailable)
    assert len(again.read().messages) == 2
    answer: Answer[bool | Unavailable] = Answer()
    again.journal.remove_room("lobby", answer.take)
    assert isinstance(answer.wait(), Unavailable)
    assert not journal_of(again).statistics().available
    again.journal.close()
    assert alone.closed
    assert not alone.appended


def test_a_hub_without_its_log_is_not_healthy(serve: Open, tmp_path: Path, log: MemoryLog) -> None:
    serve("one").journal.close()
    journal = ReplicatedJournal(tmp_path / "one.db", log.connect())
    with Hub(journal) as hub:  # which has read the log before, and does not wait for it
        connected: Answer[bool] = Answer()
        journal.when_connected(lambda: connected.take(journal.is_connected))
        assert connected.wait()
        assert hub.why_unhealthy(DEADLINE) is None
    with Hub(ReplicatedJournal(tmp_path / "one.db", NoLog())) as hub:
        assert hub.why_unhealthy(DEADLINE) == "the journal cannot store messages now"


def test_a_server_that_never_saw_a_log_reports_an_epoch_of_its_own(
    serve: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.journal.replicated.OPENING", 0.01)
    one = serve("one", over=NoLog())
    (epoch,) = one.epochs
    assert epoch
    answer: Answer[object] = Answer()
    one.journal.head("lobby", answer.take)
    assert isinstance(answer.wait(), Unavailable)


def test_a_log_that_is_connected_later_is_reported_and_searched_then(
    serve: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.journal.replicated.OPENING", 0.01)
    log = LateLog()
    one = serve("one", over=log)
    journal = journal_of(one)
    request = SearchRequest({"lobby": (0, 1)}, parse_query("needle"))
    assert not journal.is_connected
    assert journal.can_search
    early: Answer[Found] = Answer()
    journal.search(request, early.take)
    assert isinstance(early.wait(), Unavailable)
    connected: Answer[bool] = Answer()
    journal.when_connected(lambda: connected.take(journal.is_connected))
    log.open()
    assert connected.wait()
    assert journal.durability == "replicated"
    assert isinstance(one.search(request), Hits)
    again: Answer[bool] = Answer()
    journal.when_connected(lambda: again.take(journal.is_connected))
    assert again.wait()


def test_an_end_waits_for_no_log_that_loses_everything(serve: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore.journal.replicated.CLOSING", 0.01)
    one = serve("one", over=DeafLog())
    outcomes: Answer[Sequence[Outcome]] = Answer()
    waits: Answer[bool | Unavailable] = Answer()
    one.journal.submit([Draft("lobby", "1", "ana", "hi")], outcomes.take)
    one.journal.reach("lobby", 10**9, waits.take)
    one.journal.close()
    assert all(isinstance(outcome, Unavailable) for outcome in outcomes.wait())
    assert isinstance(waits.wait(), Unavailable)


def test_an_end_does_not_wait_for_a_log_that_has_much_to_report(
    serve: Open, log: MemoryLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.replication.jobs.LOG_BYTES", 10)
    monkeypatch.setattr("chatcore.replication.memory.TOGETHER", 1)
    for _ in range(200):
        log.append(b"x" * 100)
    one = serve("one")
    one.journal.close()


# --- its file ------------------------------------------------------------------------------------


def test_a_file_is_for_one_server_and_no_journal_is_a_state(serve: Open, tmp_path: Path) -> None:
    serve("one")
    with pytest.raises(JournalError, match="in use by another server"):
        serve("one")
    journal = Harness(SqliteJournal(tmp_path / "journal.db"), Clock())
    journal.journal.close()
    with pytest.raises(JournalError, match="another program"):
        serve("journal")


@pytest.mark.logs("journal.unwritable", "journal.recovered")
def test_a_bug_costs_a_moment_and_not_the_server(serve: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    one = serve("one")
    one.post("before")
    step, failures = Replica.step, [RuntimeError("a bug")]

    def fail_once(replica: Replica) -> None:
        if failures:
            raise failures.pop()
        step(replica)

    monkeypatch.setattr(Replica, "step", fail_once)
    assert one.post("after")
    assert [message.text for message in one.messages] == ["before", "after"]


def test_its_representation_and_status_say_what_it_is(serve: Open, log: MemoryLog) -> None:
    one = serve("one")
    assert repr(one.journal).endswith("one.db memory>")
    assert journal_of(one).status() == ReplicaStatus(
        log.identity, 0, 0, 0, settling=False, forked="", stopped=None
    )
    one.post("hi")
    assert journal_of(one).status() == ReplicaStatus(
        log.identity, 1, 1, 0, settling=False, forked="", stopped=None
    )
    assert journal_of(one).statistics().commits.total == 1
