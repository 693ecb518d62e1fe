"""Which messages of a SQLite journal expire, and what is remembered of them."""

from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Conflict, Draft
from chatcore.journal.sqlite.group import Group
from chatcore.journal.sqlite.retention import Retention
from chatcore.journal.sqlite.statements import NewRow, SqliteFile
from chatcore.limits import HistoryLimits
from tests.journal.contract.harness import DEADLINE, Harness
from tests.journal.sqlite.files import Faults, damage, faulty, open_journal
from tests.server.driver import Clock

AGE = 3600.0
NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def limits(
    count: int | None = None, size: int | None = None, seconds: float | None = None, dedupe: float = 120.0
) -> HistoryLimits:
    """Return limits of which only the given ones are set."""
    return HistoryLimits(
        history_messages=count, history_bytes=size, history_seconds=seconds, dedupe_seconds=dedupe
    )


def numbers(harness: Harness, room: str = "lobby") -> list[int]:
    """Return the numbers that a room still has, after the rest has expired."""
    harness.submit()
    return [entry.seq for entry in harness.read(room).messages]


def test_no_message_expires_without_a_limit(path: Path) -> None:
    clock = Clock()
    with open_journal(path, clock, limits=limits()) as harness:
        harness.post(*map(str, range(50)))
        clock.now += 1e9
        harness.post("much later")
        assert len(numbers(harness)) == 51


def test_a_limit_of_messages_leaves_the_latest_ones(path: Path) -> None:
    with open_journal(path, limits=limits(count=5)) as harness:
        harness.post(*map(str, range(12)))
        harness.post("elsewhere", room="b")
        assert numbers(harness) == [8, 9, 10, 11, 12]
        assert numbers(harness, "b") == [1]


def test_a_limit_of_bytes_leaves_the_latest_messages_and_at_least_one(path: Path) -> None:
    with open_journal(path, limits=limits(size=1_000)) as harness:
        harness.post(*("x" * 100 for _ in range(20)))
        page = harness.read()
        numbers(harness)
        page = harness.read()
        assert 800 < sum(len(entry.line) for entry in page.messages) <= 1_000
        assert page.through == 20
        harness.post("y" * 5_000)
        assert numbers(harness) == [21]


def test_messages_expire_only_when_a_limit_is_exceeded_by_more_than_one_percent(path: Path) -> None:
    faults = Faults()
    with open_journal(path, limits=limits(count=200), file=faulty(faults)) as harness:
        for _ in range(10):
            harness.post(*map(str, range(21)))
        assert len(numbers(harness)) == 200
        before = faults.commits
        harness.post("one")
        harness.post("two")
        assert len(numbers(harness)) == 202
        assert faults.commits - before == 2  # nothing but the posts
        harness.post("three")
        assert len(numbers(harness)) == 200


def test_old_messages_expire_when_another_room_is_active(path: Path) -> None:
    clock = Clock()
    with open_journal(path, clock, limits=limits(seconds=AGE), retention=0.0) as harness:
        harness.post("old", "older")
        clock.now += AGE / 2
        harness.post("young")
        clock.now += AGE / 2 + 1
        harness.post("elsewhere", room="b")
        assert numbers(harness) == [3]
        clock.now += AGE / 2
        harness.post("again", room="b")
        assert numbers(harness) == []


def test_old_messages_expire_while_nothing_is_posted(path: Path) -> None:
    clock, faults = Clock(), Faults()
    with open_journal(
        path, clock, limits=limits(seconds=AGE), retention=0.01, file=faulty(faults)
    ) as harness:
        harness.post("old", room="a")
        harness.post("old", room="b")
        clock.now += AGE + 1
        for _ in "ab":
            assert faults.expired.acquire(timeout=DEADLINE)
        assert numbers(harness, "a") == numbers(harness, "b") == []


def test_the_head_of_a_room_survives_its_messages_and_a_restart(path: Path) -> None:
    clock = Clock()
    with open_journal(path, clock, limits=limits(seconds=AGE), retention=0.0) as harness:
        harness.post("one", "two")
        clock.now += AGE + 1
        harness.post("elsewhere", room="b")
        assert numbers(harness) == []
        page = harness.read(after=1)
        assert (page.base, page.through, page.more) == (2, 2, False)
        assert harness.seek("lobby", 10, 3)[1:] == (2, 2, 0)
    with open_journal(path, clock) as harness:
        assert (harness.head(), harness.head("b")) == (2, 1)
        assert harness.submit(Draft("lobby", "new", "ana", "three")) == [3]
        assert harness.wait_for(1)[0].prev == 2


def test_ids_of_expired_messages_are_remembered_for_the_dedupe_time_over_a_restart(path: Path) -> None:
    clock = Clock()
    settings = limits(count=1, dedupe=100.0)
    first = Draft("lobby", "lobby-0", "ana", "one")
    with open_journal(path, clock, limits=settings) as harness:
        harness.post("one", "two")
        assert numbers(harness) == [2]
        assert harness.submit(first) == [1]
    clock.now += 99.0
    with open_journal(path, clock, limits=settings, retention=0.0) as harness:
        harness.submit()
        assert harness.submit(first._replace(text="another")) == [Conflict()]
        assert harness.submit(first) == [1]
        clock.now += 2.0
        harness.submit()
        assert harness.submit(first) == [3]


