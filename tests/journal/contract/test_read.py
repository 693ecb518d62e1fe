"""Pages of a journal, compared with a list of what was committed."""

import itertools
from typing import Any

import pytest

from chatcore.messages import Message, Stored, encode
from tests.journal.contract.harness import Harness

__all__ = ["check"]


def check(
    harness: Harness,
    available: list[Message],
    after: int | None,
    before: int | None,
    limit: int,
    max_bytes: int,
    *,
    asked: dict[str, Any] | None = None,
) -> None:
    """Read a page and compare it with the messages that a list has between the bounds.

    ``asked`` is how the bounds are asked for, where that is by time.
    """
    head = harness.messages[-1].seq if harness.messages else 0
    below = head + 1 if before is None else before
    wanted = [message for message in available if (after or 0) < message.seq < below]
    bounds = {"after": after, "before": before} if asked is None else asked
    page = harness.read(**bounds, limit=limit, max_bytes=max_bytes)
    got = [entry.seq for entry in page.messages]
    assert page.epoch == harness.epochs[-1]
    if not wanted:
        later = [message for message in available if message.seq >= below]
        end = max(after or 0, min(later[0].prev if later else head, max(below - 1, 0)))
        assert (got, page.base, page.through, page.more) == ([], end, end, False)
        return
    forward = after is not None
    numbers = [message.seq for message in wanted]
    assert got == (numbers[: len(got)] if forward else numbers[-len(got) :])
    assert page.base == page.messages[0].prev
    assert page.through == page.messages[-1].seq
    assert page.more is (len(got) < len(wanted))
    size = sum(len(entry.line) for entry in page.messages)
    assert len(got) == 1 or (len(got) <= limit and size <= max_bytes)
    if page.more and len(got) < limit:
        following = wanted[len(got)] if forward else wanted[-len(got) - 1]
        assert size + len(encode(following)) > max_bytes


BOUNDS = [1, 2, 4, 5, 6, 9]
SIZES = [1, 130, 300, 1_000_000]  # an entry is some 110 bytes


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("max_bytes", SIZES)
def test_a_page_holds_as_many_messages_between_its_bounds_as_fit(
    harness: Harness, limit: int, max_bytes: int
) -> None:
    harness.post("one", "two", "three", "four", "five")
    bounds = [None, 0, *BOUNDS, *(message.seq + 1 for message in harness.messages)]
    for after, before in itertools.product(bounds, bounds):
        check(harness, harness.messages, after, before, limit, max_bytes)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_the_base_and_the_end_of_a_page_show_what_has_expired(small: Harness, limit: int) -> None:
    available = small.available()
    assert 1 < len(available) < 50
    first, head = available[0].seq, available[-1].seq
    assert head == small.messages[-1].seq
    bounds = [None, 0, 1, 5, first - 2, first - 1, first, first + 1, head - 1, head, head + 1, head + 9]
    for after, before in itertools.product(bounds, bounds):
        check(small, available, after, before, limit, 1_000_000)


def test_a_whole_log_can_be_read_page_by_page_from_either_end(harness: Harness) -> None:
    harness.post(*map(str, range(25)))
    forth, position = list[int](), 0
    while True:
        page = harness.read(after=position, limit=4)
        assert page.base == position
        forth += [entry.seq for entry in page.messages]
        position = page.through
        if not page.more:
            break
    back, before = list[int](), None
    while True:
        page = harness.read(before=before, limit=4)
        back = [entry.seq for entry in page.messages] + back
        before = page.messages[0].seq
        if not page.more:
            break
    assert forth == back == [message.seq for message in harness.messages]


def test_reading_before_the_oldest_message_gives_all_messages_and_a_base_that_shows_the_gap(
    small: Harness,
) -> None:
    available = small.available()
    page = small.read(after=1)
    assert page.base == available[0].prev > 1
    assert [entry.seq for entry in page.messages] == [message.seq for message in available]


def test_a_range_that_has_expired_completely_is_an_empty_page_up_to_its_end(small: Harness) -> None:
    page = small.read(after=1, before=5)
    assert (page.messages, page.base, page.through, page.more) == ((), 4, 4, False)


def test_a_page_of_a_room_without_messages_is_empty(harness: Harness) -> None:
    harness.post("elsewhere", room="b")
    page = harness.read("a")
    assert (page.messages, page.base, page.through, page.more) == ((), 0, 0, False)


def test_a_page_holds_messages_of_one_room_only(harness: Harness) -> None:
    harness.post("one", room="a")
    harness.post("two", room="b")
    harness.post("three", room="a")
    assert [b"one" in entry.line or b"three" in entry.line for entry in harness.read("a").messages] == [
        True,
        True,
    ]
    assert len(harness.read("b").messages) == 1


def test_a_page_holds_the_messages_exactly_as_committed(harness: Harness) -> None:
    harness.post("one\ntwo", "three", "\u2028 \U0001f600")
    entries = harness.read().messages
    assert list(entries) == list(map(Stored.of, harness.messages))
    assert [(entry.seq, entry.prev, entry.id) for entry in entries] == [
        (message.seq, message.prev, message.id) for message in harness.messages
    ]


def test_a_page_does_not_change_when_more_is_stored(harness: Harness) -> None:
    harness.post("one")
    page = harness.read()
    harness.post("two")
    assert len(page.messages) == 1
    assert len(harness.read().messages) == 2
