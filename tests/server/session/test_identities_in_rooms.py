"""One account on several devices: what others see of it in rooms, its nick, and its posts."""

from typing import Any

import pytest

from chatcore.journal.memory import MemoryJournal
from chatcore.wire.plain import plain
from tests.protocol.frames import (
    Ack,
    Closing,
    Error,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Message,
    NickFrame,
    Ping,
    Pong,
    Post,
    Presence,
    Renamed,
    Who,
)
from tests.server.driver import Clock, Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.plain_login import plain_member
from tests.server.slow_journal import SlowJournal

PHONE, LAPTOP, DESK = key_of("ada"), key_of("ada", "laptop"), key_of("ada", "desk")


def house(journal: MemoryJournal | SlowJournal | None = None, **limits: Any) -> Host:
    """Return a host that knows the account ada."""
    return Host(journal, gate=KeyGate("ada"), **limits)


def observed(host: Host, *rooms: str) -> Peer:
    """Return somebody who is in rooms, and has learned of everybody there."""
    zoe = host.live("zoe")
    zoe.send(*(Join(room=room) for room in rooms or ("lobby",)))
    host.settle()
    zoe.take()
    return zoe


def news(host: Host, peer: Peer) -> list[Presence]:
    """Let presence be reported; return what a peer learns."""
    host.settle()
    return peer.take_all(Presence)


def clog(peer: Peer) -> None:
    """Let a peer stop to read, with something on its way."""
    peer.window = 0
    peer.send(Ping())


def unclog(peer: Peer) -> None:
    """Let a peer read again."""
    peer.window = None
    peer.drain()


# --- presence and counts -------------------------------------------------------------------------


def test_the_first_device_that_enters_a_room_is_news_once_and_counts_identities() -> None:
    host = house()
    zoe = observed(host)
    phone = host.member("ada", key=PHONE)
    laptop = host.member("ada", key=LAPTOP)
    assert (phone.one(Joined).count, laptop.one(Joined).count) == (2, 2)
    assert news(host, zoe) == [Presence(room="lobby", joined=("ada",), count=2)]
    zoe.send(Who(room="lobby"))
    assert zoe.one(Members) == Members(room="lobby", nicks=("ada", "zoe"), count=2, more=False)


def test_further_devices_come_and_go_unseen_and_get_their_own_answers() -> None:
    host = house()
    host.member("ada", key=PHONE)
    zoe = observed(host)
    laptop = host.member("ada", key=LAPTOP)
    desk = host.member("ada", key=DESK)
    laptop.send(Leave(room="lobby"))
    assert laptop.one(Left) == Left(room="lobby")
    desk.lose()
    assert news(host, zoe) == []


@pytest.mark.parametrize("lost", [False, True], ids=["leaves", "is lost"])
def test_the_last_device_that_goes_is_news_once(lost: bool) -> None:
    host = house()
    phone, laptop = host.member("ada", key=PHONE), host.member("ada", key=LAPTOP)
    zoe = observed(host)
    for peer in (phone, laptop):
        peer.lose() if lost else peer.send(Leave(room="lobby"))
    assert news(host, zoe) == [Presence(room="lobby", left=("ada",), count=1)]


def test_one_device_that_leaves_and_another_that_enters_within_an_interval_are_no_news() -> None:
    host = house()
    phone, laptop = host.member("ada", key=PHONE), host.live("ada", key=LAPTOP)
    zoe = observed(host)
    phone.send(Leave(room="lobby"))
    laptop.send(Join(room="lobby"))
    assert news(host, zoe) == []


def test_a_new_identity_with_the_nick_of_one_that_left_within_an_interval_is_no_news() -> None:
    host = house()
    phone = host.member("ada", key=PHONE)
    zoe = observed(host)
    before = phone.session.identity
    phone.eof()
    assert host.member("ada", key=LAPTOP).session.identity is not before
    assert news(host, zoe) == []


def test_one_device_that_leaves_and_another_that_renames_and_enters_are_a_change_of_nick() -> None:
    host = house()
    phone, laptop = host.member("ada", key=PHONE), host.live("ada", key=LAPTOP)
    zoe = observed(host)
    phone.send(Leave(room="lobby"))
    laptop.send(NickFrame(nick="ada-x"), Join(room="lobby"))
    assert news(host, zoe) == [Presence(room="lobby", renamed=(Renamed(old="ada", new="ada-x"),), count=2)]