def test_retention_deletes_at_most_the_given_number_of_messages_per_step(path: Path) -> None:
    file = SqliteFile(path)
    rows: list[NewRow] = [
        (1, n, n - 1, f"id-{n}", 0.0, None, b"a line", b"a digest", None, 0) for n in range(1, 1001)
    ]
    with file.transaction():
        file.grow([(1, "a", 1000, 0.0, 1000, 0)])
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


def test_many_rooms_are_kept_within_their_limits_by_a_step_for_each_transaction(path: Path) -> None:
    retention = Retention(limits(count=20))
    with closing(SqliteFile(path)) as file:
        for n in range(40):
            group = Group(file, [Draft(f"room-{room}", f"id-{n}", "ana", "hi") for room in range(200)], NOW)
            group.commit()
            retention.look_at(group.sizes())
            if retention.due:
                retention.step(file, NOW, at_most=2 * 200)
        assert {file.sizes(room)[0] for room in range(1, 201)} == {20}
        assert not retention.due


def test_a_room_that_holds_far_too_much_does_not_keep_others_waiting(path: Path) -> None:
    retention = Retention(limits(count=20))
    with closing(SqliteFile(path)) as file:
        for room, count in (("large", 1_000), ("small", 30)):
            group = Group(file, [Draft(room, f"id-{n}", "ana", "hi") for n in range(count)], NOW)
            group.commit()
            retention.look_at(group.sizes())
        sizes: list[tuple[int, int]] = []
        for _ in range(3):
            retention.step(file, NOW, at_most=100)
            sizes.append((file.sizes(1)[0], file.sizes(2)[0]))
        assert sizes == [(900, 30), (810, 20), (710, 20)]


def test_a_damaged_message_expires_like_any_other(path: Path) -> None:
    with open_journal(path, limits=limits(count=3)) as harness:
        harness.post("one", "two", "three")
    damage(path, 1)
    with open_journal(path, limits=limits(count=3)) as harness:
        harness.submit(Draft("lobby", "new", "ana", "four"))
        assert numbers(harness) == [2, 3, 4]
        assert harness.submit(Draft("lobby", "lobby-0", "ana", "one")) == [1]
        assert harness.submit(Draft("lobby", "lobby-0", "ana", "1")) == [Conflict()]


def test_what_has_expired_is_not_left_in_the_file(path: Path) -> None:
    with open_journal(
        path, limits=limits(count=3), search=False
    ) as harness:  # the index has words for longer
        harness.post(*(f"a secret, number {n}" for n in range(200)), "one", "two", "three")
        harness.submit(Draft("lobby", "new", "ana", "four"))
        assert len(numbers(harness)) == 3
    assert {name.name for name in path.parent.iterdir() if b"secret" in name.read_bytes()} == set()


# --- clocks that are wrong -----------------------------------------------------------------------

YEAR = 365 * 24 * 3600.0


def texts_left(harness: Harness, clock: Clock) -> list[str]:
    """Return what a room still has after another one was used."""
    for n in range(3):  # each looks for what is too old
        harness.submit(Draft("elsewhere", f"{clock.now}-{n}", "ana", "hi"))
    return [entry.message.text for entry in harness.read().messages]


def test_what_was_stored_by_a_clock_that_was_ahead_expires_with_what_was_stored_later(path: Path) -> None:
    clock = Clock(NOW + YEAR)
    with open_journal(path, clock, limits=limits(seconds=AGE), retention=0.0) as harness:
        harness.post("a year ahead", "still ahead")
        clock.now = NOW
        harness.post("one", "two")
        assert texts_left(harness, clock) == ["a year ahead", "still ahead", "one", "two"]
        clock.now += AGE / 2
        harness.post("half an hour later")
        assert len(texts_left(harness, clock)) == 5
        clock.now += AGE / 2 + 1.0
        assert texts_left(harness, clock) == ["half an hour later"]
        clock.now += AGE / 2
        assert texts_left(harness, clock) == []
        clock.now = NOW + YEAR
        harness.post("a year later")
        assert texts_left(harness, clock) == ["a year later"]


def test_nothing_expires_early_after_a_clock_that_was_behind(path: Path) -> None:
    clock = Clock(NOW)
    with open_journal(path, clock, limits=limits(seconds=AGE), retention=0.0) as harness:
        harness.post("one")
        clock.now = 0.0
        harness.post("with an empty battery")
        assert len(texts_left(harness, clock)) == 2
        clock.now = NOW + AGE - 1.0
        assert len(texts_left(harness, clock)) == 2
        clock.now += 2.0
        assert texts_left(harness, clock) == []


def test_a_message_from_a_clock_that_was_ahead_expires_although_nothing_follows_it(path: Path) -> None:
    clock = Clock(NOW + YEAR)
    with open_journal(path, clock, limits=limits(seconds=AGE), retention=0.0) as harness:
        harness.post("a year ahead", "the last")
        clock.now = NOW
        assert len(texts_left(harness, clock)) == 2
        clock.now = NOW + AGE - 1.0
        assert len(texts_left(harness, clock)) == 2
        clock.now = NOW + AGE + 2.0
        assert texts_left(harness, clock) == []
