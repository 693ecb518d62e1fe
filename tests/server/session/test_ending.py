"""How a connection ends: outstanding answers are sent first, and every wait is bounded."""

import pytest

from chatcore.limits import HistoryLimits
from chatcore.server.endpoint import RECONNECT_AFTER
from chatcore.wire.plain import plain
from tests.protocol.frames import (
    Ack,
    Closing,
    Error,
    Frame,
    Gap,
    Hello,
    History,
    Join,
    Joined,
    Members,
    Message,
    Page,
    Ping,
    Pong,
    Post,
    Who,
)
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal

# --- the client ends -----------------------------------------------------------------------------


def test_a_client_that_half_closes_still_gets_the_answers_to_its_requests() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    host.settle()
    ana.send(
        Post(room="lobby", id="id-1", text="hi"), Who(room="lobby"), History(room="lobby"), Ping(token="t")
    )
    ana.eof()
    assert not ana.ended
    journal.work()
    host.pump()
    assert ana.one(Ack).id == "id-1"
    assert ana.one(Members).count == 1
    assert ana.one(Page).room == "lobby"
    assert ana.one(Pong).token == "t"
    assert ana.take_all(Closing) == []
    assert ana.closed


@pytest.mark.parametrize("tail_bytes", [1, 1_000_000], ids=["journal", "tail"])
def test_a_client_that_half_closes_gets_its_rooms_up_to_its_own_last_post_and_no_further(
    tail_bytes: int,
) -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, tail_bytes=tail_bytes)
    ana, bob = host.member("ana"), host.member("bob")
    for peer in (ana, bob):
        peer.send(Join(room="garden"))
    bob.post("before", prefix="b")
    ana.post("one", "two")
    ana.post("elsewhere", room="garden", prefix="g")
    ana.eof()
    earlier, journal.waiting = journal.waiting, []
    bob.post("after", prefix="late")
    later, journal.waiting = journal.waiting, earlier
    while journal.waiting:
        journal.work()
        host.pump()
    assert later
    assert [ack.id for ack in ana.take_all(Ack)] == ["id-1", "id-2", "g-1"]
    messages = [(message.room, message.text) for message in ana.take_all(Message)]
    assert sorted(messages) == [
        ("garden", "elsewhere"),
        ("lobby", "before"),
        ("lobby", "one"),
        ("lobby", "two"),
    ]
    assert ana.closed


def test_a_client_that_half_closes_meets_no_gap_before_its_own_last_post() -> None:
    journal = SlowJournal(Clock(), HistoryLimits(memory_history_bytes=1))
    host = Host(journal, tail_bytes=1_000)
    ana, bob = host.member("ana"), host.member("bob")
    for number in range(20):
        bob.post("x" * 500, prefix=f"b-{number}")
    others, journal.waiting = journal.waiting, []
    ana.post("mine")
    ana.eof()
    own = journal.waiting
    for waiting in (others, own):
        journal.waiting = waiting
        while journal.waiting:
            journal.work()
            host.pump()
    assert ana.take_all(Gap) == []
    assert ana.texts() == ["x" * 500] * 20 + ["mine"]
    assert ana.closed


@pytest.mark.parametrize("tail_bytes", [1, 1_000_000], ids=["journal", "tail"])
def test_a_client_that_half_closes_still_gets_earlier_messages(tail_bytes: int) -> None:
    host = Host(tail_bytes=tail_bytes)
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post("in the socket", prefix="first")
    ana.post(*map(str, range(50)))
    bob.eof()
    bob.window = None
    bob.drain()
    assert bob.texts() == ["in the socket", *map(str, range(50))]
    assert bob.closed


def test_a_join_with_history_in_an_empty_room_is_answered_after_a_half_close() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.live("ana")
    ana.send(Join(room="lobby", history=5))
    ana.eof()
    assert not ana.ended
    journal.work()
    host.pump()
    assert ana.one(Joined).after == 0
    assert ana.closed


def test_the_last_line_before_the_end_of_the_stream_needs_no_newline() -> None:
    ana = Host().member("ana")
    ana.feed(b'{"type":"post","room":"lobby","id":"id-1","text":"hi"}')
    ana.eof()
    assert ana.one(Ack).id == "id-1"


def test_the_end_of_the_stream_before_hello_closes_the_connection() -> None:
    host = Host()
    peer = host.connect()
    peer.eof()
    assert peer.take() == []
    assert peer.closed
    assert len(host.endpoint) == 0


def test_receive_eof_may_be_called_twice() -> None:
    ana = Host().member("ana")
    ana.window = 0
    ana.send(Ping(token="t"))
    ana.eof()
    ana.eof()
    ana.window = None
    ana.drain()
    assert ana.one(Pong).token == "t"
    assert ana.closed


def test_connection_lost_may_be_called_twice_and_leaves_no_state() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    ana.lose()
    ana.lose()
    assert host.hub.rooms["lobby"].count == 1
    assert len(host.endpoint) == 1
    bob.lose()
    assert host.hub.rooms == {}
    assert repr(host.hub) == "<Hub connections=0 rooms=0>"


