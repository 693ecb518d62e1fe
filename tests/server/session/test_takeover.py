"""A nick and who comes back to it: by the secret, and within a time."""

import pytest

from chatcore.address import Peer as Address
from chatcore.messages import (
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
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain
from tests.server.driver import Clock, Host, Peer
from tests.server.slow_journal import SlowJournal


def come_back(host: Host, peer: Peer, nick: str = "ana") -> Peer:
    """Open another connection with the secret of an earlier one."""
    again = host.connect()
    again.send(Hello(protocol=1, nick=nick, session=peer.secret))
    again.secret = again.one(Welcome).session
    return again


def is_free(host: Host, nick: str) -> bool:
    """Tell whether somebody without a secret could have a nick; nothing is changed by asking."""
    return host.hub.directory.is_free(nick)


def test_the_old_connection_is_told_and_the_new_one_keeps_nick_and_secret() -> None:
    host = Host()
    old = host.member("ana")
    old.take()
    new = come_back(host, old)
    assert new.secret == old.secret
    assert new.session.nick == "ana"
    assert old.take() == [Closing(reason="taken_over")]
    assert old.ended
    assert not is_free(host, "ana")


def test_the_old_connection_has_no_part_in_anything_any_more() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    old.window = 0
    new = come_back(host, old)
    old.post("late")
    bob.post("hi")
    old.window = None
    old.drain()
    assert old.texts() == []
    assert old.take_all(Ack) == []
    assert bob.texts() == ["hi"]
    new.send(Join(room="lobby"))
    assert new.one(Joined).count == 2


def test_who_is_back_before_anybody_was_told_was_never_away() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    bob.take()
    come_back(host, old).send(Join(room="lobby"))
    host.advance(1.0)
    assert bob.take() == []


def test_another_spelling_is_told_as_another_nick() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    bob.take()
    new = come_back(host, old, "Ana")
    new.send(Join(room="lobby"))
    host.settle()
    assert bob.take() == [Presence(room="lobby", renamed=(Renamed(old="ana", new="Ana"),), count=2)]


def test_one_may_come_back_by_another_nick() -> None:
    host = Host()
    old = host.live("ana")
    new = come_back(host, old, "anna")
    assert (new.session.nick, new.secret) == ("anna", old.secret)
    assert is_free(host, "ana")


def test_a_nick_of_another_is_not_to_be_had_by_ones_own_secret() -> None:
    host = Host()
    host.live("bob")
    ana = host.live("ana")
    again = host.connect()
    again.send(Hello(protocol=1, nick="bob", session=ana.secret))
    assert again.error().code == "nick_taken"
    assert not ana.ended


def test_the_secret_stays_the_same_however_often_one_comes_back() -> None:
    host = Host()
    peer = host.live("ana")
    secret = peer.secret
    for _ in range(3):
        peer = come_back(host, peer)
    peer.lose()
    assert come_back(host, peer).secret == secret


def test_one_that_has_said_goodbye_and_is_still_read_out_can_be_taken_over() -> None:
    host = Host()
    bob, old = host.member("bob"), host.member("ana")
    host.settle()
    old.window = 0
    bob.post("hi")
    old.eof()
    new = come_back(host, old)
    new.send(Join(room="lobby"))
    assert new.one(Joined).count == 2
    host.settle()
    new.send(Who(room="lobby"))
    assert new.one(Members).nicks == ("ana", "bob")
    old.window = None
    old.drain()
    assert old.take_all(Closing) == [Closing(reason="taken_over")]
    assert not is_free(host, "ana")


def test_posts_of_the_old_connection_that_were_on_their_way_are_kept_once() -> None:
    journal = SlowJournal(Clock())
    host = Host(journal)
    old = host.member("ana")
    old.post("one", "two")
    new = come_back(host, old)
    new.send(Join(room="lobby"))
    new.post("one", "two", "three")
    journal.work()
    host.pump()
    assert [(ack.id, ack.seq) for ack in new.take_all(Ack)] == [("id-1", 1), ("id-2", 2), ("id-3", 3)]
    assert [message.text for message in new.take_all(Message)] == ["one", "two", "three"]


# --- how long a nick waits -----------------------------------------------------------------------


def test_a_nick_whose_connection_broke_waits_for_its_owner() -> None:
    host = Host(session_seconds=120.0)
    ana = host.live("ana")
    ana.lose()
    host.advance(119.0)
    thief = host.connect()
    thief.send(Hello(protocol=1, nick="Ana"))
    assert thief.error().code == "nick_taken"
    assert come_back(host, ana).secret == ana.secret
    host.advance(20.0)
    assert not is_free(host, "ana")


def test_it_waits_no_longer_than_the_limit() -> None:
    host = Host(session_seconds=120.0)
    ana = host.live("ana")
    ana.lose()
    free = []
    for seconds in (119.9, 0.1):
        host.advance(seconds)
        free.append(is_free(host, "ana"))
    assert free == [False, True]


def test_each_break_begins_the_time_anew() -> None:
    host = Host(session_seconds=120.0)
    ana = host.live("ana")
    for _ in range(3):
        ana.lose()
        host.advance(100.0)
        ana = come_back(host, ana)
    ana.lose()
    host.advance(100.0)
    assert not is_free(host, "ana")


def test_it_does_so_also_when_the_connections_came_by_different_transports() -> None:
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
        free.append(is_free(host, "ana"))
    assert free == [False, True]


def test_the_nick_that_waits_is_the_last_one_that_was_taken() -> None:
    host = Host()
    ana = host.live("ana")
    ana.send(NickFrame(nick="anna"))
    ana.lose()
    assert is_free(host, "ana")
    assert not is_free(host, "anna")


def test_who_says_goodbye_frees_the_nick_at_once() -> None:
    host = Host()
    ana = host.member("ana")
    ana.eof()
    assert ana.closed
    assert is_free(host, "ana")


def test_who_says_goodbye_and_is_lost_before_all_was_written_frees_it_too() -> None:
    host = Host()
    ana = host.member("ana")
    ana.window = 0
    ana.send(Ping())
    ana.eof()
    ana.lose()
    assert is_free(host, "ana")


@pytest.mark.parametrize("stands_still", [False, True], ids=["silent", "stalled"])
def test_who_is_given_up_has_a_broken_connection_and_keeps_the_nick(stands_still: bool) -> None:
    host = Host(session_seconds=500.0)
    ana = host.live("ana")
    if stands_still:
        ana.window = 0
        ana.send(Ping())
    host.advance(100.0)
    assert ana.closed
    assert not is_free(host, "ana")
    assert come_back(host, ana).secret == ana.secret


def test_a_plain_members_name_is_free_at_once_however_it_goes() -> None:
    host = Host()
    lost, gone = host.connect(plain, port=4711), host.connect(plain, port=4712)
    lost.lose()
    gone.eof()
    assert is_free(host, "4711")
    assert is_free(host, "4712")


def test_a_port_that_closes_frees_the_nicks_that_wait_on_it() -> None:
    host = Host()
    ana, bob = host.live("ana"), host.live("bob")
    ana.lose()
    host.endpoint.close()
    host.endpoint.close()
    assert bob.session.closed
    assert is_free(host, "ana")
    assert is_free(host, "bob")
