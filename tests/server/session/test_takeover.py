"""Taking over a nick with the secret, and for how long a nick is reserved."""

import pytest

from chatcore.address import Peer as Address
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain
from tests.protocol.frames import (
    Ack,
    Closing,
    Hello,
    Join,
    Joined,
    Members,
    Message,
    NickFrame,
    Ping,
    Presence,
    Renamed,
    Welcome,
    Who,
)
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal


def reconnect(host: Host, peer: Peer, nick: str = "ana") -> Peer:
    """Open another connection with the secret of an earlier one."""
    again = host.connect()
    again.send(Hello(protocol=1, nick=nick, session=peer.secret))
    again.secret = again.one(Welcome).session
    return again


def test_a_takeover_closes_the_old_connection_and_keeps_nick_and_secret() -> None:
    host = Host()
    old = host.member("ana")
    old.take()
    new = reconnect(host, old)
    assert new.secret == old.secret
    assert new.session.nick == "ana"
    assert old.take() == [Closing(reason="taken_over")]
    assert old.ended
    assert not host.is_free("ana")


def test_a_connection_that_was_taken_over_neither_posts_nor_receives() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    old.window = 0
    new = reconnect(host, old)
    old.post("late")
    bob.post("hi")
    old.window = None
    old.drain()
    assert old.texts() == []
    assert old.take_all(Ack) == []
    assert bob.texts() == ["hi"]
    new.send(Join(room="lobby"))
    assert new.one(Joined).count == 2


def test_a_takeover_within_a_presence_interval_is_not_reported() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    bob.take()
    reconnect(host, old).send(Join(room="lobby"))
    host.advance(1.0)
    assert bob.take() == []


def test_a_takeover_in_another_spelling_is_reported_as_a_change_of_nick() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    bob.take()
    new = reconnect(host, old, "Ana")
    new.send(Join(room="lobby"))
    host.settle()
    assert bob.take() == [Presence(room="lobby", renamed=(Renamed(old="ana", new="Ana"),), count=2)]


def test_a_takeover_may_change_the_nick() -> None:
    host = Host()
    old = host.live("ana")
    new = reconnect(host, old, "anna")
    assert (new.session.nick, new.secret) == ("anna", old.secret)
    assert host.is_free("ana")


def test_a_secret_does_not_unlock_the_nick_of_another_session() -> None:
    host = Host()
    host.live("bob")
    ana = host.live("ana")
    again = host.connect()
    again.send(Hello(protocol=1, nick="bob", session=ana.secret))
    assert again.error().code == "nick_taken"
    assert not ana.ended


def test_the_secret_stays_the_same_over_repeated_takeovers() -> None:
    host = Host()
    peer = host.live("ana")
    secret = peer.secret
    for _ in range(3):
        peer = reconnect(host, peer)
    peer.lose()
    assert reconnect(host, peer).secret == secret


def test_a_half_closed_connection_with_unsent_messages_can_be_taken_over() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    old.window = 0
    bob.post("hi")
    old.eof()
    new = reconnect(host, old)
    new.send(Join(room="lobby"))
    assert new.one(Joined).count == 2
    host.settle()
    new.send(Who(room="lobby"))
    assert new.one(Members).nicks == ("ana", "bob")
    old.window = None
    old.drain()
    assert old.take_all(Closing) == [Closing(reason="taken_over")]
    assert not host.is_free("ana")


def test_posts_in_flight_on_the_old_connection_are_stored_once() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    old = host.member("ana")
    old.post("one", "two")
    new = reconnect(host, old)
    new.send(Join(room="lobby"))
    new.post("one", "two", "three")
    journal.work()
    host.pump()
    assert [(ack.id, ack.seq) for ack in new.take_all(Ack)] == [("id-1", 1), ("id-2", 2), ("id-3", 3)]
    assert [message.text for message in new.take_all(Message)] == ["one", "two", "three"]


# --- how long a nick is reserved -----------------------------------------------------------------


def test_the_nick_of_a_broken_connection_is_reserved_for_its_owner() -> None:
    host = Host(session_seconds=120.0)
    ana = host.live("ana")
    ana.lose()
    host.advance(119.0)
    thief = host.connect()
    thief.send(Hello(protocol=1, nick="Ana"))
    refusal = thief.error()
    assert (refusal.code, refusal.retry_after) == ("nick_taken", 1.0)
    assert reconnect(host, ana).secret == ana.secret
    host.advance(20.0)
    assert not host.is_free("ana")


def test_a_nick_is_reserved_no_longer_than_the_limit() -> None:
    host = Host(session_seconds=120.0)
    ana = host.live("ana")
    ana.lose()
    free = []
    for seconds in (119.9, 0.1):
        host.advance(seconds)
        free.append(host.is_free("ana"))
    assert free == [False, True]


def test_each_broken_connection_restarts_the_reservation() -> None:
    host = Host(session_seconds=120.0)
    ana = host.live("ana")
    for _ in range(3):
        ana.lose()
        host.advance(100.0)
        ana = reconnect(host, ana)
    ana.lose()
    host.advance(100.0)
    assert not host.is_free("ana")


def test_a_broken_connection_on_another_endpoint_restarts_the_reservation() -> None:
    host = Host(session_seconds=120.0)
    ana = host.live("ana")
    ana.lose()
    host.advance(100.0)
    again = Peer(host, host.add_endpoint(), Address("192.0.2.9", 9), ndjson)
    again.send(Hello(protocol=1, nick="ana", session=ana.secret))
    again.lose()
    free = []
    for seconds in (100.0, 20.0):
        host.advance(seconds)
        free.append(host.is_free("ana"))
    assert free == [False, True]


def test_only_the_latest_nick_is_reserved() -> None:
    host = Host()
    ana = host.live("ana")
    ana.send(NickFrame(nick="anna"))
    ana.lose()
    assert host.is_free("ana")
    assert not host.is_free("anna")


def test_a_clean_end_frees_the_nick_immediately() -> None:
    host = Host()
    ana = host.member("ana")
    ana.eof()
    assert ana.closed
    assert host.is_free("ana")


def test_a_clean_end_frees_the_nick_even_if_the_connection_breaks_before_all_is_sent() -> None:
    host = Host()
    ana = host.member("ana")
    ana.window = 0
    ana.send(Ping())
    ana.eof()
    ana.lose()
    assert host.is_free("ana")


@pytest.mark.parametrize("stalled", [False, True], ids=["silent", "stalled"])
def test_the_nick_of_a_client_dropped_as_silent_or_stalled_stays_reserved(stalled: bool) -> None:
    host = Host(session_seconds=500.0)
    ana = host.live("ana")
    if stalled:
        ana.window = 0
        ana.send(Ping())
    host.advance(100.0)
    assert ana.closed
    assert not host.is_free("ana")
    assert reconnect(host, ana).secret == ana.secret


def test_the_nick_of_a_plain_member_is_free_immediately_however_it_leaves() -> None:
    host = Host()
    lost, ended = host.connect(plain, port=4711), host.connect(plain, port=4712)
    lost.lose()
    ended.eof()
    assert host.is_free("4711")
    assert host.is_free("4712")


def test_closing_an_endpoint_frees_the_nicks_used_and_reserved_on_it() -> None:
    host = Host()
    ana, bob = host.live("ana"), host.live("bob")
    ana.lose()
    host.endpoint.close()
    host.endpoint.close()
    assert bob.session.closed
    assert host.is_free("ana")
    assert host.is_free("bob")
