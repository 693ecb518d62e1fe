"""What a hub has counted, compared with what happened."""

import dataclasses
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from chatcore.journal import Page as JournalPage
from chatcore.journal import PageGap, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.server.reads import OF_ONE_ADDRESS
from chatcore.server.statistics import RoomStatistics, Statistics
from chatcore.wire.plain import plain
from tests.protocol.frames import Gap, History, Join, Page, Position
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal


def test_a_new_hub_has_counted_nothing() -> None:
    assert Host().hub.statistics() == Statistics(
        connections=0,
        sessions=0,
        states={},
        subscriptions=0,
        rooms=(),
        reads=0,
        searches=0,
        turns=0,
        draining=False,
        accepted=0,
        turned_away=0,
        stalled=0,
        messages=0,
        refusals={},
        catch_ups=0,
        deliveries=0,
        received_bytes=0,
        sent_bytes=0,
        journal=None,
    )


def test_connections_and_sessions_are_those_of_now() -> None:
    host = Host()
    ana, _ = host.live("ana"), host.connect()
    before = host.hub.statistics()
    assert (before.connections, before.sessions, before.accepted) == (2, 1, 2)
    ana.lose()
    after = host.hub.statistics()
    assert (after.connections, after.sessions, after.accepted) == (1, 0, 2)


def test_a_session_that_was_taken_over_is_counted_once() -> None:
    host = Host()
    ana = host.live("ana")
    again = host.connect()
    again.feed(b'{"type":"hello","protocol":1,"nick":"ana","session":"%s"}\n' % ana.secret.encode())
    assert ana.closed or ana.ended
    if not ana.closed:
        ana.lose()
    counted = host.hub.statistics()
    assert (counted.connections, counted.sessions, counted.accepted) == (1, 1, 2)


def test_connections_that_a_limit_forbids_are_turned_away() -> None:
    host = Host(connections=1)
    host.live("ana")
    host.connect()
    host.connect()
    counted = host.hub.statistics()
    assert (counted.connections, counted.accepted, counted.turned_away) == (1, 1, 2)
    assert counted.refusals == {"limit_exceeded": 2}


def test_rooms_are_those_in_use_in_the_order_of_their_names() -> None:
    host = Host()
    ana = host.member("ana", "ops")
    host.member("bob", "ops")
    ana.send(Join(room="Lobby"))
    ana.post("one", "two", room="ops")
    rooms = host.hub.statistics().rooms
    assert [(room.room, room.head, room.count) for room in rooms] == [("lobby", 0, 1), ("ops", 2, 2)]
    assert {room.epoch for room in rooms} == {host.hub.rooms["ops"].epoch}


def test_messages_are_those_that_were_stored_whoever_posted_them() -> None:
    host = Host()
    host.member("ana").post("one", "two")
    host.hub.post("ops", "program", "three", id="3")
    host.hub.post("ops", "program", "three", id="3")
    host.hub.post("ops", "program", "four", id="3")
    assert host.hub.statistics().messages == 3


def test_refusals_are_counted_by_code() -> None:
    host = Host(text_bytes=10, line_bytes=2_000)
    ana = host.member("ana")
    ana.post("x" * 11, "y" * 11)
    ana.post("hello", room="elsewhere", prefix="more")
    assert host.hub.statistics().refusals == {"too_long": 2, "not_joined": 1}


def test_subscriptions_are_counted_apart() -> None:
    host = Host()
    with host.hub.subscribe("ops"):
        counted = host.hub.statistics()
        assert (counted.subscriptions, counted.connections, counted.sessions) == (1, 0, 0)
        assert [(room.room, room.count) for room in counted.rooms] == [("ops", 0)]
    assert host.hub.statistics().subscriptions == 0


def test_connections_are_counted_by_wire_and_state() -> None:
    host = Host(connections=3)
    host.member("ana")
    host.connect()
    host.connect(plain)
    host.connect()  # is refused, and is none of them
    counted = host.hub.statistics()
    assert {key: number for key, number in counted.states.items() if number} == {
        ("ndjson", "live"): 1,
        ("ndjson", "handshake"): 1,
        ("plain", "live"): 1,
    }
    assert len(counted.states) == 2 * 5
    for peer in host.peers.values():
        if not peer.closed:
            peer.lose()
    assert set(host.hub.statistics().states.values()) == {0}


@pytest.mark.parametrize("number", [1, 64])
def test_a_delivery_is_one_message_for_one_member(number: int) -> None:
    host = Host()
    ana, bob, cid = (host.member(nick) for nick in ("ana", "bob", "cid"))
    host.member("dee", "elsewhere")
    ana.post(*map(str, range(number)))
    ana.post("twice", room="elsewhere")  # is refused
    counted = host.hub.statistics()
    assert counted.deliveries == sum(len(peer.texts()) for peer in (ana, bob, cid)) == 3 * number
    assert counted.catch_ups == 0


def test_a_peer_is_not_delivered_its_own_posts_on_a_wire_that_does_not_give_them_back() -> None:
    host = Host()
    ana, bob = host.connect(plain), host.member("bob")
    ana.feed(b"one\ntwo\n")
    bob.post("three", "four", "five")
    assert sum("bob: " in line for line in ana.lines()) == 3
    assert len(bob.texts()) == 5
    assert host.hub.statistics().deliveries == 3 + 5


def test_of_a_piece_with_its_own_posts_a_peer_is_delivered_the_others() -> None:
    host = Host()
    ana, bob = host.connect(plain), host.member("bob")
    ana.feed(b"/who\n")
    ana.lines()
    ana.window = 0
    bob.post("zero", prefix="a")  # from here on, what comes waits
    ana.feed(b"one\n")
    bob.post("two", prefix="b")
    ana.feed(b"three\n")
    ana.window = None
    ana.drain()
    assert sum("bob: " in line for line in ana.lines()) == 2
    assert len(bob.texts()) == 4
    assert host.hub.statistics().deliveries == 2 + 4