def test_a_device_whose_join_with_history_waits_counts_as_being_there() -> None:
    clock = Clock()
    journal = SlowJournal(clock)
    host = house(journal, clock=clock)
    phone, laptop = host.member("ada", key=PHONE), host.live("ada", key=LAPTOP)
    zoe = observed(host)
    laptop.send(Join(room="lobby", history=5))
    phone.send(Leave(room="lobby"))
    assert news(host, zoe) == []
    journal.work()
    host.pump()
    assert laptop.one(Joined).count == 2
    assert news(host, zoe) == []


def test_a_full_room_lets_in_further_devices_of_those_who_are_there_and_nobody_new() -> None:
    host = house(members_per_room=2)
    host.member("ada", key=PHONE)
    observed(host)
    assert host.member("ada", key=LAPTOP).one(Joined).count == 2
    assert host.member("ada-ci", key=DESK).error().code == "limit_exceeded"
    assert host.member("yan").error().code == "limit_exceeded"


def test_who_names_each_identity_once_and_two_of_one_account_twice() -> None:
    host = house()
    for nick, key in (("ada", PHONE), ("ada", LAPTOP), ("ada-ci", DESK)):
        host.member(nick, key=key)
    zoe = observed(host)
    zoe.send(Who(room="lobby"))
    assert zoe.one(Members).nicks == ("ada", "ada-ci", "zoe")


def test_each_device_may_be_in_so_many_rooms() -> None:
    host = house(rooms_per_session=1)
    phone, laptop = host.member("ada", "a", key=PHONE), host.member("ada", "b", key=LAPTOP)
    assert phone.take_all(Error) + laptop.take_all(Error) == []
    phone.send(Join(room="b"))
    assert phone.error().code == "limit_exceeded"


# --- the nick ------------------------------------------------------------------------------------


def test_a_change_of_nick_is_answered_to_one_device_told_to_the_others_and_news_in_all_their_rooms() -> None:
    host = house()
    phone, laptop, desk = (host.live("ada", key=key) for key in (PHONE, LAPTOP, DESK))
    phone.send(Join(room="lobby"))
    laptop.send(Join(room="lobby"), Join(room="garden"))
    zoe = observed(host, "lobby", "garden")
    desk.send(NickFrame(nick="ada-x", token="t"))
    assert desk.take_all(NickFrame) == [NickFrame(nick="ada-x", token="t")]
    for peer in (phone, laptop):
        assert peer.take_all(NickFrame) == [NickFrame(nick="ada-x")]
    renamed = (Renamed(old="ada", new="ada-x"),)
    assert sorted(news(host, zoe), key=lambda presence: presence.room) == [
        Presence(room="garden", renamed=renamed, count=2),
        Presence(room="lobby", renamed=renamed, count=2),
    ]


def test_a_slow_device_is_owed_the_last_of_many_nicks_and_nothing_else() -> None:
    host = house(frames_per_second=None)
    phone, laptop = host.live("ada", key=PHONE), host.live("ada", key=LAPTOP)
    clog(laptop)
    for number in range(200):
        phone.send(NickFrame(nick=f"ada-{number}"))
    assert len(phone.take_all(NickFrame)) == 200
    assert laptop.session.replies.size == 0
    unclog(laptop)
    assert laptop.take() == [Pong(), NickFrame(nick="ada-199")]


def test_a_device_learns_its_new_nick_before_it_is_told_who_is_there() -> None:
    host = house()
    phone, laptop = host.live("ada", key=PHONE), host.member("ada", key=LAPTOP)
    host.settle()
    clog(laptop)
    laptop.send(Who(room="lobby"))
    phone.send(NickFrame(nick="ada-x"))
    host.settle()
    unclog(laptop)
    got = [type(frame) for frame in laptop.take()]
    assert got.index(NickFrame) < got.index(Members)


@pytest.mark.parametrize(
    ("nick", "code"), [("zoe", "forbidden"), ("ada-ci", "nick_taken"), ("ada-bot", "nick_taken")]
)
def test_identities_never_merge_and_never_take_what_is_not_theirs(nick: str, code: str) -> None:
    host = house()
    phone, bot = host.live("ada", key=PHONE), host.live("ada-ci", key=LAPTOP)
    bot.send(NickFrame(nick="ada-bot"))
    phone.send(NickFrame(nick=nick, token="t"))
    error = phone.error()
    assert (error.code, error.id) == (code, "t")
    assert phone.session.nick == "ada"


def test_a_device_may_return_to_the_home_nick_in_another_spelling() -> None:
    host = house()
    phone = host.live("ada", key=PHONE)
    phone.send(NickFrame(nick="ada-x"), NickFrame(nick="ADA"))
    assert [frame.nick for frame in phone.take_all(NickFrame)] == ["ada-x", "ADA"]
    assert host.is_free("ada-x")


