"""A SQLite journal whose file fails under way: no false acknowledgement, no broken order, and it recovers."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Draft, Outcome
from tests.journal.contract.record import DEADLINE, Record
from tests.journal.sqlite.files import QUICK, Faults, faulty, kept_open, texts

REFUSED = Outcome("unavailable", retry_after=QUICK)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


def draft(text: str) -> Draft:
    """Return a post whose id is its text."""
    return Draft("lobby", text, "ana", text)


def insist(record: Record, *drafts: Draft) -> list[Outcome]:
    """Submit until nothing is refused; return the outcomes."""
    for _ in range(1000):
        outcomes = record.submit(*drafts)
        if all(outcome.kind != "unavailable" for outcome in outcomes):
            return outcomes
        assert outcomes == [REFUSED] * len(drafts)
        threading.Event().wait(QUICK / 4)  # as `retry_after` asks
    raise AssertionError("it never recovered")


def test_a_write_that_failed_is_refused_and_stored_when_it_comes_again(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one")
        faults.plan = ["before"]
        assert record.submit(draft("two")) == [REFUSED]
        assert texts(record) == ["one"]
        assert insist(record, draft("two"))[0] == Outcome("stored", 2)
        assert texts(record) == ["one", "two"]
        assert record.told.count("opened") == 1


def test_a_write_that_failed_when_it_was_done_is_told_once_and_recognised(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one")
        faults.plan = ["after"]
        assert record.submit(draft("two"), draft("three")) == [REFUSED, REFUSED]
        assert texts(record) == ["one"]
        record.wait_for(3)  # nobody has sent it again: what is there is told
        assert insist(record, draft("two"), draft("three"), draft("four")) == [
            Outcome("repeat", 2),
            Outcome("repeat", 3),
            Outcome("stored", 4),
        ]
        assert record.submit(draft("two")._replace(text="2")) == [Outcome("conflict")]
        assert texts(record) == ["one", "two", "three", "four"]
        assert [message.prev for message in record.messages] == [0, 1, 2, 3]


def test_what_was_in_doubt_is_told_before_anything_new(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        faults.plan = ["after"]
        assert record.submit(draft("doubtful")) == [REFUSED]
        insist(record, draft("new"))
        assert texts(record) == ["doubtful", "new"]


def test_a_room_that_is_new_with_a_failed_write_goes_on(path: Path) -> None:
    for fault in ("before", "after"):
        faults = Faults()
        with kept_open(path.with_name(fault), file=faulty(faults)) as record:
            faults.plan = [fault]
            assert record.submit(draft("first")) == [REFUSED]
            assert insist(record, draft("first"))[0].seq == 1
            assert texts(record) == ["first"]


def test_readers_go_on_while_nothing_can_be_written(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one")
        faults.plan, faults.opening = ["before"], 10**9
        assert record.submit(draft("two")) == [REFUSED]
        for _ in range(3):
            assert [entry.seq for entry in record.read().messages] == [1]
            assert record.submit(draft("two")) == [REFUSED]
        faults.opening = 0
        insist(record, draft("two"))
        assert [entry.seq for entry in record.read().messages] == [1, 2]


def test_it_recovers_though_refused_posts_keep_coming(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        faults.plan = ["before"]
        outcomes = [REFUSED]
        while outcomes == [REFUSED]:
            outcomes = record.submit(draft("again and again"))
        assert outcomes == [Outcome("stored", 1)]


def test_a_full_disk_refuses_until_there_is_room(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one")
        faults.pages = 1  # SQLite lets the file grow no further than it is
        faults.connections[-1].limit_pages()  # type: ignore[attr-defined]  # of the kind made there
        large = [Draft("lobby", f"large-{n}", "ana", "x" * 16_000) for n in range(20)]
        outcomes = record.submit(*large)
        assert outcomes == [REFUSED] * 20
        assert texts(record) == ["one"]
        assert record.read().through == 1
        faults.pages = None
        assert [outcome.seq for outcome in insist(record, *large)] == list(range(2, 22))
        assert len(record.wait_for(21)) == 21


def test_a_file_that_another_program_holds_refuses_until_it_is_let_go(path: Path) -> None:
    faults = Faults()
    faults.busy_seconds = 0.02
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert record.submit(draft("two")) == [REFUSED]
            assert record.submit(draft("two")) == [REFUSED]
            assert record.read().through == 1
            other.execute("ROLLBACK")
        assert insist(record, draft("two"))[0] == Outcome("stored", 2)


def test_a_reader_that_never_ends_does_not_keep_it_from_recovering(path: Path) -> None:
    faults = Faults()
    faults.busy_seconds = 0.02
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one")
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN")
            other.execute("SELECT * FROM messages").fetchall()
            faults.plan = ["before"]
            assert record.submit(draft("two")) == [REFUSED]
            insist(record, draft("two"))
            other.execute("ROLLBACK")
        assert texts(record) == ["one", "two"]


@pytest.mark.parametrize("what", ["journal.db", "journal.db-wal"])
def test_nothing_is_acknowledged_into_a_file_that_was_removed(path: Path, what: str) -> None:
    with kept_open(path) as record:
        record.post("one")
        path.with_name(what).unlink()
        assert record.submit(draft("two")) == [REFUSED]
        insist(record, draft("two"))
        epochs = [epoch for epoch, _ in record.opened_with]
        assert len(epochs) == len(set(epochs))
        record.wait_for(len(record.messages))
        kept = [entry.seq for entry in record.read().messages]
        last_life = [m.seq for m in record.messages[-len(kept) :]]
        assert kept == last_life
        assert record.read().epoch == epochs[-1]
        if what == "journal.db":
            assert record.opened_with[-1][1] == {}  # a new life, and members are told so


def test_an_older_copy_put_there_under_way_begins_a_new_life(path: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup.db"
    with kept_open(path) as record:
        record.post("one")
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(backup)) as target:
            source.backup(target)
        record.post("two")
        backup.rename(path)
        for end in ("-wal", "-shm"):  # they belong to the file that was there
            path.with_name(path.name + end).unlink()
        assert record.submit(draft("three")) == [REFUSED]
        assert insist(record, draft("three")) == [Outcome("stored", 2)]
        (first, _), (second, heads) = record.opened_with
        assert first != second
        assert heads == {"lobby": 1}
        page = record.read()
        assert (page.epoch, page.through) == (second, 2)


def test_a_file_that_lacks_something_that_was_told_begins_a_new_life(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        record.post("one", "two")
        faults.plan, faults.opening = ["before"], 10**9
        assert record.submit(draft("three")) == [REFUSED]
        with closing(sqlite3.connect(path)) as other, other:  # as if a disk had lied about a sync
            other.execute("DELETE FROM messages WHERE seq = 2")
            other.execute("UPDATE rooms SET head = 1, count = 1")
        faults.opening = 0
        assert insist(record, draft("three")) == [Outcome("stored", 2)]
        (first, _), (second, heads) = record.opened_with
        assert first != second
        assert heads == {"lobby": 1}


def test_a_damaged_file_refuses_and_a_repaired_one_goes_on(path: Path) -> None:
    with kept_open(path) as record:
        record.post(*("x" * 1000 for _ in range(100)))
        with closing(sqlite3.connect(path)) as other:
            other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        good = path.read_bytes()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xff" * (len(good) - 4096))
        assert record.submit(draft("two")) == [REFUSED]
        with path.open("r+b") as file:
            file.write(good)
        assert insist(record, draft("two")) == [Outcome("stored", 101)]
        assert record.told.count("opened") == 1


def test_it_can_be_closed_while_it_cannot_be_used(path: Path) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults), retry=DEADLINE * 10) as record:
        first = record.opened_with[0][0]
        record.post("one")
        faults.plan = ["after"]
        assert record.submit(draft("two"))[0].kind == "unavailable"
    assert texts(record) == ["one"]
    with kept_open(path) as record:  # it was synced all the time, and what was in doubt is there
        assert record.opened_with == [(first, {"lobby": 2})]
        assert record.submit(draft("two")) == [Outcome("repeat", 2)]


def test_what_goes_wrong_is_said_in_words(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    faults = Faults()
    with kept_open(path, file=faulty(faults)) as record:
        faults.plan, faults.opening = ["before"], 1
        record.submit(draft("one"))
        insist(record, draft("one"))
    assert [line.message for line in caplog.records] == [
        f"cannot write to the journal {path}: disk I/O error",
        f"the journal {path} still cannot be used: unable to open database file",
        f"the journal {path} can be used again",
    ]