class Damaged(MemoryJournal):
    """Cannot read its second message any more."""

    def read(self, room: str, deliver: Callable[[JournalPage | Unavailable], None], **options: Any) -> None:
        def spoil(page: JournalPage | Unavailable) -> None:
            assert isinstance(page, JournalPage)
            bad = page.messages[1]
            gap = PageGap(after=bad.prev, through=bad.seq, reason="damaged")
            kept = (page.messages[0], *page.messages[2:])
            deliver(replace(page, messages=kept, gaps=(gap,)))

        super().read(room, spoil, **options)


def test_of_a_page_with_damage_what_can_be_read_is_delivered() -> None:
    host = Host(Damaged(), tail_bytes=1_024)
    ana = host.member("ana")
    ana.post(*("x" * 1_000 for _ in range(5)))
    late = host.member("late", after=Position(epoch=host.hub.rooms["lobby"].epoch, seq=0))
    assert late.one(Gap).reason == "damaged"
    assert len(ana.texts()) == 5
    assert len(late.texts()) == 4
    assert host.hub.statistics().deliveries == 5 + 4


def test_what_a_program_reads_is_no_delivery_and_no_bytes() -> None:
    host = Host()
    with host.hub.subscribe("ops", history=10) as subscription:
        host.hub.post("ops", "ci", "green")
        assert [type(subscription.receive(timeout=5.0)).__name__ for _ in range(2)] == ["Joined", "Message"]
        counted = host.hub.statistics()
    assert (counted.deliveries, counted.catch_ups, counted.sent_bytes, counted.received_bytes) == (0, 0, 0, 0)


def test_what_a_member_catches_up_with_is_delivered_too() -> None:
    host = Host(tail_bytes=4_096, memory_history_bytes=1_000_000)
    ana, slow = host.member("ana"), host.member("slow")
    slow.window = 10
    for number in range(300):
        ana.post("x" * 100, prefix=str(number))
    before = host.hub.statistics()
    assert before.catch_ups == 0
    while slow.unsent:
        slow.window = None
        slow.drain()
    late = host.member("late", after=Position(epoch=host.hub.rooms["lobby"].epoch, seq=0))
    counted = host.hub.statistics()
    assert len(ana.texts()) == len(slow.texts()) == len(late.texts()) == 300
    assert counted.deliveries == 3 * 300
    assert counted.catch_ups >= 2


def test_a_page_with_gaps_counts_its_messages_alone() -> None:
    host = Host(tail_bytes=4_096, memory_history_bytes=8_192)
    ana = host.member("ana")
    for number in range(100):
        ana.post("x" * 100, prefix=str(number))
    late = host.member("late", after=Position(epoch=host.hub.rooms["lobby"].epoch, seq=0))
    assert len(late.take_all(Gap)) == 1
    assert 0 < len(late.texts()) == host.hub.statistics().deliveries - 100


def test_a_page_of_history_is_no_delivery() -> None:
    host = Host()
    ana = host.member("ana")
    ana.post("one", "two")
    ana.send(History(room="lobby", limit=10))
    assert len(ana.one(Page).messages) == 2
    assert host.hub.statistics().deliveries == 2


def test_bytes_are_all_that_peers_sent_and_got_also_those_that_are_gone() -> None:
    host = Host(connections=3)
    ana, bob, cid = host.member("ana"), host.member("bob"), host.connect(plain)
    refused = host.connect()
    ana.post(*map(str, range(50)))
    cid.feed(b"hello\n")
    sent = len(ana.received) + len(bob.received) + len(cid.received) + len(refused.received)
    before = host.hub.statistics()
    assert before.sent_bytes == sent
    bob.eof()
    cid.lose()
    after = host.hub.statistics()
    assert after.received_bytes == before.received_bytes
    cid.session.receive_data(b"nobody reads this")
    ana.feed(b'{"type":"ping"}\n')
    assert host.hub.statistics().received_bytes == before.received_bytes + 16


def test_a_peer_that_takes_nothing_is_stalled_once_and_one_that_is_silent_is_not() -> None:
    host = Host(stall_seconds=5.0, idle_seconds=20.0, keepalive_seconds=10.0)
    clogged = host.member("clogged")
    host.member("silent")
    clogged.window = 0
    host.hub.post("lobby", "ci", "hello")
    host.pump()
    assert clogged.unsent
    host.advance(4.0)
    assert host.hub.statistics().stalled == 0
    host.advance(100.0)
    counted = host.hub.statistics()
    assert (counted.stalled, counted.connections) == (1, 0)


def test_reads_that_wait_are_counted() -> None:
    clock = Clock()
    host = Host(SlowJournal(clock), clock=clock)
    for number in range(6):
        host.member(f"n{number}", history=5)
    assert host.hub.statistics().reads == 6 - OF_ONE_ADDRESS


def test_a_hub_that_is_drained_says_so() -> None:
    host = Host()
    assert not host.hub.statistics().draining
    host.endpoint.drain()
    assert host.hub.statistics().draining
    assert host.hub.why_unhealthy() == "the server is closing"


def test_what_was_returned_does_not_change() -> None:
    host = Host()
    counted = host.hub.statistics()
    host.member("ana").post("hello", room="elsewhere")
    assert (counted.connections, counted.rooms, counted.refusals) == (0, (), {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        counted.connections = 5  # type: ignore[misc]  # that is the test
    with pytest.raises(dataclasses.FrozenInstanceError):
        RoomStatistics("lobby", "e", 1, 1).head = 5  # type: ignore[misc]  # that is the test
