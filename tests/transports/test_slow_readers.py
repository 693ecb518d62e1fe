"""A slow reader costs only itself: others do not wait, memory is flat, and slow is not stopped."""

from contextlib import closing
from itertools import count, islice
from typing import Any

from tests.protocol.frames import Ack, Gap, Message, Pong, Presence
from tests.transports.conftest import Serve
from tests.transports.peers import TypedPeer, line
from tests.transports.process import ServerProcess
from tests.transports.servers import Clock

MEGABYTE = 1024 * 1024
TEXT = "x" * 16_000
SMALL: dict[str, Any] = {"tail_bytes": 256 * 1024, "memory_history_bytes": 256 * 1024}

_ids = (f"much-{number}" for number in count())


def _say_much(speaker: TypedPeer, listener: TypedPeer, number: int) -> None:
    """Post texts one by one; each is read by another before the next is posted."""
    for id_ in islice(_ids, number):
        speaker.post(TEXT, id_)
        speaker.receive(Ack)
        speaker.receive(Message)
        assert len(listener.receive(Message).text) == len(TEXT)


def test_a_peer_that_reads_nothing_is_dropped_after_the_stall_limit(serve: Serve) -> None:
    clock = Clock()
    house = serve(clock=clock, stall_seconds=0.2, **SMALL)
    ann, bob, clogged = (
        house.member("ann"),
        house.member("bob"),
        house.member("clogged", receive_buffer=4_096),
    )
    _say_much(ann, bob, 1_300)
    clock.advance(0.19)
    ann.settle()
    assert "clogged" in bob.who()
    clock.advance(0.02)
    clock.release()
    bob.receive(Presence, where=lambda presence: "clogged" in presence.left)
    clogged.wait_for_end()
    assert house.hub.statistics().stalled == 1


def test_peers_that_read_nothing_cost_no_memory(transport_name: str) -> None:
    with closing(ServerProcess(transport_name, stall_seconds=None, **SMALL)) as server:
        ann, bob = server.member("ann"), server.member("bob")
        _say_much(ann, bob, 100)  # what is kept of a room is full now
        for number in range(3):
            server.member(f"clogged-{number}", receive_buffer=4_096)
        before = server.memory
        _say_much(ann, bob, 1_300)
        assert server.memory - before < 6 * MEGABYTE
        assert len(bob.who()) == 5


def test_a_slow_reader_is_kept_and_gets_everything(serve: Serve) -> None:
    clock = Clock()
    stall = 0.05
    house = serve(clock=clock, stall_seconds=stall, memory_history_bytes=16 * MEGABYTE)
    ann, slow = house.member("ann"), house.member("slow", receive_buffer=4_096)
    bystander = house.typed("bystander")
    for number in range(250):
        ann.post(TEXT, f"a-{number}")
        ann.receive(Ack)
    began = clock.now

    def let_time_pass(eaten: int) -> None:
        bystander.settle()  # the server has noticed
        clock.advance(eaten * stall / 80_000)

    slow.appetite, slow.after_meal = 4_096, let_time_pass
    messages = slow.receive_many(Message, 250)
    assert clock.now - began > 40 * stall
    assert [message.seq for message in messages] == list(range(1, 251))
    assert "slow" in ann.who()


def test_a_peer_that_asks_without_reading_is_not_read_from(transport_name: str) -> None:
    with closing(ServerProcess(transport_name)) as server:
        ann, bob = server.member("ann"), server.member("bob")
        ann.settle()
        before = server.memory
        ping = line("ping", token="x" * 64)
        sent = ann.send_until_stuck(ping, 64 * MEGABYTE)
        assert server.memory - before < 6 * MEGABYTE
        bob.post("nobody else noticed", "b-1")
        assert bob.receive(Message).seq == 1
        ann.receive_many(Pong, sent)


def test_expired_messages_are_a_gap_for_a_late_reader(serve: Serve) -> None:
    house = serve(**SMALL)
    ann, late = house.member("ann"), house.member("late", receive_buffer=4_096)
    for number in range(1_000):
        ann.post(TEXT, f"a-{number}")
        ann.receive(Ack)
    position = 0
    while position < 1_000:
        frame = late.receive_frame()
        if isinstance(frame, Message):
            assert frame.prev == position
            position = frame.seq
        elif isinstance(frame, Gap):
            assert (frame.after, frame.reason) == (position, "expired")
            position = frame.through


def test_a_clogged_peer_that_resets_is_gone_immediately(serve: Serve) -> None:
    house = serve(stall_seconds=None)
    bob, clogged = house.member("bob"), house.member("clogged", receive_buffer=4_096)
    clogged.send_until_stuck(line("ping", token="x" * 64), 64 * MEGABYTE)
    clogged.reset()
    bob.wait_until_alone()
