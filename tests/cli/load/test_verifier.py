"""Every fault of a server at any member is found, however its bytes are split."""

import random
from itertools import pairwise
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import Joined, Presence, ProtocolError, encode
from tests.cli.load.room import NOISE, Room, gap, lines, messages

Fault = Literal["lost", "twice", "swapped", "altered"]

SOUND = (0, 0, 0, 0)

# Numbers in a log may skip values.
steps = st.lists(st.integers(1, 3), min_size=2, max_size=12)
chances = st.integers(0, 2**32).map(random.Random)
some_limits = st.sampled_from([1, 300, 1_000, 2**20])


def seqs_of(steps: list[int], after: int) -> list[int]:
    seqs = []
    for step in steps:
        after += step
        seqs.append(after)
    return seqs


def cut(chance: random.Random, stream: list[bytes]) -> list[bytes]:
    """Put noise between lines, and cut the whole into pieces of a few bytes or of a few lines."""
    noisy = [each for line in stream for each in (*chance.choices(NOISE, k=chance.randrange(3)), line)]
    data = b"".join(noisy)
    size = chance.choice([1, 10, 100, 1_000])
    cuts = [0]
    while cuts[-1] < len(data):
        cuts.append(cuts[-1] + chance.randint(1, size))
    return [data[first:end] for first, end in pairwise(cuts)]


def feed_all(chance: random.Random, room: Room, streams: list[list[bytes]]) -> None:
    """Let every reader receive its lines, interleaved in any way."""
    pieces = [cut(chance, stream) for stream in streams]
    turns = [index for index, each in enumerate(pieces) for _ in each]
    chance.shuffle(turns)
    queues = [iter(each) for each in pieces]
    for index in turns:
        room.feed(index, next(queues[index]))


@given(chance=chances, steps=steps, readers=st.integers(1, 3), after=st.integers(0, 5), limit=some_limits)
def test_a_sound_room_has_no_faults(
    chance: random.Random, steps: list[int], readers: int, after: int, limit: int
) -> None:
    said = messages(seqs_of(steps, after), after)
    room = Room(said, readers, after=after, limit=limit)
    feed_all(chance, room, [lines(said)] * readers)
    assert [reader.delivered for reader in room.readers] == [len(said)] * readers
    assert all(reader.at_goal for reader in room.readers)
    assert room.settle() == 0
    assert room.verdicts() == [SOUND] * readers


@pytest.mark.parametrize("fault", ["lost", "twice", "swapped", "altered"])
@given(chance=chances, count=st.integers(2, 12), readers=st.integers(1, 3), limit=some_limits)
def test_one_fault_at_one_member_is_found_and_classified(
    chance: random.Random, count: int, readers: int, limit: int, fault: Fault
) -> None:
    said = messages(range(1, count + 1))
    room = Room(said, readers, limit=limit)
    streams = [lines(said) for _ in range(readers)]
    victim = chance.randrange(readers)
    stream = streams[victim]
    at = chance.randrange(count - 1 if fault == "swapped" else count)
    expected: tuple[int, int, int, int]
    if fault == "lost":
        del stream[at]
        expected = (1, 0, 0, 0)
    elif fault == "twice":
        stream.insert(chance.randint(at + 1, count), stream[at])
        expected = (0, 1, 0, 0)
    elif fault == "swapped":
        stream[at], stream[at + 1] = stream[at + 1], stream[at]
        expected = (0, 0, 1, 0)
    else:
        stream[at] = stream[at].replace(b"xx", b"xy")
        expected = (0, 0, 0, 1)
    feed_all(chance, room, streams)
    lost = room.settle()
    assert lost == expected[0]
    if readers > 1 or fault != "lost":  # what nobody has read has no victim
        verdicts = room.verdicts()
        assert verdicts.pop(victim) == expected
        assert verdicts == [SOUND] * (readers - 1)
    assert sum(reader.delivered for reader in room.readers) == readers * count - expected[0]


@given(chance=chances, count=st.integers(3, 12), readers=st.integers(1, 3), limit=some_limits)
def test_any_number_of_lost_messages_is_counted(
    chance: random.Random, count: int, readers: int, limit: int
) -> None:
    said = messages(range(1, count + 1))
    room = Room(said, readers, limit=limit)
    streams, missing = [], 0
    for _ in range(readers):
        gone = {index for index in range(count) if chance.random() < 0.3}
        missing += len(gone)
        streams.append([line for index, line in enumerate(lines(said)) if index not in gone])
    feed_all(chance, room, streams)
    assert room.settle() == missing
    assert [verdict[1:] for verdict in room.verdicts()] == [(0, 0, 0)] * readers


@given(chance=chances, count=st.integers(3, 12), readers=st.integers(1, 3), limit=some_limits)
def test_messages_in_a_gap_are_not_lost(chance: random.Random, count: int, readers: int, limit: int) -> None:
    said = messages(range(1, count + 1))
    room = Room(said, readers, limit=limit)
    streams = [lines(said) for _ in range(readers)]
    first = chance.randrange(count - 1)
    end = chance.randint(first + 1, count - 1)
    streams[0][first:end] = [gap(first, end)]
    feed_all(chance, room, streams)
    assert all(reader.at_goal for reader in room.readers)
    assert room.settle() == 0
    assert room.verdicts() == [SOUND] * readers
    assert [reader.missed for reader in room.readers] == [end - first] + [0] * (readers - 1)


def test_a_gap_that_starts_too_late_hides_nothing() -> None:
    said = messages(range(1, 6))
    room = Room(said, 2)
    room.feed(0, b"".join(lines(said)))
    room.feed(1, lines(said)[0] + gap(2, 4) + lines(said)[4])
    assert room.settle() == 1
    assert room.readers[1].missed == 2


