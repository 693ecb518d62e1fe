"""A histogram against the values that were added to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.load.histogram import Histogram


@given(
    values=st.lists(st.floats(0, 1e5), min_size=1, max_size=50),
    part=st.floats(0.01, 1.0),
)
def test_a_quantile_is_close_to_that_of_the_sorted_list(values: list[float], part: float) -> None:
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    wanted = next(value for index, value in enumerate(sorted(values), 1) if index >= part * len(values))
    assert histogram.quantile(part) == pytest.approx(wanted, rel=0.01, abs=2e-6)
    assert histogram.maximum == max(values)


def test_equal_durations_can_be_added_together() -> None:
    histogram = Histogram()
    histogram.add(1.0, 99)
    histogram.add(2.0)
    assert histogram.count == 100
    assert histogram.quantile(0.99) == pytest.approx(1.0, rel=0.01)
    assert histogram.quantile(1.0) == 2.0


def test_the_quantile_of_nothing_is_zero() -> None:
    assert Histogram().quantile(0.5) == 0.0


@pytest.mark.parametrize("seconds", [-1.0, 1e12])
def test_an_impossible_duration_is_counted_at_the_edge(seconds: float) -> None:
    histogram = Histogram()
    histogram.add(seconds)
    assert histogram.count == 1
    assert histogram.quantile(0.5) >= 0.0
