"""The tail of a log, compared with a list that holds everything."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chatcore.messages import Message, Stored
from chatcore.server.tail import Tail
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain

AT = datetime(2026, 8, 5, tzinfo=UTC)

# The numbers of a log may have holes: an entry is its step above the one before, and the size of its text.
logs = st.lists(st.tuples(st.integers(1, 3), st.integers(1, 60)), max_size=25)


def messages(log: list[tuple[int, int]], head: int) -> list[Message]:
    """Return the messages of a drawn log, the first one after a head."""
    result, seq = [], head
    for step, size in log:
        prev, seq = seq, seq + step
        result.append(Message(room="a", seq=seq, prev=prev, id=str(seq), nick="ana", text="x" * size, at=AT))
    return result


@given(log=logs, head=st.integers(0, 5), limit=st.integers(1, 300))
def test_a_tail_holds_the_end_of_the_log_within_its_limit(
    log: list[tuple[int, int]], head: int, limit: int
) -> None:
    tail, everything = Tail(plain, head, limit), list[bytes]()
    for message in messages(log, head):
        tail.extend([Stored.of(message)])
        everything.append(plain.encode(message))
        held = tail.encoded(tail.start, tail.end)
        assert tail.end == len(everything)
        assert held == everything[tail.start :]
        assert sum(map(len, held)) <= limit or len(held) == 1


@given(log=logs, head=st.integers(0, 5), limit=st.integers(1, 300))
def test_a_position_has_an_index_only_if_the_message_after_it_is_held_or_next(
    log: list[tuple[int, int]], head: int, limit: int
) -> None:
    tail, everything = Tail(plain, head, limit), list[Message]()
    for message in messages(log, head):
        tail.extend([Stored.of(message)])
        everything.append(message)
        positions = [head, *(each.seq for each in everything)]
        for position in range(head + 100):
            index = positions.index(position) if position in positions else None
            expected = index if index is not None and index >= tail.start else None
            assert tail.index_after(position) == expected


def test_an_empty_tail_has_an_index_for_the_next_message() -> None:
    tail = Tail(plain, 7, 100)
    assert tail.index_after(7) == tail.start == tail.end == 0
    assert tail.index_after(6) is None
    assert tail.index_after(8) is None


@given(log=logs.filter(bool), limit=st.integers(1, 900), size=st.integers(1, 200), data=st.data())
def test_pieces_hold_every_message_in_sequence_and_as_many_as_fit(
    log: list[tuple[int, int]], limit: int, size: int, data: st.DataObject
) -> None:
    tail, everything = Tail(plain, 0, limit, size), messages(log, 0)
    for message in everything:
        tail.extend([Stored.of(message)])
    index = data.draw(st.integers(tail.start, tail.end - 1))
    rest = tail.encoded(index, tail.end)
    while index < tail.end:
        piece = tail.piece(index)
        entries = tail.encoded(index, piece.end)
        assert piece.data == b"".join(entries)
        numbers = [message.seq for message in everything[index : piece.end]]
        assert tail.ids(index, piece.end) == [str(number) for number in numbers]
        assert piece.through == numbers[-1]
        assert len(piece.data) <= size or len(entries) == 1
        following = tail.encoded(piece.end, tail.end)
        assert not following or len(piece.data) + len(following[0]) > size
        assert rest[: len(entries)] == entries
        rest, index = following, piece.end
    assert rest == []


def test_all_members_at_an_index_get_the_same_bytes_object() -> None:
    tail = Tail(ndjson, 0, 10_000)
    for message in messages([(1, 10)] * 5, 0):
        tail.extend([Stored.of(message)])
    assert tail.piece(1).data is tail.piece(1).data
    assert tail.piece(1).data is not tail.piece(2).data


def test_a_new_message_extends_the_piece_of_an_earlier_index() -> None:
    tail = Tail(plain, 0, 10_000)
    first, second = messages([(1, 5), (1, 5)], 0)
    tail.extend([Stored.of(first)])
    assert tail.piece(0).through == 1
    tail.extend([Stored.of(second)])
    assert tail.piece(0).through == 2


def test_trimming_frees_a_quarter_of_the_limit() -> None:
    tail = Tail(plain, 0, 1_000)
    everything = messages([(1, 4)] * 200, 0)  # ten bytes each
    starts = []
    for message in everything:
        tail.extend([Stored.of(message)])
        starts.append(tail.start)
    assert sum(later != sooner for sooner, later in pairwise(starts)) <= 5
    assert 750 <= sum(map(len, tail.encoded(tail.start, tail.end))) <= 1_000


def test_a_message_larger_than_the_limit_is_held_until_the_next_one() -> None:
    tail = Tail(plain, 0, 10)
    for message in messages([(1, 50), (1, 50)], 0):
        tail.extend([Stored.of(message)])
        assert tail.index_after(message.prev) == tail.start == tail.end - 1