def test_an_acknowledged_post_that_reaches_nobody_is_lost_for_every_member() -> None:
    said = messages([1, 2, 3])
    room = Room(said, 2)
    for index in range(2):
        room.feed(index, b"".join(lines(said[:2])))
    assert room.verifier.unshown == 1
    assert room.settle() == 2


def test_a_post_that_is_stored_twice_is_found_once() -> None:
    first, second = messages([1, 2])
    again = first.model_copy(update={"seq": 3, "prev": 2})
    room = Room([first, second], 2)
    for index in range(2):
        room.feed(index, b"".join(lines([first, second, again])))
    assert room.settle() == 0
    assert room.ledger.duplicated == 1


def test_posts_of_one_sender_in_another_order_are_found() -> None:
    one, two, three = messages([1, 2, 3])
    swapped = [
        three.model_copy(update={"seq": 1, "prev": 0}),
        two,
        one.model_copy(update={"seq": 3, "prev": 2}),
    ]
    room = Room([one, two, three], 1)
    room.feed(0, b"".join(lines(swapped)))
    assert (room.settle(), room.ledger.disordered) == (0, 1)


def test_a_slow_reader_does_not_hold_the_log() -> None:
    said = messages(range(1, 2_001))
    size = sum(map(len, lines(said)))
    room = Room(said, 2, limit=size // 10)
    for line in lines(said):
        room.feed(0, line)
    log = room.verifier.log
    assert log is not None
    assert len(log) <= size // 10
    assert not room.readers[1].at_goal
    assert room.readers[1].behind() == 2_000
    room.feed(1, b"".join(lines(said)))
    assert room.readers[1].delivered == 2_000
    assert room.settle() == 0
    assert room.verdicts() == [SOUND, SOUND]


def test_a_late_message_is_not_lost() -> None:
    said = messages(range(1, 5))
    room = Room(said, 2)
    room.feed(0, b"".join(lines(said)))
    one, two, three, four = lines(said)
    room.feed(1, one + three + four)
    assert room.readers[1].lost == 1
    room.feed(1, two)
    assert room.settle() == 0
    assert room.verdicts() == [SOUND, (0, 0, 1, 0)]


def test_the_log_restarts_at_a_slow_reader_when_the_others_are_gone() -> None:
    said = messages(range(1, 101))
    room = Room(said, 2, limit=1_000)
    for line in lines(said):
        room.feed(0, line)
    room.readers[0].leave_log()
    room.feed(1, b"".join(lines(said)))
    assert room.readers[1].delivered == 100
    assert room.ledger.duplicated == 0
    assert room.verdicts()[1] == SOUND


def test_messages_of_others_are_counted_but_have_no_time() -> None:
    own, other = messages([1, 2])
    foreign = other.model_copy(update={"id": "somebody's", "text": "hello"})
    room = Room([own], 1)
    room.feed(0, b"".join(lines([own, foreign])), now=4.0)
    assert room.readers[0].delivered == 2
    assert (room.verifier.delivery.count, room.verifier.delivery.maximum) == (1, 3.0)
    assert room.settle() == 0


def test_a_reader_that_joins_ahead_of_the_log_waits_for_it() -> None:
    said = messages([1, 2, 3, 4])
    room = Room(said, 1)
    room.join(after=2)
    room.feed(1, lines(said)[2])
    room.feed(0, b"".join(lines(said)))
    room.feed(1, lines(said)[3])
    assert [reader.delivered for reader in room.readers] == [4, 2]
    assert room.settle() == 0


def test_every_other_frame_is_passed_on() -> None:
    room = Room([], 1)
    room.feed(0, b"".join(NOISE))
    assert [frame.type for frame in room.frames] == ["presence", "ping", "ack"]
    assert room.frames[0] == Presence(room="bench", count=3)


@pytest.mark.parametrize(
    "data",
    [b"HTTP/1.1 400 Bad Request\r\n", b'{"type":"pong","token":5}\n', b"x" * (2**20 + 1)],
    ids=["foreign", "faulty", "endless"],
)
def test_bytes_that_are_not_the_protocol_are_an_error(data: bytes) -> None:
    room = Room([], 1)
    with pytest.raises(ProtocolError):
        room.feed(0, data)


def test_a_message_of_another_room_is_an_error() -> None:
    (message,) = messages([1])
    room = Room([message], 1)
    with pytest.raises(ProtocolError, match="elsewhere"):
        room.feed(0, encode(message.model_copy(update={"room": "elsewhere"})))


def test_a_log_that_starts_over_is_an_error() -> None:
    room = Room([], 1)
    with pytest.raises(ProtocolError, match="started over"):
        room.readers[0].join(Joined(room="bench", epoch="f", head=0, after=0, count=1))


WRONG = {
    "a gap that stays": gap(2, 2),
    "a gap that goes back": gap(2, 1),
    "a message that stays": b'"seq":3,"prev":3',
    "a message that goes back": b'"seq":3,"prev":9',
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("limit", [1, 2**20])
def test_what_does_not_move_the_position_is_out_of_order(wrong: str, limit: int) -> None:
    said = messages(range(1, 4))
    room = Room(said, 1, limit=limit)
    first, second, third = lines(said)
    room.feed(0, first + second)
    if wrong.startswith("a gap"):
        room.feed(0, WRONG[wrong] + third)
    else:
        room.feed(0, third.replace(b'"seq":3,"prev":2', WRONG[wrong]))
    assert room.settle() == 0
    assert room.verdicts() == [(0, 0, 1, 0)]
