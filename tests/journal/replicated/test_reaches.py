"""Readers who wait for a position: who is answered when, and what it costs, counted rather than timed."""

from collections.abc import Callable

import pytest

from chatcore.journal import Unavailable
from chatcore.journal.replicated.reaches import BARRIER, WAIT, Reach, Reaches

MANY = 1_000


class Position(int):
    """A position that counts how often it is compared."""

    compared = 0

    def __le__(self, other: int) -> bool:
        Position.compared += 1
        return int(self) <= other

    def __gt__(self, other: int) -> bool:
        Position.compared += 1
        return int(self) > other


class Crowd:
    """Readers who wait, each for another entry, and the time."""

    def __init__(self, size: int) -> None:
        self.now = 0.0
        self.reaches = Reaches(lambda: self.now)
        self.refused = 0
        for number in range(size):
            self.reaches.add("lobby", number, Position(1 + number), self._refuse)

    def _refuse(self, answer: bool | Unavailable) -> None:
        assert isinstance(answer, Unavailable)
        self.refused += 1


def take(crowd: Crowd) -> int:
    """Let all of their entries be applied."""
    return len(crowd.reaches.take(MANY))


def take_half(crowd: Crowd) -> int:
    """Let a half of them leave, whose entries are there."""
    return 2 * len(crowd.reaches.take(MANY // 2))


def take_of_all(crowd: Crowd) -> int:
    """Let a barrier of all be read before any of their entries."""
    return len(crowd.reaches.take_of(crowd.reaches.begin_barrier(), 0))


def take_of_half(crowd: Crowd) -> int:
    """Let a barrier of all be read in their midst."""
    return 2 * len(crowd.reaches.take_of(crowd.reaches.begin_barrier(), MANY // 2))


def expire(crowd: Crowd) -> int:
    """Let them have waited for too long."""
    crowd.now = WAIT
    crowd.reaches.expire()
    return crowd.refused


def refuse(crowd: Crowd) -> int:
    """Refuse all of them."""
    crowd.reaches.refuse_all()
    return crowd.refused


@pytest.fixture
def equal(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How often two readers were compared, each by a 1, while the test runs."""
    compared: list[int] = []

    def is_equal(self: Reach, other: object) -> bool:
        compared.append(1)
        return self is other

    monkeypatch.setattr(Reach, "__eq__", is_equal)
    return compared


@pytest.mark.parametrize("leave", [take, take_half, take_of_all, take_of_half, expire, refuse])
def test_each_who_waits_is_looked_at_a_few_times(leave: Callable[[Crowd], int], equal: list[int]) -> None:
    crowd = Crowd(MANY)
    before = Position.compared
    assert leave(crowd) == MANY
    assert Position.compared - before <= MANY
    assert len(equal) <= MANY  # two of them with one hash are compared, and no others


def test_those_leave_whose_entry_is_there_and_the_others_wait() -> None:
    crowd = Crowd(3)
    assert [reach.position for reach in crowd.reaches.take(2)] == [1, 2]
    assert crowd.reaches.take(2) == []
    assert [reach.position for reach in crowd.reaches.take(3)] == [3]
    assert crowd.reaches.next_deadline is None


def barrier_at(crowd: Crowd) -> float | None:
    """Return when the next barrier is due."""
    return crowd.reaches.barrier_at


def test_a_barrier_answers_those_who_came_before_it_and_no_others() -> None:
    crowd = Crowd(3)
    assert barrier_at(crowd) == 0.0
    begun = crowd.reaches.begin_barrier()
    assert barrier_at(crowd) is None
    crowd.reaches.add("lobby", 9, 9, lambda answer: None)
    assert barrier_at(crowd) == BARRIER
    crowd.reaches.take(1)
    assert [reach.position for reach in crowd.reaches.take_of(begun, 2)] == [3]
    assert crowd.reaches.take_of(begun, 2) == []
    assert [reach.position for reach in crowd.reaches.take(9)] == [2, 9]
    assert barrier_at(crowd) is None
