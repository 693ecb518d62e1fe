"""Pages of a journal, against a list of what it was told."""

import itertools

import pytest

from chatcore.messages import Message, Stored, encode
from tests.journal.contract.record import Record


def check(
    record: Record, kept: list[Message], after: int | None, before: int | None, limit: int, max_bytes: int
) -> None:
    """Read a page and compare it with what a list says it has to be."""
    head = record.messages[-1].seq if record.messages else 0
    below = head + 1 if before is None else before
    wanted = [message for message in kept if (after or 0) < message.seq < below]
    page = record.read(after=after, before=before, limit=limit, max_bytes=max_bytes)
    got = [entry.seq for entry in page.messages]
    assert page.epoch == record.opened_with[-1][0]
    if not wanted:
        end = max(after or 0, min(max(below - 1, 0), head))
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


BOUNDS = [None, 0, 1, 2, 4, 5, 6, 9]
SIZES = [1, 130, 300, 1_000_000]  # an entry is some 110 bytes


@pytest.mark.parametrize("limit", [1, 2, 100])
@pytest.mark.parametrize("max_bytes", SIZES)
def test_a_page_is_what_lies_between_its_bounds_as_much_as_fits(
    record: Record, limit: int, max_bytes: int
) -> None:
    record.post("one", "two", "three", "four", "five")
    for after, before in itertools.product(BOUNDS, BOUNDS):
        check(record, record.messages, after, before, limit, max_bytes)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_a_page_tells_by_its_base_and_its_end_what_has_expired(small: Record, limit: int) -> None:
    kept = small.kept()
    assert 1 < len(kept) < 50
    first, head = kept[0].seq, kept[-1].seq
    assert head == small.messages[-1].seq
    bounds = [None, 0, 1, 5, first - 2, first - 1, first, first + 1, head - 1, head, head + 1, head + 9]
    for after, before in itertools.product(bounds, bounds):
        check(small, kept, after, before, limit, 1_000_000)


def test_the_whole_of_a_record_can_be_read_page_by_page_from_either_end(record: Record) -> None:
    record.post(*map(str, range(25)))
    forth, position = list[int](), 0
    while True:
        page = record.read(after=position, limit=4)
        assert page.base == position
        forth += [entry.seq for entry in page.messages]
        position = page.through
        if not page.more:
            break
    back, before = list[int](), None
    while True:
        page = record.read(before=before, limit=4)
        back = [entry.seq for entry in page.messages] + back
        before = page.messages[0].seq
        if not page.more:
            break
    assert forth == back == [message.seq for message in record.messages]


def test_a_reader_behind_what_is_kept_gets_all_that_is_and_a_base_that_shows_the_gap(small: Record) -> None:
    kept = small.kept()
    page = small.read(after=1)
    assert page.base == kept[0].prev > 1
    assert [entry.seq for entry in page.messages] == [message.seq for message in kept]


def test_a_stretch_that_has_expired_as_a_whole_is_nothing_up_to_its_end(small: Record) -> None:
    page = small.read(after=1, before=5)
    assert (page.messages, page.base, page.through, page.more) == ((), 4, 4, False)


def test_a_room_where_nothing_was_said_is_empty(record: Record) -> None:
    record.post("elsewhere", room="b")
    page = record.read("a")
    assert (page.messages, page.base, page.through, page.more) == ((), 0, 0, False)


def test_a_page_is_of_one_room(record: Record) -> None:
    record.post("one", room="a")
    record.post("two", room="b")
    record.post("three", room="a")
    assert [b"one" in entry.line or b"three" in entry.line for entry in record.read("a").messages] == [
        True,
        True,
    ]
    assert len(record.read("b").messages) == 1


def test_a_page_holds_what_was_committed(record: Record) -> None:
    record.post("one\ntwo", "three", "\u2028 \U0001f600")
    entries = record.read().messages
    assert list(entries) == list(map(Stored.of, record.messages))
    assert [(entry.seq, entry.prev, entry.id) for entry in entries] == [
        (message.seq, message.prev, message.id) for message in record.messages
    ]


def test_a_page_does_not_change_when_more_is_said(record: Record) -> None:
    record.post("one")
    page = record.read()
    record.post("two")
    assert len(page.messages) == 1
    assert len(record.read().messages) == 2


# --- seek ----------------------------------------------------------------------------------------


def test_the_last_entries_begin_behind_the_position_that_is_found(record: Record) -> None:
    record.post(*map(str, range(9)))
    numbers = [0, *(message.seq for message in record.messages)]
    for back in range(12):
        for before in range(1, 11):
            position = record.seek("lobby", back, before)
            below = [number for number in numbers[1:] if number < before]
            behind = [number for number in below if number > position]
            assert behind == below[len(below) - min(back, len(below)) :]
            assert position in numbers


def test_a_position_behind_which_everything_kept_begins_is_the_base_of_its_first(small: Record) -> None:
    kept = small.kept()
    head = kept[-1].seq
    assert small.seek("lobby", 10_000, head + 1) == kept[0].prev
    assert small.seek("lobby", len(kept), head + 1) == kept[0].prev
    assert small.seek("lobby", len(kept) - 1, head + 1) == kept[0].seq
    assert small.seek("lobby", 1, head + 1) == kept[-1].prev


def test_in_a_room_where_nothing_was_said_the_only_position_is_the_first(record: Record) -> None:
    assert record.seek("a", 5, 1) == 0
    assert record.seek("a", 0, 1) == 0
