"""Pages between times, compared with a list of what was committed."""

import itertools
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from chatcore.journal.times import milliseconds
from chatcore.messages import Message
from tests.journal.contract.harness import Harness
from tests.journal.contract.test_read import check

OFFSETS = [0, 400, 999, 1_000, 1_000, 1_001, 1_999, 2_000, 700_000, 700_999]
"""When messages are stored, in microseconds: both ends of some milliseconds, and between them."""

HOUR = 3600.0


def post_at(harness: Harness, *offsets: int) -> datetime:
    """Post a message at each of some microseconds from now; return what is now."""
    begin = harness.clock.now
    for offset in offsets:
        harness.clock.now = begin + offset / 1e6
        harness.post(f"at {offset}")
    return datetime.fromtimestamp(begin, UTC)


def bounds_of(
    harness: Harness, available: list[Message], lower: int | datetime | None, upper: int | datetime | None
) -> tuple[int | None, int | None, dict[str, Any]]:
    """Return two bounds in numbers, and how they are asked for."""
    head = harness.messages[-1].seq
    oldest = available[0].prev if available else head
    after, before = lower, upper
    asked: dict[str, Any] = {"after": lower, "before": upper}
    if isinstance(lower, datetime):
        asked = {"after_at": lower, "before": upper}
        earlier = [message.seq for message in available if milliseconds(message.at) < milliseconds(lower)]
        after = earlier[-1] if earlier else oldest
    if isinstance(upper, datetime):
        asked["before_at"] = upper
        del asked["before"]
        later = [message.seq for message in available if milliseconds(message.at) >= milliseconds(upper)]
        before = later[0] if later else head + 1
    assert not isinstance(after, datetime)
    assert not isinstance(before, datetime)
    return after, before, asked


def check_all(
    harness: Harness, available: list[Message], edges: list[int | datetime | None], limit: int, max_bytes: int
) -> None:
    """Check the pages between any two of some bounds, at least one of which is a time."""
    for lower, upper in itertools.product(edges, edges):
        if isinstance(lower, datetime) or isinstance(upper, datetime):
            after, before, asked = bounds_of(harness, available, lower, upper)
            check(harness, available, after, before, limit, max_bytes, asked=asked)


@pytest.mark.parametrize(("limit", "max_bytes"), [(100, 1_000_000), (1, 1_000_000), (3, 1_000_000), (9, 300)])
def test_a_page_between_times_holds_whole_milliseconds_of_the_first_and_none_of_the_second(
    harness: Harness, limit: int, max_bytes: int
) -> None:
    begin = post_at(harness, *OFFSETS)
    microseconds = {edge + step for edge in OFFSETS for step in (-1, 0, 1)} | {-5_000_000, 5_000_000, 1_500}
    edges: list[int | datetime | None] = [begin + timedelta(microseconds=n) for n in sorted(microseconds)]
    numbers = [message.seq for message in harness.messages]
    check_all(harness, harness.messages, [None, 0, numbers[3], numbers[-1] + 1, *edges], limit, max_bytes)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_page_from_a_time_begins_with_the_oldest_message_where_earlier_ones_have_expired(
    small: Harness, limit: int
) -> None:
    post_at(small, *OFFSETS)
    small.submit()
    available = small.available()
    times = [small.messages[0].at, *(message.at for message in available), available[-1].at]
    edges: list[int | datetime | None] = [None, 0, available[0].seq, times[0] - timedelta(hours=1), *times]
    edges.append(times[-1] + timedelta(hours=1))
    check_all(small, available, edges, limit, 1_000_000)
    page = small.read(after_at=times[0] - timedelta(hours=1))
    assert page.base == page.oldest == available[0].prev > 0


def test_the_answer_to_a_request_from_a_time_has_the_oldest_position(harness: Harness) -> None:
    assert harness.read(after_at=datetime(2026, 1, 1, tzinfo=UTC)).oldest == 0
    begin = post_at(harness, *OFFSETS)
    assert harness.read(after_at=begin + timedelta(hours=1)).oldest == 0
    assert harness.read(after_at=begin, limit=1).oldest == 0


def test_of_two_upper_bounds_the_lower_counts(harness: Harness) -> None:
    begin = post_at(harness, *OFFSETS)
    for at in (begin + timedelta(microseconds=offset) for offset in (-1_000, 0, 1_000, 2_000, 10**6)):
        for before in (1, *(message.seq for message in harness.messages), harness.messages[-1].seq + 1):
            _, first, _ = bounds_of(harness, harness.messages, None, at)
            assert first is not None
            asked = {"before": before, "before_at": at}
            check(harness, harness.messages, None, min(before, first), 100, 1_000_000, asked=asked)


def test_pages_from_a_time_follow_each_other_up_to_another_time(harness: Harness) -> None:
    begin = post_at(harness, *OFFSETS)
    until = begin + timedelta(milliseconds=700)
    page = harness.read(after_at=begin + timedelta(milliseconds=1), before_at=until, limit=2)
    found = [entry.seq for entry in page.messages]
    while page.more:
        page = harness.read(after=page.through, before_at=until, limit=2)
        found += [entry.seq for entry in page.messages]
    wanted = [message.seq for message in harness.messages[OFFSETS.index(1_000) : OFFSETS.index(700_000)]]
    assert found == wanted


def test_messages_that_share_a_time_after_the_clock_went_back_are_all_found_at_that_time(
    harness: Harness,
) -> None:
    harness.post("one")
    harness.clock.now += HOUR
    harness.post("two")
    harness.clock.now -= HOUR
    harness.post("three", "four")
    at = harness.messages[1].at
    numbers = [message.seq for message in harness.messages]
    assert [entry.seq for entry in harness.read(after_at=at).messages] == numbers[1:]
    assert [entry.seq for entry in harness.read(before_at=at).messages] == numbers[:1]
    real = datetime.fromtimestamp(harness.clock.now, UTC)
    assert [entry.seq for entry in harness.read(after_at=real).messages] == numbers


def test_a_time_of_any_offset_is_compared_as_the_same_moment(harness: Harness) -> None:
    begin = post_at(harness, 0, 1_000)
    elsewhere = begin.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert harness.read(before_at=elsewhere + timedelta(milliseconds=1)).messages == (
        harness.read(limit=1, after=0).messages
    )


def test_pages_by_time_of_a_room_without_messages_are_empty(harness: Harness) -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    for page in (
        harness.read(after_at=at),
        harness.read(before_at=at),
        harness.read(after_at=at, before_at=at),
    ):
        assert (page.messages, page.base, page.through, page.more) == ((), 0, 0, False)
