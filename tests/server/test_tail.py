"""The tail of a log, against a list that keeps everything."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chatcore.journal import Entry, Stored
from chatcore.messages import Message
from chatcore.server.tail import Tail
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain

AT = datetime(2026, 8, 5, tzinfo=UTC)

# Numbers of a log may have holes: each entry is so much above the one before, with so long a text.
logs = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 60)), max_size=25)


def messages(log: list[tuple[int, int]], head: int) -> list[Message]:
    """Return the messages that a drawn log stands for, the first one behind a head."""
    said, seq = [], head
    for step, size in log:
        prev, seq = seq, seq + step
        said.append(Message(room="a", seq=seq, prev=prev, id=str(seq), nick="ana", text="x" * size, at=AT))
    return said


def entry(message: Message) -> Entry:
    """Return a message as a tail has to hold it on the plain wire."""
    return Entry(message.seq, message.prev, message.id, plain.encode(message))


@given(log=logs, head=st.integers(0, 5), limit=st.integers(1, 300))
def test_it_is_the_end_of_the_list_within_its_limit(
    log: list[tuple[int, int]], head: int, limit: int
) -> None:
    tail, everything = Tail(plain, head, limit), list[Entry]()
    for message in messages(log, head):
        tail.extend([Stored.of(message)])
        everything.append(entry(message))
        held = tail.entries(tail.start, tail.end)
        assert tail.end == len(everything)
        assert held == everything[tail.start :]
        assert sum(len(one.data) for one in held) <= limit or len(held) == 1


@given(log=logs, head=st.integers(0, 5), limit=st.integers(1, 300))
def test_a_position_has_a_place_exactly_where_its_successor_is_held_or_next(
    log: list[tuple[int, int]], head: int, limit: int
) -> None:
    tail, everything = Tail(plain, head, limit), list[Message]()
    for message in messages(log, head):
        tail.extend([Stored.of(message)])
        everything.append(message)
        positions = [head, *(one.seq for one in everything)]
        for position in range(head + 100):
            place = positions.index(position) if position in positions else None
            expected = place if place is not None and place >= tail.start else None
            assert tail.place_after(position) == expected


def test_an_empty_tail_has_a_place_for_what_comes_next() -> None:
    tail = Tail(plain, 7, 100)
    assert tail.place_after(7) == tail.start == tail.end == 0
    assert tail.place_after(6) is None
    assert tail.place_after(8) is None


@given(log=logs.filter(bool), limit=st.integers(1, 900), size=st.integers(1, 200), data=st.data())
def test_pieces_from_any_place_are_all_entries_in_order_as_many_as_fit(
    log: list[tuple[int, int]], limit: int, size: int, data: st.DataObject
) -> None:
    tail = Tail(plain, 0, limit, size)
    for message in messages(log, 0):
        tail.extend([Stored.of(message)])
    place = data.draw(st.integers(tail.start, tail.end - 1))
    rest = tail.entries(place, tail.end)
    while place < tail.end:
        piece = tail.piece(place)
        entries = tail.entries(place, piece.end)
        assert piece.data == b"".join(one.data for one in entries)
        assert piece.ids == [one.id for one in entries]
        assert piece.through == entries[-1].seq
        assert len(piece.data) <= size or len(entries) == 1
        following = tail.entries(piece.end, tail.end)
        assert not following or len(piece.data) + len(following[0].data) > size
        assert rest[: len(entries)] == entries
        rest, place = following, piece.end
    assert rest == []


def test_everyone_at_a_place_gets_the_same_bytes_object() -> None:
    tail = Tail(ndjson, 0, 10_000)
    for message in messages([(1, 10)] * 5, 0):
        tail.extend([Stored.of(message)])
    assert tail.piece(1).data is tail.piece(1).data
    assert tail.piece(1).data is not tail.piece(2).data


def test_a_piece_that_was_cut_before_an_entry_came_is_not_given_after_it() -> None:
    tail = Tail(plain, 0, 10_000)
    first, second = messages([(1, 5), (1, 5)], 0)
    tail.extend([Stored.of(first)])
    assert tail.piece(0).through == 1
    tail.extend([Stored.of(second)])
    assert tail.piece(0).through == 2


def test_trimming_frees_a_quarter_at_once() -> None:
    tail = Tail(plain, 0, 1_000)
    said = messages([(1, 4)] * 200, 0)  # ten bytes each
    starts = []
    for message in said:
        tail.extend([Stored.of(message)])
        starts.append(tail.start)
    assert sum(later != sooner for sooner, later in pairwise(starts)) <= 5
    assert 750 <= sum(len(one.data) for one in tail.entries(tail.start, tail.end)) <= 1_000


def test_an_entry_larger_than_the_limit_is_held_until_the_next_one() -> None:
    tail = Tail(plain, 0, 10)
    for message in messages([(1, 50), (1, 50)], 0):
        tail.extend([Stored.of(message)])
        assert tail.place_after(message.prev) == tail.start == tail.end - 1
