"""The heap of deadlines, compared with a plain dictionary."""

import weakref

from hypothesis import given
from hypothesis import strategies as st

from chatcore.server.timers import Timers

KEYS = "abc"
times = st.integers(0, 8).map(float)

steps = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from(KEYS), st.none() | times),
        st.tuples(st.just("advance"), st.sampled_from(KEYS), times),
        st.tuples(st.just("pop"), st.just(""), times),
    ),
    max_size=40,
)


@given(steps)
def test_timers_behave_like_a_dictionary_of_times(steps: list[tuple[str, str, float | None]]) -> None:
    timers: Timers[str] = Timers()
    model: dict[str, float] = {}
    for verb, key, when in steps:
        first = min(model.values(), default=None)
        if verb == "pop":
            assert when is not None
            popped = list(timers.pop_due(when))
            due = {k: t for k, t in model.items() if t <= when}
            assert [due[k] for k in popped] == sorted(due.values())
            assert set(popped) == set(due)
            assert len(popped) == len(due)
            model = {k: t for k, t in model.items() if t > when}
        elif when is None:
            assert timers.set(key, None) is False
            model.pop(key, None)
        elif verb == "set":
            sooner = timers.set(key, when)
            assert sooner is (first is None or when < first)
            model[key] = when
        else:
            sooner = timers.advance(key, when)
            assert sooner is (first is None or when < first)
            model[key] = min(when, model.get(key, when))
        assert timers.next() == min(model.values(), default=None)
        assert len(timers) == len(model)


def test_no_timer_is_due_before_its_time() -> None:
    timers: Timers[str] = Timers()
    timers.set("a", 5.0)
    assert list(timers.pop_due(4.999)) == []
    assert list(timers.pop_due(5.0)) == ["a"]
    assert timers.next() is None


def test_timers_with_equal_times_are_due_in_the_order_in_which_they_were_set() -> None:
    timers: Timers[str] = Timers()
    for key in "cab":
        timers.set(key, 5.0)
    assert list(timers.pop_due(5.0)) == ["c", "a", "b"]


def test_timer_keys_need_not_be_comparable() -> None:
    timers: Timers[object] = Timers()
    keys = [object() for _ in range(5)]
    for key in keys:
        timers.set(key, 1.0)
    assert list(timers.pop_due(1.0)) == keys


def test_moving_a_timer_again_and_again_does_not_fill_the_heap() -> None:
    timers: Timers[str] = Timers()
    for now in range(1_000):
        timers.advance("a", now + 30.0)
        for key in list(timers.pop_due(float(now))):
            timers.set(key, now + 30.0)
    assert len(timers) == 1
    assert len(timers._heap) <= 2


def test_keys_that_have_no_time_are_let_go_though_their_times_have_not_come() -> None:
    timers: Timers[object] = Timers()
    early = object()
    timers.set(early, 1.0)
    gone = [come_and_go(timers, 10.0 + number) for number in range(1_000)]
    assert sum(ref() is not None for ref in gone) == 0
    assert timers.next() == 1.0


def test_a_time_that_moves_again_and_again_holds_few_entries() -> None:
    timers: Timers[str] = Timers()
    for number in range(1_000):
        timers.set("a", 1_000.0 - number)
    assert list(timers.pop_due(1_000.0)) == ["a"]
    for number in range(1_000):
        timers.set("a", 1_000.0 - number)
        timers.set("b", 1.0 + number)
    assert list(timers.pop_due(2_000.0)) == ["a", "b"]


class Key:
    """What can be watched while it is held."""


def come_and_go(timers: Timers[object], when: float) -> "weakref.ref[Key]":
    """Set and clear the time of a key that nobody else holds."""
    key = Key()
    timers.set(key, when)
    timers.set(key, None)
    return weakref.ref(key)