def test_answers_of_the_journal_to_a_lost_connection_are_ignored_and_its_post_is_stored() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.post("hi")
    ana.send(History(room="lobby"), Join(room="garden", history=1))
    ana.lose()
    journal.work()
    host.pump()
    assert not host.hub.rooms
    assert journal.memory._head("lobby") == 1


def test_a_client_that_half_closes_and_stops_reading_is_dropped_after_the_closing_limit() -> None:
    host = Host(closing_seconds=5.0)
    ana = host.member("ana")
    ana.window = 0
    ana.send(Ping())
    ana.eof()
    closed = []
    for seconds in (4.9, 0.1):
        host.advance(seconds)
        closed.append(ana.closed)
    assert closed == [False, True]


def test_a_client_that_does_not_end_its_own_side_is_dropped_after_a_second() -> None:
    host = Host()
    ana = host.connect()
    ana.send(Hello(protocol=0, nick="ana"))
    assert ana.ended
    closed = []
    for seconds in (0.9, 0.1):
        host.advance(seconds)
        closed.append(ana.closed)
    assert closed == [False, True]


def test_input_after_the_end_of_a_session_is_discarded() -> None:
    ana = Host().connect()
    ana.send(Hello(protocol=0, nick="ana"))
    ana.take()
    assert ana.session.want_data
    ana.feed(b"x" * 1_000_000, b'\n{"type":"hello","protocol":1,"nick":"ana"}\n')
    assert ana.take() == []


# --- the server drains ---------------------------------------------------------------------------


def test_a_drain_acknowledges_earlier_posts_refuses_new_ones_and_sends_closing_last() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.take()
    ana.post("before")
    host.endpoint.drain(reconnect_after=2.5)
    host.pump()
    ana.send(Post(room="Lobby", id="late", text="after"))
    assert not ana.ended
    journal.work()
    host.pump()
    error, ack, message, closing = ana.take()
    assert isinstance(error, Error)
    assert (error.code, error.room, error.id, error.retry_after) == ("unavailable", "lobby", "late", 1.0)
    assert isinstance(ack, Ack)
    assert (ack.id, ack.seq) == ("id-1", 1)
    assert isinstance(message, Message)
    assert (message.id, message.seq) == ("id-1", 1)
    assert closing == Closing(reason="drain", reconnect_after=2.5)
    assert ana.ended


def test_a_drain_delivers_the_backlog_before_closing() -> None:
    host = Host(tail_bytes=1)
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post(*map(str, range(50)))
    host.endpoint.drain()
    host.pump()
    bob.window = None
    bob.drain()
    assert bob.one(Closing) == Closing(reason="drain", reconnect_after=RECONNECT_AFTER)
    assert bob.texts() == list(map(str, range(50)))


def test_a_drain_ends_after_the_closing_limit_even_if_the_journal_never_answers() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal, closing_seconds=5.0)
    ana = host.member("ana")
    ana.post("never stored")
    host.endpoint.drain()
    host.pump()
    closed = []
    for seconds in (4.9, 0.1):
        host.advance(seconds)
        closed.append(ana.closed)
    assert closed == [False, True]
    assert len(host.endpoint) == 0


def test_a_drain_is_announced_to_clients_that_have_not_said_hello() -> None:
    host = Host()
    peer = host.connect()
    host.endpoint.drain()
    host.pump()
    assert peer.take() == [Closing(reason="drain", reconnect_after=RECONNECT_AFTER)]
    assert peer.ended


def test_a_drain_is_announced_to_plain_members_as_a_line() -> None:
    host = Host()
    peer = host.connect(plain)
    host.endpoint.drain()
    host.pump()
    assert peer.lines() == ["* the server ends this connection (drain)"]
    assert peer.ended


def test_a_new_connection_is_refused_as_unavailable_during_a_drain() -> None:
    host = Host()
    host.endpoint.drain()
    peer = host.connect()
    assert peer.error().code == "unavailable"
    assert peer.ended
    assert peer.session.nick == ""


def test_draining_one_endpoint_leaves_other_endpoints_running() -> None:
    host = Host()
    ana = host.member("ana")
    host.add_endpoint().drain()
    host.pump()
    ana.post("hi")
    assert ana.texts() == ["hi"]


@pytest.mark.parametrize(
    "frame", [Join(room="garden"), Who(room="lobby"), History(room="lobby")], ids=lambda frame: frame.type
)
def test_requests_are_refused_as_unavailable_during_a_drain(frame: Frame) -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.post("on its way")
    host.endpoint.drain()
    assert isinstance(frame, Join | Who | History)
    ana.send(frame)
    assert ana.error().code == "unavailable"


def test_closing_an_endpoint_ends_its_connections_immediately() -> None:
    host = Host()
    ana = host.member("ana")
    host.endpoint.close()
    assert ana.session.closed
    assert host.hub.rooms == {}
    host.hub.close()
    host.hub.close()
