"""Durations are counted by bounds, as Prometheus wants them."""

import math

import pytest

from chatcore.durations import DurationCounter, Durations


def test_a_duration_counts_up_to_the_bound_that_holds_it() -> None:
    counter = DurationCounter()
    for seconds in (0.0, 0.001, 0.0011, 0.2, 10.0, 10.1, 3_600.0):
        counter.add(seconds)
    durations = counter.durations()
    counts = dict(zip((*durations.bounds, math.inf), durations.counts, strict=True))
    expected = {0.001: 2, 0.0025: 1, 0.25: 1, 10.0: 1, math.inf: 2}
    assert counts == dict.fromkeys(durations.bounds, 0) | expected
    assert durations.total == 7
    assert durations.seconds == pytest.approx(3_620.3021)


def test_what_was_returned_does_not_change() -> None:
    counter = DurationCounter()
    before = counter.durations()
    counter.add(1.0)
    assert before == Durations()
    assert before != counter.durations()


def test_what_took_longer_than_a_bound_is_counted_from_the_next_one_on() -> None:
    counter = DurationCounter()
    for seconds in (0.1, 2.5, 2.6, 5.1, 60.0):
        counter.add(seconds)
    assert counter.durations().longer_than(2.5) == 3
    assert counter.durations().longer_than(10.0) == 1
