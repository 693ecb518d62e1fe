"""A SQLite journal whose file fails in use: no false acknowledgement, no broken order, and it recovers."""

import sqlite3
import threading
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore import SqliteJournal
from chatcore.journal import Conflict, Draft, Outcome, Unavailable
from tests.journal.contract.harness import DEADLINE, Harness
from tests.journal.sqlite.files import QUICK, Faults, faulty, open_journal, texts

REFUSED = Unavailable(QUICK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def draft(text: str) -> Draft:
    """Return a draft whose id is its text."""
    return Draft("lobby", text, "ana", text)


def submit_until_accepted(harness: Harness, *drafts: Draft) -> list[Outcome]:
    """Submit drafts again and again until none is refused; return the outcomes."""
    for _ in range(1000):
        outcomes = harness.submit(*drafts)
        if not any(isinstance(outcome, Unavailable) for outcome in outcomes):
            return outcomes
        assert outcomes == [REFUSED] * len(drafts)
        threading.Event().wait(QUICK / 4)  # as `retry_after` asks
    raise AssertionError("the journal never recovered")


def test_a_failed_write_is_refused_and_stored_when_it_is_resent(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        faults.plan = ["before"]
        assert harness.submit(draft("two")) == [REFUSED]
        assert texts(harness) == ["one"]
        assert submit_until_accepted(harness, draft("two"))[0] == 2
        assert texts(harness) == ["one", "two"]
        assert harness.calls.count("opened") == 1


def test_a_write_that_fails_after_its_commit_is_reported_once_and_is_a_repeat_when_resent(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        faults.plan, faults.opening = ["after"], 10**9
        assert harness.submit(draft("two"), draft("three")) == [REFUSED, REFUSED]
        assert texts(harness) == ["one"]
        faults.opening = 0
        harness.wait_for(3)  # they are reported although nobody resends them
        assert submit_until_accepted(harness, draft("two"), draft("three"), draft("four")) == [
            2,
            3,
            4,
        ]
        assert harness.submit(draft("two")._replace(text="2")) == [Conflict()]
        assert texts(harness) == ["one", "two", "three", "four"]
        assert [message.prev for message in harness.messages] == [0, 1, 2, 3]


def test_messages_in_doubt_are_reported_before_new_ones(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        faults.plan = ["after"]
        assert harness.submit(draft("doubtful")) == [REFUSED]
        submit_until_accepted(harness, draft("new"))
        assert texts(harness) == ["doubtful", "new"]


def test_a_room_whose_first_write_failed_can_still_be_used(path: Path) -> None:
    for fault in ("before", "after"):
        faults = Faults()
        with open_journal(path.with_name(fault), file=faulty(faults)) as harness:
            faults.plan = [fault]
            assert harness.submit(draft("first")) == [REFUSED]
            assert submit_until_accepted(harness, draft("first")) == [1]
            assert texts(harness) == ["first"]


def test_reads_work_while_writes_fail(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        faults.plan, faults.opening = ["before"], 10**9
        assert harness.submit(draft("two")) == [REFUSED]
        for _ in range(3):
            assert [entry.seq for entry in harness.read().messages] == [1]
            assert harness.submit(draft("two")) == [REFUSED]
        faults.opening = 0
        submit_until_accepted(harness, draft("two"))
        assert [entry.seq for entry in harness.read().messages] == [1, 2]


def test_a_failed_journal_recovers_although_refused_posts_keep_coming(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        faults.plan = ["before"]
        outcomes: list[Outcome] = [REFUSED]
        while outcomes == [REFUSED]:
            outcomes = harness.submit(draft("again and again"))
        assert outcomes == [1]


def test_writes_to_a_full_disk_are_refused_until_there_is_space(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        faults.pages = 1  # SQLite does not let the file grow
        faults.connections[-1].limit_pages()  # type: ignore[attr-defined]  # of the kind made there
        large = [Draft("lobby", f"large-{n}", "ana", "x" * 16_000) for n in range(20)]
        outcomes = harness.submit(*large)
        assert outcomes == [REFUSED] * 20
        assert texts(harness) == ["one"]
        assert harness.read().through == 1
        faults.pages = None
        assert submit_until_accepted(harness, *large) == list(range(2, 22))
        assert len(harness.wait_for(21)) == 21


def test_a_full_disk_is_not_taken_for_one_with_space_while_nobody_posts(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        faults.pages = 1
        faults.connections[-1].limit_pages()  # type: ignore[attr-defined]  # of the kind made there
        assert harness.submit(Draft("lobby", "two", "ana", "x" * 16_000)) == [REFUSED]
        for _ in range(1000):
            if "still cannot be used" in caplog.text or "can be used again" in caplog.text:
                break
            threading.Event().wait(QUICK / 4)
        assert "still cannot be used: database or disk is full" in caplog.text
        assert "can be used again" not in caplog.text


def test_writes_are_refused_while_another_program_locks_the_file(path: Path) -> None:
    faults = Faults()
    faults.busy_seconds = 0.02
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert harness.submit(draft("two")) == [REFUSED]
            assert harness.submit(draft("two")) == [REFUSED]
            assert harness.read().through == 1
            other.execute("ROLLBACK")
        assert submit_until_accepted(harness, draft("two"))[0] == 2


def test_a_long_read_by_another_program_does_not_prevent_recovery(path: Path) -> None:
    faults = Faults()
    faults.busy_seconds = 0.02
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM messages").fetchall()
            faults.plan = ["before"]
            assert harness.submit(draft("two")) == [REFUSED]
            submit_until_accepted(harness, draft("two"))
            other.execute("ROLLBACK")
        assert texts(harness) == ["one", "two"]


@pytest.mark.parametrize("removed", ["journal.db", "journal.db-wal"])
def test_no_post_is_acknowledged_into_a_file_that_was_removed(path: Path, removed: str) -> None:
    with open_journal(path) as harness:
        harness.post("one")
        path.with_name(removed).unlink()
        assert harness.submit(draft("two")) == [REFUSED]
        submit_until_accepted(harness, draft("two"))
        epochs = list(harness.epochs)
        assert len(epochs) == len(set(epochs))
        harness.wait_for(len(harness.messages))
        stored = [entry.seq for entry in harness.read().messages]
        in_last_epoch = [m.seq for m in harness.messages[-len(stored) :]]
        assert stored == in_last_epoch
        assert harness.read().epoch == epochs[-1]
        if removed == "journal.db":
            assert stored == [1]  # a new epoch, which is reported


@pytest.mark.logs("journal.replaced")
def test_replacing_an_open_file_by_an_older_copy_begins_a_new_epoch(path: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with open_journal(path) as harness:
        harness.post("one")
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        harness.post("two")
        backup.rename(path)
        for end in ("-wal", "-shm"):  # they belong to the replaced file
            path.with_name(path.name + end).unlink()
        assert harness.submit(draft("three")) == [REFUSED]
        assert submit_until_accepted(harness, draft("three")) == [2]
        first, second = harness.epochs
        assert first != second
        page = harness.read()
        assert (page.epoch, page.through) == (second, 2)


def test_a_file_that_lacks_a_reported_message_begins_a_new_epoch(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one", "two")
        faults.plan, faults.opening = ["before"], 10**9
        assert harness.submit(draft("three")) == [REFUSED]
        with closing(sqlite3.connect(path)) as other, other:  # as if a disk had lied about a sync
            other.execute("DELETE FROM messages WHERE seq = 2")
            other.execute("UPDATE rooms SET head = 1, count = 1")
        faults.opening = 0
        assert submit_until_accepted(harness, draft("three")) == [2]
        first, second = harness.epochs
        assert first != second


def test_writes_to_a_damaged_file_are_refused_until_it_is_repaired(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post(*("x" * 1000 for _ in range(100)))
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        good = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (len(good) - 4096))
        assert harness.submit(draft("two")) == [REFUSED]
        with path.open("r+b") as file:
            file.write(good)
        assert submit_until_accepted(harness, draft("two")) == [101]
        assert harness.calls.count("opened") == 1


def test_a_journal_can_be_closed_while_its_file_cannot_be_used(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults), retry=DEADLINE * 10) as harness:
        first = harness.epochs[0]
        harness.post("one")
        faults.plan = ["after"]
        assert isinstance(harness.submit(draft("two"))[0], Unavailable)
    assert texts(harness) == ["one"]
    with open_journal(path) as harness:  # every commit was synced, so the one in doubt is there
        assert harness.epochs == [first]
        assert harness.head() == 2
        assert harness.submit(draft("two")) == [2]


@pytest.mark.logs("journal.unwritable", "journal.still_unwritable", "journal.recovered")
def test_failures_and_recovery_are_logged_in_words(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        faults.plan, faults.opening = ["before"], 1
        harness.submit(draft("one"))
        submit_until_accepted(harness, draft("one"))
    assert [line.message for line in caplog.records] == [
        f"cannot write to the journal {path}: disk I/O error",
        f"the journal {path} still cannot be used: unable to open database file",
        f"the journal {path} can be used again",
    ]


@pytest.mark.parametrize("fault", ["no", "before"])
def test_a_write_that_lasts_shows_while_it_lasts_and_in_nothing_else(path: Path, fault: str) -> None:
    faults, answered = Faults(), threading.Event()
    with open_journal(path, file=faulty(faults)) as harness:
        harness.post("one")
        assert harness.reach("lobby", 1)  # after which the writer waits
        journal = harness.journal
        assert isinstance(journal, SqliteJournal)
        before = journal.statistics()
        assert before.late == 0.0
        faults.plan = [fault]
        faults.in_transaction.clear()
        faults.may_commit.clear()
        journal.submit([draft("two")], lambda _: answered.set())
        assert faults.in_transaction.wait(DEADLINE)
        hung = journal.statistics()
        assert hung.late > 0.0
        assert replace(hung, late=0.0) == before
        faults.may_commit.set()
        assert answered.wait(DEADLINE)
        submit_until_accepted(harness, draft("three"))
        assert harness.reach("lobby", 1)
        assert journal.statistics().late == 0.0
