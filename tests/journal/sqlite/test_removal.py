"""Removing a room of a SQLite journal: in pieces, whatever fails in between."""

from pathlib import Path

import pytest

from chatcore.journal import Draft, Unavailable
from tests.journal.contract.harness import Answer, Harness
from tests.journal.sqlite.files import Faults, faulty, open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def ask(harness: Harness) -> Answer[bool | Unavailable]:
    """Ask for the removal of the lobby, and do not wait for it."""
    answer: Answer[bool | Unavailable] = Answer()
    harness.journal.remove_room("lobby", answer.take)
    return answer


def fill(harness: Harness, count: int = 1_200) -> None:
    """Post some messages, more than are removed together."""
    for start in range(0, count, 300):
        harness.post(*(f"a secret, number {n}" for n in range(start, start + 300)))


def test_posts_are_stored_while_a_large_room_is_removed(path: Path) -> None:
    faults, order = Faults(), list[str]()
    with open_journal(path, file=faulty(faults)) as harness:
        fill(harness)
        faults.in_transaction.clear()
        faults.may_commit.clear()
        answer: Answer[bool | Unavailable] = Answer()

        def removed(result: bool | Unavailable) -> None:
            order.append("removed")
            answer.take(result)

        harness.journal.remove_room("lobby", removed)
        assert faults.in_transaction.wait(10.0)
        harness.journal.submit([Draft("b", "1", "ana", "hi")], lambda _: order.append("posted"))
        faults.may_commit.set()
        assert answer.wait() is True
    assert order == ["posted", "removed"]


def test_a_room_is_not_removed_while_the_file_cannot_be_used(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        fill(harness)
        faults.plan, faults.opening = ["before"], 10**9
        assert isinstance(harness.submit(Draft("b", "1", "ana", "hi"))[0], Unavailable)
        assert isinstance(ask(harness).wait(), Unavailable)
        assert isinstance(ask(harness).wait(), Unavailable)
        assert len(harness.read().messages) == 1_200


@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_a_room_whose_removal_fails_is_still_listed_and_can_be_removed_later(path: Path, pieces: int) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        fill(harness)
        faults.plan = [*["no"] * pieces, "before"]
        assert isinstance(ask(harness).wait(), Unavailable)
        assert len(harness.rooms().rooms) == 1
        left = 1_200 - 512 * pieces
        assert len(harness.read().messages) == left
        assert harness.remove()
        assert harness.rooms().rooms == ()


def test_a_removal_that_was_asked_for_is_finished_before_the_journal_is_closed(path: Path) -> None:
    with open_journal(path) as harness:
        fill(harness)
        head = harness.head()
        answer, again = ask(harness), ask(harness)
    assert (answer.wait(), again.wait()) == (True, False)
    assert {each.name for each in path.parent.iterdir() if b"secret" in each.read_bytes()} == set()
    with open_journal(path) as harness:
        assert (harness.read().messages, harness.rooms().rooms, harness.head()) == ((), (), head)
        assert harness.submit(Draft("lobby", "new", "ana", "hi")) == [head + 1]
