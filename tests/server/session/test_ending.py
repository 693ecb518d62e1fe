"""How a connection ends: what is owed comes first, and nothing lasts for ever."""

import pytest

from chatcore.messages import (
    Ack,
    Closing,
    Error,
    Frame,
    Hello,
    History,
    Join,
    Joined,
    Members,
    Page,
    Ping,
    Pong,
    Post,
    Who,
)
from chatcore.server.endpoint import RECONNECT_AFTER
from chatcore.wire.plain import plain
from tests.server.driver import Clock, Host
from tests.server.slow_journal import SlowJournal

# --- the peer ends -------------------------------------------------------------------------------


def test_who_half_closes_still_gets_the_answers_to_what_it_sent() -> None:
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
def test_who_half_closes_still_gets_what_had_been_said(tail_bytes: int) -> None:
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


def test_a_join_with_history_is_answered_after_a_half_close_also_in_an_empty_room() -> None:
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


def test_the_last_line_needs_no_newline() -> None:
    ana = Host().member("ana")
    ana.feed(b'{"type":"post","room":"lobby","id":"id-1","text":"hi"}')
    ana.eof()
    assert ana.one(Ack).id == "id-1"


def test_an_end_before_hello_is_an_end() -> None:
    host = Host()
    peer = host.connect()
    peer.eof()
    assert peer.take() == []
    assert peer.closed
    assert len(host.endpoint) == 0


def test_the_end_of_a_stream_may_be_told_twice() -> None:
    ana = Host().member("ana")
    ana.window = 0
    ana.send(Ping(token="t"))
    ana.eof()
    ana.eof()
    ana.window = None
    ana.drain()
    assert ana.one(Pong).token == "t"
    assert ana.closed


def test_a_lost_connection_may_be_told_twice_and_leaves_nothing() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    ana.lose()
    ana.lose()
    assert host.hub.rooms["lobby"].count == 1
    assert len(host.endpoint) == 1
    bob.lose()
    assert host.hub.rooms == {}
    assert repr(host.hub) == "<Hub connections=0 rooms=0>"


def test_a_session_that_is_lost_while_an_answer_is_on_its_way_is_no_trouble() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.post("hi")
    ana.send(History(room="lobby"), Join(room="garden", history=1))
    ana.lose()
    journal.work()
    host.pump()
    assert host.hub.rooms["lobby"].head == 1
    assert host.hub.rooms["lobby"].count == 0


def test_who_reads_nothing_after_its_end_is_given_up() -> None:
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


def test_who_does_not_end_its_own_side_is_not_waited_for_long() -> None:
    host = Host()
    ana = host.connect()
    ana.send(Hello(protocol=0, nick="ana"))
    assert ana.ended
    closed = []
    for seconds in (0.9, 0.1):
        host.advance(seconds)
        closed.append(ana.closed)
    assert closed == [False, True]


def test_what_comes_after_the_last_word_is_thrown_away() -> None:
    ana = Host().connect()
    ana.send(Hello(protocol=0, nick="ana"))
    ana.take()
    assert ana.session.want_data
    ana.feed(b"x" * 1_000_000, b'\n{"type":"hello","protocol":1,"nick":"ana"}\n')
    assert ana.take() == []


# --- the server ends -----------------------------------------------------------------------------


def test_earlier_posts_are_kept_and_acknowledged_first_new_ones_refused_and_closing_is_last() -> None:
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
    error, ack, closing = ana.take()
    assert isinstance(error, Error)
    assert (error.code, error.room, error.id, error.retry_after) == ("unavailable", "lobby", "late", 1.0)
    assert isinstance(ack, Ack)
    assert (ack.id, ack.seq) == ("id-1", 1)
    assert closing == Closing(reason="drain", reconnect_after=2.5)
    assert ana.ended


def test_who_is_behind_is_read_out_before_the_end() -> None:
    host = Host(tail_bytes=1)
    ana, bob = host.member("ana"), host.member("bob")
    bob.window = 0
    ana.post(*map(str, range(50)))
    host.endpoint.drain()
    host.pump()
    bob.window = None
    bob.drain()
    *_, last = bob.take()
    assert last == Closing(reason="drain", reconnect_after=RECONNECT_AFTER)
    assert bob.positions["lobby"] == 50


def test_a_drain_lasts_no_longer_than_its_time_whatever_the_journal_does() -> None:
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


def test_whoever_has_not_said_hello_is_told_too() -> None:
    host = Host()
    peer = host.connect()
    host.endpoint.drain()
    host.pump()
    assert peer.take() == [Closing(reason="drain", reconnect_after=RECONNECT_AFTER)]
    assert peer.ended


def test_plain_members_are_told_in_their_way() -> None:
    host = Host()
    peer = host.connect(plain)
    host.endpoint.drain()
    host.pump()
    assert peer.lines() == ["* the server ends this connection (drain)"]
    assert peer.ended


def test_nobody_new_is_let_in_and_is_told_to_come_again() -> None:
    host = Host()
    host.endpoint.drain()
    peer = host.connect()
    assert peer.error().code == "unavailable"
    assert peer.ended
    assert peer.session.nick == ""


def test_draining_one_port_leaves_the_others_alone() -> None:
    host = Host()
    ana = host.member("ana")
    host.add_endpoint().drain()
    host.pump()
    ana.post("hi")
    assert ana.texts() == ["hi"]


@pytest.mark.parametrize(
    "frame", [Join(room="garden"), Who(room="lobby"), History(room="lobby")], ids=lambda frame: frame.type
)
def test_what_is_asked_after_the_end_began_is_refused(frame: Frame) -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    ana = host.member("ana")
    ana.post("on its way")
    host.endpoint.drain()
    assert isinstance(frame, Join | Who | History)
    ana.send(frame)
    assert ana.error().code == "unavailable"


def test_closing_the_port_loses_every_connection_at_once() -> None:
    host = Host()
    ana = host.member("ana")
    host.endpoint.close()
    assert ana.session.closed
    assert host.hub.rooms == {}
    host.hub.close()
    host.hub.close()
