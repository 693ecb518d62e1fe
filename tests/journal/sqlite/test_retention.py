"""What a SQLite journal forgets, and what outlives that."""

from pathlib import Path

import pytest

from chatcore.journal import Draft, Outcome
from chatcore.journal.sqlite.retention import Retention
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.limits import Limits
from tests.journal.contract.record import DEADLINE, Record
from tests.journal.sqlite.files import Faults, faulty, kept_open
from tests.server.driver import Clock

AGE = 3600.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


def limits(
    count: int | None = None, size: int | None = None, seconds: float | None = None, dedupe: float = 120.0
) -> Limits:
    """Return limits of which only the given ones are set."""
    return Limits(history_messages=count, history_bytes=size, history_seconds=seconds, dedupe_seconds=dedupe)


def numbers(record: Record, room: str = "lobby") -> list[int]:
    """Return what is kept of a room, once the journal has forgotten the rest."""
    record.submit()
    return [entry.seq for entry in record.read(room).messages]


def test_nothing_is_forgotten_without_a_limit(path: Path) -> None:
    clock = Clock()
    with kept_open(path, clock, limits=limits()) as record:
        record.post(*map(str, range(50)))
        clock.now += 1e9
        record.post("much later")
        assert len(numbers(record)) == 51


def test_the_newest_of_a_number_are_kept(path: Path) -> None:
    with kept_open(path, limits=limits(count=5)) as record:
        record.post(*map(str, range(12)))
        record.post("elsewhere", room="b")
        assert numbers(record) == [8, 9, 10, 11, 12]
        assert numbers(record, "b") == [1]


def test_the_newest_of_a_size_are_kept_but_at_least_one(path: Path) -> None:
    with kept_open(path, limits=limits(size=1_000)) as record:
        record.post(*("x" * 100 for _ in range(20)))
        page = record.read()
        numbers(record)
        page = record.read()
        assert 800 < sum(len(entry.line) for entry in page.messages) <= 1_000
        assert page.through == 20
        record.post("y" * 5_000)
        assert numbers(record) == [21]


def test_a_hundredth_more_is_kept_so_that_forgetting_costs_little(path: Path) -> None:
    faults = Faults()
    with kept_open(path, limits=limits(count=200), file=faulty(faults)) as record:
        for _ in range(10):
            record.post(*map(str, range(21)))
        assert len(numbers(record)) == 200
        before = faults.commits
        record.post("one")
        record.post("two")
        assert len(numbers(record)) == 202
        assert faults.commits - before == 2  # nothing but the posts
        record.post("three")
        assert len(numbers(record)) == 200


def test_what_is_too_old_goes_when_something_is_said_elsewhere(path: Path) -> None:
    clock = Clock()
    with kept_open(path, clock, limits=limits(seconds=AGE), retention=0.0) as record:
        record.post("old", "older")
        clock.now += AGE / 2
        record.post("young")
        clock.now += AGE / 2 + 1
        record.post("elsewhere", room="b")
        assert numbers(record) == [3]
        clock.now += AGE / 2
        record.post("again", room="b")
        assert numbers(record) == []


def test_what_is_too_old_goes_while_nobody_says_anything(path: Path) -> None:
    clock, faults = Clock(), Faults()
    with kept_open(path, clock, limits=limits(seconds=AGE), retention=0.01, file=faulty(faults)) as record:
        record.post("old", room="a")
        record.post("old", room="b")
        clock.now += AGE + 1
        for _ in "ab":
            assert faults.expired.acquire(timeout=DEADLINE)
        assert numbers(record, "a") == numbers(record, "b") == []


def test_a_head_outlives_its_messages_and_a_restart(path: Path) -> None:
    clock = Clock()
    with kept_open(path, clock, limits=limits(seconds=AGE), retention=0.0) as record:
        record.post("one", "two")
        clock.now += AGE + 1
        record.post("elsewhere", room="b")
        assert numbers(record) == []
        page = record.read(after=1)
        assert (page.base, page.through, page.more) == (2, 2, False)
        assert record.seek("lobby", 10, 3) == 2
    with kept_open(path, clock) as record:
        assert record.opened_with[0][1] == {"lobby": 2, "b": 1}
        assert record.submit(Draft("lobby", "new", "ana", "three")) == [Outcome("stored", 3)]
        assert record.wait_for(1)[0].prev == 2


def test_ids_of_what_is_gone_are_known_for_a_while_over_a_restart_too(path: Path) -> None:
    clock = Clock()
    settings = limits(count=1, dedupe=100.0)
    first = Draft("lobby", "lobby-0", "ana", "one")
    with kept_open(path, clock, limits=settings) as record:
        record.post("one", "two")
        assert numbers(record) == [2]
        assert record.submit(first) == [Outcome("repeat", 1)]
    clock.now += 99.0
    with kept_open(path, clock, limits=settings, retention=0.0) as record:
        record.submit()
        assert record.submit(first._replace(text="another")) == [Outcome("conflict")]
        assert record.submit(first) == [Outcome("repeat", 1)]
        clock.now += 2.0
        record.submit()
        assert record.submit(first) == [Outcome("stored", 3)]


def test_it_is_done_in_pieces_and_posts_come_between(path: Path) -> None:
    file = SqliteFile(path)
    rows = [
        (1, n, n - 1, f"id-{n}", 0.0, b'{"type":"message","room":"a","seq":%d}\n' % n) for n in range(1, 1001)
    ]
    with file.transaction():
        file.grow("a", 1000, 1000, 0)
        file.insert(rows)
    retention = Retention(limits(seconds=1.0))
    retention.look_at_all(file, now=10.0)
    steps = 0
    while retention.due:
        retention.step(file, now=10.0, at_most=100)
        steps += 1
        assert file.sizes(1)[0] == max(1000 - 100 * steps, 0)
    assert steps == 11
    file.close()


def test_a_damaged_message_goes_like_any_other(path: Path) -> None:
    with kept_open(path, limits=limits(count=3)) as record:
        record.post("one", "two", "three")
    file = SqliteFile(path)
    file.db.execute("UPDATE messages SET line = ? WHERE seq = 1", (b"\x00 nothing that was stored",))
    file.close()
    with kept_open(path, limits=limits(count=3)) as record:
        record.submit(Draft("lobby", "new", "ana", "four"))
        assert numbers(record) == [2, 3, 4]
        assert record.submit(Draft("lobby", "lobby-0", "ana", "one"))[0].kind == "conflict"
