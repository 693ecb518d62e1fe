"""The tail of a log, compared with a list that holds everything."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from chatcore.messages import Message, Stored
from chatcore.server.tail import MOST_BYTES, Tail
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


def grow(tail: Tail, message: Message, needed: int | None = None) -> None:
    """Take a message, and drop what is too old and not needed."""
    tail.extend([Stored.of(message)])
    if tail.is_full:
        tail.trim(tail.end if needed is None else needed)


def held(tail: Tail, log: list[Message]) -> int:
    """Return how many bytes a tail of a log holds, each message counted where it is larger."""
    lines = map(Stored.of, log[tail.start : tail.end])
    return sum(max(len(stored.line), len(tail.wire.encode_stored(stored))) for stored in lines)


@given(log=logs, head=st.integers(0, 5), limit=st.integers(1, 2_000))
def test_a_tail_holds_the_end_of_the_log_within_its_limit(
    log: list[tuple[int, int]], head: int, limit: int
) -> None:
    tail, everything = Tail(plain, head, limit), messages(log, head)
    for number, message in enumerate(everything, 1):
        grow(tail, message)
        assert tail.end == number
        expected = [plain.encode(each) for each in everything[tail.start : number]]
        assert tail.encoded(tail.start, tail.end) == expected
        assert held(tail, everything) <= limit or tail.end - tail.start == 1


@given(log=logs, head=st.integers(0, 5), limit=st.integers(1, 2_000))
def test_a_position_has_an_index_only_if_the_message_after_it_is_held_or_next(
    log: list[tuple[int, int]], head: int, limit: int
) -> None:
    tail, everything = Tail(plain, head, limit), list[Message]()
    for message in messages(log, head):
        grow(tail, message)
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


@given(log=logs.filter(bool), limit=st.integers(1, 5_000), size=st.integers(1, 1_000), data=st.data())
def test_pieces_hold_every_message_in_sequence_and_as_many_as_fit(
    log: list[tuple[int, int]], limit: int, size: int, data: st.DataObject
) -> None:
    tail, everything = Tail(ndjson, 0, limit, size), messages(log, 0)
    for message in everything:
        grow(tail, message)
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
    tail = Tail(ndjson, 0, 20_000)
    everything = messages([(1, 4)] * 200, 0)
    starts = []
    for message in everything:
        grow(tail, message)
        starts.append(tail.start)
    assert sum(later != sooner for sooner, later in pairwise(starts)) <= 5
    assert 15_000 <= held(tail, everything) + 200 <= 20_200


def test_a_message_larger_than_the_limit_is_held_until_the_next_one() -> None:
    tail = Tail(plain, 0, 10)
    for message in messages([(1, 50), (1, 50)], 0):
        grow(tail, message)
        assert tail.index_after(message.prev) == tail.start == tail.end - 1


@given(log=logs, limit=st.integers(1, 2_000), lag=st.integers(0, 30))
def test_what_is_needed_stays_and_goes_when_it_is_not(
    log: list[tuple[int, int]], limit: int, lag: int
) -> None:
    tail, everything = Tail(plain, 0, limit), messages(log, 0)
    for number, message in enumerate(everything):
        needed = max(number - lag, 0)
        grow(tail, message, needed)
        assert tail.start <= needed
        assert tail.overflows == (held(tail, everything) > limit and tail.end - tail.start > 1)
    tail.trim(tail.end)
    assert not tail.overflows
    assert not log or held(tail, everything) <= limit or tail.end - tail.start == 1


def test_what_is_needed_goes_too_if_it_is_far_too_much() -> None:
    tail = Tail(plain, 0, 1_000)
    *first, last = messages([(1, MOST_BYTES // 8 - 200)] * 8 + [(1, 10_000)], 0)
    for message in first:
        grow(tail, message, needed=0)
    assert tail.start == 0
    grow(tail, last, needed=0)
    assert tail.end - tail.start == 1
