"""Times in a room never decrease, whatever the clock does."""

from datetime import UTC, datetime

import pytest

from tests.journal.contract.harness import Harness

HOUR = 3600.0


def times(harness: Harness, room: str = "lobby") -> list[datetime]:
    """Return the times of all messages of a room, in their order."""
    return [message.at for message in harness.messages if message.room == room]


def test_a_message_shows_the_time_at_which_it_was_stored(harness: Harness) -> None:
    harness.clock.now += 0.25
    harness.post("hi")
    assert times(harness) == [datetime.fromtimestamp(harness.clock.now, UTC)]


def test_times_do_not_decrease_when_the_clock_goes_back(harness: Harness) -> None:
    harness.post("one")
    harness.clock.now -= HOUR
    harness.post("two", "three")
    harness.clock.now += HOUR / 2
    harness.post("four")
    first, *others = times(harness)
    assert others == [first] * 3
    harness.clock.now += HOUR
    harness.post("five")
    assert times(harness)[-1].timestamp() == first.timestamp() + HOUR / 2


def test_a_clock_that_was_ahead_in_one_room_does_not_matter_in_another(harness: Harness) -> None:
    harness.clock.now += HOUR
    harness.post("early", room="a")
    harness.clock.now -= HOUR
    harness.post("on time", room="b")
    assert times(harness, "b") == [datetime.fromtimestamp(harness.clock.now, UTC)]


@pytest.mark.parametrize("microseconds", [1, 333_333, 499_999, 999_999])
def test_a_time_is_stored_and_listed_to_the_microsecond(harness: Harness, microseconds: int) -> None:
    harness.clock.now += microseconds / 1e6
    harness.post("one", "two")
    (at, same) = times(harness)
    assert at == same == harness.rooms().rooms[0].at
    assert at.microsecond == microseconds


def test_times_do_not_decrease_after_everything_was_removed(harness: Harness) -> None:
    harness.post("one")
    harness.remove()
    harness.clock.now -= HOUR
    harness.post("two")
    first, second = times(harness)
    assert first == second


def test_times_do_not_decrease_after_most_has_expired(small: Harness) -> None:
    small.clock.now -= HOUR
    small.post(*(f"later {n}" for n in range(20)))
    assert times(small) == sorted(times(small))
