"""The token bucket, under a clock that the test controls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore.server.rate_limit import TokenBucket, TokenBuckets


def test_a_burst_is_taken_immediately_and_then_the_rate_applies() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now=0.0)
    assert [bucket.take(0.0) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
    assert bucket.take(0.25) == pytest.approx(0.25)
    assert bucket.take(0.5) == 0.0
    assert bucket.take(0.5) == pytest.approx(0.5)


def test_a_bucket_never_holds_more_than_the_burst() -> None:
    bucket = TokenBucket(rate=2.0, burst=3, now=0.0)
    assert [bucket.take(1_000_000.0) > 0 for _ in range(5)] == [False, False, False, True, True]


def test_a_refused_take_costs_no_token() -> None:
    bucket = TokenBucket(rate=1.0, burst=1, now=0.0)
    assert bucket.take(0.0) == 0.0
    assert [bucket.take(0.5) for _ in range(9)] == [0.5] * 9
    assert bucket.take(1.0) == 0.0


def test_a_bucket_without_a_rate_never_runs_dry() -> None:
    bucket = TokenBucket(rate=None, burst=1, now=0.0)
    assert [bucket.take(0.0) for _ in range(9)] == [0.0] * 9


def test_a_clock_that_runs_backwards_neither_adds_nor_removes_tokens() -> None:
    bucket = TokenBucket(rate=1.0, burst=1, now=100.0)
    assert bucket.take(50.0) == 0.0
    assert bucket.take(0.0) == 1.0
    assert bucket.take(100.5) == 0.5


@given(
    rate=st.floats(0.01, 10_000),
    burst=st.integers(1, 50),
    start=st.floats(0, 1e7),
    pauses=st.lists(st.floats(0, 100), max_size=30),
)
def test_waiting_for_the_returned_time_yields_a_token(
    rate: float, burst: int, start: float, pauses: list[float]
) -> None:
    bucket, now = TokenBucket(rate, burst, start), start
    for pause in pauses:
        now += pause
        wait = bucket.take(now)
        assert 0.0 <= wait <= 1.0 / rate
        if wait:
            now += wait
            assert bucket.take(now) == 0.0


@given(
    rate=st.floats(0.1, 100),
    burst=st.integers(1, 20),
    pauses=st.lists(st.floats(0, 2), min_size=1, max_size=80),
)
def test_no_more_tokens_are_given_out_than_the_rate_and_the_burst_allow(
    rate: float, burst: int, pauses: list[float]
) -> None:
    bucket, now, given_out = TokenBucket(rate, burst, 0.0), 0.0, 0
    for pause in pauses:
        now += pause
        given_out += bucket.take(now) == 0.0
        assert given_out <= burst + now * rate + 0.001


def test_each_key_has_a_bucket_of_its_own() -> None:
    buckets = TokenBuckets[str](rate=0.5, burst=1, size=10)
    assert [buckets.take(key, 0.0) for key in ("a", "b", "a")] == [0.0, 0.0, 2.0]
    assert [buckets.take(key, 2.0) for key in ("a", "b")] == [0.0, 0.0]


def test_without_a_rate_no_key_is_remembered() -> None:
    buckets = TokenBuckets[int](rate=None, burst=1, size=10)
    assert {buckets.take(1, 0.0) for _ in range(5)} == {0.0}
    assert len(buckets) == 0


def test_the_keys_that_were_used_last_are_remembered_and_never_more() -> None:
    buckets = TokenBuckets[int](rate=0.001, burst=1, size=3)
    for key in (1, 2, 3, 1, 4):  # which forgets 2
        buckets.take(key, 0.0)
    assert len(buckets) == 3
    assert [buckets.take(key, 0.0) > 0 for key in (1, 3, 4)] == [True, True, True]
    assert buckets.take(2, 0.0) == 0.0
    for key in range(10_000):
        buckets.take(key, 0.0)
    assert len(buckets) == 3