def test_a_device_that_is_ending_and_still_read_out_learns_the_new_nick_too() -> None:
    host = house()
    phone, laptop = host.live("ada", key=PHONE), host.live("ada", key=LAPTOP)
    clog(laptop)
    laptop.eof()
    phone.send(NickFrame(nick="ada-x"))
    unclog(laptop)
    assert laptop.one(NickFrame) == NickFrame(nick="ada-x")
    assert laptop.closed


def test_the_answer_and_the_refusal_of_a_nick_repeat_the_token_of_the_request() -> None:
    host = house()
    phone = host.live("ada", key=PHONE)
    phone.send(NickFrame(nick="ada-x", token="one"), NickFrame(nick="root", token="two"))
    phone.send(NickFrame(nick="ada-y"))
    assert phone.take() == [
        NickFrame(nick="ada-x", token="one"),
        Error(code="bad_name", message="the nick root is reserved", id="two"),
        NickFrame(nick="ada-y"),
    ]


# --- posts ---------------------------------------------------------------------------------------


def test_a_post_of_one_device_comes_to_all_of_them_and_its_ack_to_that_one() -> None:
    host = house()
    phone, laptop = host.member("ada", key=PHONE), host.member("ada", key=LAPTOP)
    phone.post("hi")
    assert [message.nick for message in phone.take_all(Message)] == ["ada"]
    assert [message.text for message in laptop.take_all(Message)] == ["hi"]
    assert (len(phone.take_all(Ack)), laptop.take_all(Ack)) == (1, [])


def test_two_devices_that_post_one_id_store_one_message() -> None:
    host = house()
    phone, laptop = host.member("ada", key=PHONE), host.member("ada", key=LAPTOP)
    phone.send(Post(room="lobby", id="1", text="hi"))
    laptop.send(Post(room="lobby", id="1", text="hi"))
    assert (phone.one(Ack).seq, laptop.one(Ack).seq) == (1, 1)
    assert phone.texts() == laptop.texts() == ["hi"]
    laptop.send(Post(room="lobby", id="1", text="ho"))
    assert laptop.error().code == "conflict"


def test_a_refused_post_holds_up_the_device_that_sent_it_and_no_other() -> None:
    host = house(frames_burst=4, frames_per_second=1.0)
    phone, laptop = host.member("ada", key=PHONE), host.member("ada", key=LAPTOP)
    phone.post("1", "2", "3", "4", prefix="phone")
    assert [error.id for error in phone.take_all(Error)] == ["phone-3", "phone-4"]
    laptop.post("1", "2", prefix="laptop")
    assert laptop.take_all(Error) == []
    assert laptop.texts() == ["1", "2", "1", "2"]


# --- a plain member of an account ----------------------------------------------------------------


def test_a_plain_member_of_an_account_shares_its_identity() -> None:
    host = house()
    phone = host.member("ada", key=PHONE)
    zoe = observed(host)
    nc = plain_member(host, LAPTOP)
    assert news(host, zoe) == []
    assert host.hub.rooms["lobby"].count == 2
    phone.post("from the phone")
    nc.feed(b"from nc\n")
    assert nc.lines() == ["ada: from the phone"]
    assert [(message.nick, message.text) for message in phone.take_all(Message)] == [
        ("ada", "from the phone"),
        ("ada", "from nc"),
    ]
    phone.send(NickFrame(nick="ada-x"))
    assert nc.lines() == ["* you are now ada-x"]
    nc.eof()
    assert nc.closed
    assert phone.take_all(Closing) == []
    assert [presence.left for presence in news(host, zoe)] == [()]


def test_a_plain_member_of_an_account_gets_the_nick_it_asks_for_or_none() -> None:
    host = house()
    nc = plain_member(host, PHONE)
    observed(host)
    host.live("ada-ci", key=LAPTOP)
    nc.feed(b"/nick zoe\n/nick ada-ci\n/nick Ada-9\n")
    refused, taken, renamed = nc.lines()
    assert refused.endswith("(forbidden)")
    assert taken.endswith("(nick_taken)")
    assert renamed == "* you are now Ada-9"


def test_a_plain_member_without_an_account_never_gets_a_nick_of_one() -> None:
    host = house()
    nc = host.connect(plain, port=4711)
    nc.feed(b"/nick ada\n/nick Ada-2\n/nick zoe\n")
    assert [line.rpartition(" ")[2] for line in nc.lines()] == ["(forbidden)", "(forbidden)", "zoe"]
