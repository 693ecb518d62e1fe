"""Entries in any order: each is handed out once, after the one before it."""

import random

import pytest

from chatcore.replication import LogEntry
from transports.jetstream import sequence as module
from transports.jetstream.sequence import Sequence


def entry(position: int, size: int = 1) -> LogEntry:
    return LogEntry(position, position, b"x" * size)


@pytest.mark.parametrize("seed", range(20))
def test_all_are_handed_out_once_in_order_however_they_come(seed: int) -> None:
    chance = random.Random(seed)
    sequence = Sequence(5)
    coming = [*range(1, 60)] * 2
    chance.shuffle(coming)
    taken: list[int] = []
    for position in coming:
        sequence.add(entry(position))
        if chance.random() < 0.3:
            taken += [each.position for each in sequence.take()]
            assert sequence.position == (taken[-1] if taken else 5)
    taken += [each.position for each in sequence.take()]
    assert taken == [*range(6, 60)]
    assert not sequence.is_behind
    assert sequence.missing == 60


def test_nothing_is_handed_out_before_what_is_missing() -> None:
    sequence = Sequence(0)
    sequence.add(entry(1))
    sequence.add(entry(3))
    assert [each.position for each in sequence.take()] == [1]
    assert sequence.is_behind
    assert sequence.missing == 2
    assert not sequence.is_ready
    sequence.add(entry(2))
    assert [each.position for each in sequence.take()] == [2, 3]


def test_an_entry_that_is_known_to_exist_is_missing_until_it_is_there() -> None:
    sequence = Sequence(3)
    sequence.note_last(4)
    assert sequence.is_behind
    sequence.add(entry(4))
    assert not sequence.is_behind


def test_what_is_too_far_ahead_is_dropped_and_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AHEAD", 3)
    sequence = Sequence(0)
    for position in (3, 4, 5, 6, 7):
        sequence.add(entry(position))
    sequence.add(entry(1))
    sequence.add(entry(2))
    assert [each.position for each in sequence.take()] == [1, 2, 3, 4, 5]
    assert sequence.is_behind
    assert sequence.missing == 6


def test_what_waits_to_be_reported_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_BYTES", 100)
    sequence = Sequence(0)
    for position in range(1, 10):
        sequence.add(entry(position, 40))
    assert (sequence.is_full, sequence.is_behind) == (True, True)
    assert [each.position for each in sequence.take()] == [1, 2, 3]
    assert (sequence.is_full, sequence.missing) == (False, 4)
    sequence.add(entry(4))
    assert [each.position for each in sequence.take()] == [4, 5, 6, 7]
