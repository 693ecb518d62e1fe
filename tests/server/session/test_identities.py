"""One account on several devices: who gets which nick by which proof, and what stays when devices end."""

from typing import Any

import pytest

from chatcore.server.directory import ARRIVALS_BURST
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
    Pong,
    Post,
    Presence,
    Welcome,
    Who,
)
from tests.server.driver import Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateGate
from tests.server.leftovers import left_in

PHONE, LAPTOP, DESK = key_of("ada"), key_of("ada", "laptop"), key_of("ada", "desk")
BOB = key_of("bob")
UNKNOWN = "s" * 32


def house(*, needs_keys: bool = False, **limits: Any) -> Host:
    """Return a host that knows the accounts ada and bob."""
    return Host(gate=KeyGate("ada", "bob", needs_keys=needs_keys), **limits)


def welcome(peer: Peer) -> Welcome:
    """Return what a peer was welcomed with."""
    assert peer.reader is not None
    assert peer.reader.welcome is not None
    return peer.reader.welcome


def refusal(peer: Peer) -> str:
    """Return why a peer was refused, which is the end of it."""
    code = peer.error().code
    assert peer.take() == []
    assert peer.ended
    return code


def count(host: Host, room: str = "lobby") -> int:
    """Return how many identities are in a room."""
    return host.hub.rooms[room].count


# --- hello ---------------------------------------------------------------------------------------


def test_without_a_key_that_is_demanded_there_is_one_answer_whatever_is_wrong() -> None:
    gate = KeyGate("ada", needs_keys=True)
    host = Host(gate=gate)
    gate.revoke("ada", "lost")
    keys = [None, key_of("nobody"), key_of("ada", "lost"), "x" * 43]
    peers = [host.hello("ada", key=key) for key in keys]
    assert len({peer.received for peer in peers}) == 1
    assert [refusal(peer) for peer in peers] == ["unauthorized"] * 4


def test_a_key_that_is_revoked_while_the_gate_is_asked_lets_nobody_in_and_takes_nobody_over() -> None:
    gate = LateGate("ada", hasty=True)
    host = Host(gate=gate)
    phone = host.hello("ada", key=PHONE)
    gate.work()
    host.pump()
    laptop = host.hello("ada", key=LAPTOP, session=phone.one(Welcome).session)
    gate.revoke("ada", "laptop")
    gate.work()  # as it was decided before
    host.pump()
    assert refusal(laptop) == "unauthorized"
    assert not phone.ended
    phone.eof()
    assert left_in(host) == {}


@pytest.mark.parametrize("nick", ["root", "4711"])
def test_a_reserved_nick_is_refused_also_with_a_key_and_a_secret(nick: str) -> None:
    host = house()
    ada = host.live("ada", key=PHONE)
    assert refusal(host.hello(nick, key=PHONE, session=ada.secret)) == "bad_name"
    assert not ada.ended


@pytest.mark.parametrize("there", ["live", "reserved", "nobody"])
@pytest.mark.parametrize(
    ("nick", "key"), [("bob", PHONE), ("zoe", PHONE), ("bob", None), ("BOB-ci", None)], ids=repr
)
def test_a_nick_that_is_not_owned_is_forbidden_whether_anybody_is_there_or_not(
    nick: str, key: str | None, there: str
) -> None:
    host = house()
    if there != "nobody":
        owner = host.live(nick, key=BOB if nick != "zoe" else None)
        if there == "reserved":
            owner.lose()
    words = host.hello(nick, key=key)
    assert words.received == Host(gate=KeyGate("ada", "bob")).hello(nick, key=key).received
    assert refusal(words) == "forbidden"


def test_a_key_gets_a_nick_that_its_account_owns_and_a_secret_of_its_own() -> None:
    host = house()
    ada = welcome(host.live("Ada", key=PHONE))
    assert (ada.nick, ada.account, ada.role) == ("Ada", "ada", "member")
    assert len(ada.session) >= 32
    zoe = welcome(host.live("zoe"))
    assert (zoe.account, zoe.role) == (None, None)


@pytest.mark.parametrize("there", ["live", "reserved"])
@pytest.mark.parametrize("nick", ["ADA", "ada-x"], ids=["home", "present"])
def test_a_key_joins_the_identity_of_a_nick_under_its_present_nick_and_nobody_notices(
    nick: str, there: str
) -> None:
    host = house()
    bob, phone = host.member("bob", key=BOB), host.member("ada", key=PHONE)
    phone.send(NickFrame(nick="Ada-X"))
    host.settle()
    bob.take()
    if there == "reserved":
        phone.lose()
    laptop = host.live(nick, key=LAPTOP)
    assert welcome(laptop).nick == "Ada-X"
    assert laptop.secret != phone.secret
    laptop.send(Join(room="lobby"))
    assert laptop.one(Joined).count == 2
    host.settle()
    assert bob.take() == []
    assert phone.take_all(Closing) == []


def test_another_nick_of_the_account_is_a_second_identity() -> None:
    host = house()
    host.member("ada", key=PHONE)
    bot = host.member("ada-ci", key=LAPTOP)
    assert bot.one(Joined).count == 2
    host.settle()
    bot.send(Who(room="lobby"))
    assert bot.one(Members).nicks == ("ada", "ada-ci")


def test_a_secret_with_a_key_of_its_account_takes_over_that_one_session() -> None:
    host = house()
    phone, desk = host.live("ada", key=PHONE), host.live("ada", key=DESK)
    again = host.live("ada-x", key=LAPTOP, session=phone.secret)
    assert (welcome(again).nick, again.secret) == ("ada", phone.secret)
    assert phone.take() == [Closing(reason="taken_over")]
    assert not desk.ended
    assert host.is_free("ada-x")


@pytest.mark.parametrize("owner", ["bob", "zoe"], ids=["another account", "nobody"])
def test_a_secret_of_somebody_else_counts_as_none_and_is_not_adopted(owner: str) -> None:
    host = house()
    other = host.live(owner, key=BOB if owner == "bob" else None)
    ada = host.live("ada", key=PHONE, session=other.secret)
    assert (welcome(ada).nick, ada.secret != other.secret) == ("ada", True)
    assert other.take() == []
    assert not other.ended


def test_an_unknown_secret_is_adopted_for_the_new_seat() -> None:
    host = house()
    phone = host.live("ada", key=PHONE)
    laptop = host.live("ada", key=LAPTOP, session=UNKNOWN)
    assert (laptop.secret, phone.ended) == (UNKNOWN, False)
    assert host.live("ada", key=DESK, session="short").secret != "short"


@pytest.mark.parametrize(("needs_keys", "code"), [(True, "unauthorized"), (False, "forbidden")])
def test_a_secret_of_an_account_proves_nothing_without_a_key(needs_keys: bool, code: str) -> None:
    host = house(needs_keys=needs_keys)
    ada = host.live("ada", key=PHONE)
    assert refusal(host.hello("ada", session=ada.secret)) == code
    assert not ada.ended


def test_without_keys_a_nick_is_whoevers_takes_it_first_and_its_secret_takes_over_and_renames() -> None:
    host = house()
    zoe = host.live("zoe")
    assert refusal(host.hello("zoe")) == "nick_taken"
    again = host.live("zoe-2", session=zoe.secret)
    assert zoe.take() == [Closing(reason="taken_over")]
    assert welcome(again).nick == "zoe-2"
    again.lose()
    assert refusal(host.hello("Zoe-2")) == "nick_taken"


def test_an_account_has_only_so_many_sessions_over_all_its_identities() -> None:
    host = house(sessions_per_account=2)
    phone, bot = host.live("ada", key=PHONE), host.live("ada-ci", key=LAPTOP)
    assert refusal(host.hello("ada", key=DESK)) == "limit_exceeded"
    host.live("ada", key=DESK, session=phone.secret)  # a takeover is no further one
    host.live("bob", key=BOB)
    host.live("zoe")
    bot.lose()
    host.live("ada", key=LAPTOP)  # a seat without a session does not count


CONVERSATION = (
    Join(room="lobby"),
    Post(room="lobby", id="1", text="one"),
    Ping(token="t"),
    Who(room="lobby"),
)


def converse(host: Host, *, together: bool, ends: bool) -> Peer:
    """Say hello with a key and much more, in one segment or in many."""
    ada = host.connect()
    frames = (Hello(protocol=1, nick="ada", key=PHONE), *CONVERSATION)
    for part in [frames] if together else [[frame] for frame in frames]:
        ada.send(*part)
    if ends:
        ada.eof()
    return ada


@pytest.mark.parametrize("ends", [False, True], ids=["stays", "ends"])
@pytest.mark.parametrize("together", [False, True])
def test_what_follows_a_pending_hello_waits_unread_and_is_done_in_its_order(
    together: bool, ends: bool
) -> None:
    gate = LateGate("ada")
    late, prompt = Host(gate=gate), house()
    ada = converse(late, together=together, ends=ends)
    assert ada.take() == []
    wanted = [ada.session.want_data]
    gate.work()
    late.pump()
    late.settle()
    wanted.append(ada.session.want_data)
    assert wanted == [False, True]
    other = converse(prompt, together=True, ends=ends)
    prompt.settle()
    got = [type(frame) for frame in ada.take()]
    assert got == [type(frame) for frame in other.take()]
    assert set(got) == {Welcome, Pong, Joined, Ack, Message, Members, Presence}
    assert ada.closed == ends


def test_what_follows_a_refused_hello_is_dropped_without_an_answer() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    ada = host.connect()
    ada.send(Hello(protocol=1, nick="bob"), *CONVERSATION)
    assert ada.take() == []
    gate.add("bob")
    gate.work()
    host.pump()
    assert refusal(ada) == "forbidden"
    assert host.hub.rooms == {}


def test_a_second_hello_after_a_pending_one_is_a_bad_state() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    ada = host.connect()
    ada.send(Hello(protocol=1, nick="ada", key=PHONE), Hello(protocol=1, nick="zoe"))
    gate.work()
    host.pump()
    assert (ada.one(Welcome).nick, ada.error().code) == ("ada", "bad_state")
    assert not ada.ended


@pytest.mark.parametrize("end", ["lost", "drain", "time is up"])
def test_an_answer_to_a_hello_that_nobody_waits_for_any_more_creates_nothing(end: str) -> None:
    gate = LateGate("ada")
    host = Host(gate=gate, handshake_seconds=10.0)
    ada = host.hello("ada", key=PHONE)
    if end == "lost":
        ada.lose()
    elif end == "drain":
        host.endpoint.drain()
        host.pump()
        assert [type(frame) for frame in ada.take()] == [Closing]
    else:
        host.advance(10.0)
        error, closing = ada.error(), ada.one(Closing)
        assert (error.code, closing.reason) == ("unavailable", "timeout")
        assert error.retry_after is not None
    gate.work()
    host.pump()
    assert ada.take() == []
    assert host.is_free("ada")
    host.advance(10.0)
    assert left_in(host) == {}


def test_nothing_says_how_many_sessions_an_identity_has() -> None:
    host = house()
    alone = welcome(host.live("bob", key=BOB)).limits
    host.live("ada", key=PHONE)
    laptop = host.live("ada", key=LAPTOP)
    assert welcome(laptop).limits == alone


# --- the end of a session ------------------------------------------------------------------------


def test_a_device_that_is_lost_while_others_stay_comes_back_by_its_key_with_its_secret() -> None:
    host = house()
    phone, laptop = host.member("ada", key=PHONE), host.member("ada", key=LAPTOP)
    phone.lose()
    assert len(laptop.session.identity.seats if laptop.session.identity else ()) == 1
    again = host.live("ada", key=PHONE, session=phone.secret)
    assert again.secret == phone.secret
    assert not laptop.ended


def test_the_present_nick_is_kept_for_any_device_after_the_last_one_is_lost() -> None:
    host = house(session_seconds=120.0)
    phone, laptop = host.live("ada", key=PHONE), host.live("ada", key=LAPTOP)
    laptop.send(NickFrame(nick="ada-x"))
    laptop.lose()
    phone.lose()
    host.advance(119.9)
    assert not host.is_free("ada-x")
    assert welcome(host.live("ada", key=DESK)).nick == "ada-x"


def test_a_nick_stays_taken_when_the_time_of_its_reservation_passes_after_a_return() -> None:
    host = house(session_seconds=120.0, keepalive_seconds=None, idle_seconds=None)
    phone = host.live("ada", key=PHONE)
    phone.send(NickFrame(nick="ada-x"))
    phone.lose()
    host.advance(100.0)
    again = host.live("ada", key=PHONE, session=phone.secret)
    host.advance(100.0)
    assert not host.is_free("ada-x")
    again.lose()
    host.advance(100.0)
    assert not host.is_free("ada-x")
    host.advance(20.0)
    assert host.is_free("ada-x")


def test_once_nobody_has_come_back_in_time_the_next_hello_begins_with_the_nick_it_asks_for() -> None:
    host = house(session_seconds=120.0)
    phone = host.live("ada", key=PHONE)
    phone.send(NickFrame(nick="ada-x"))
    phone.lose()
    host.advance(120.0)
    assert left_in(host) == {}
    assert welcome(host.live("ada", key=PHONE, session=phone.secret)).nick == "ada"


def test_a_goodbye_of_one_device_leaves_the_others_and_that_of_the_last_forgets_all() -> None:
    host = house()
    phone, laptop = host.live("ada", key=PHONE), host.live("ada", key=LAPTOP)
    phone.send(NickFrame(nick="ada-x"))
    phone.eof()
    assert phone.closed
    assert welcome(host.live("ada", key=DESK)).nick == "ada-x"
    for peer in list(host.peers.values()):
        if not peer.closed:
            peer.eof()
    assert laptop.closed
    assert host.is_free("ada")
    assert host.is_free("ada-x")


def test_a_takeover_of_a_session_that_said_goodbye_and_is_read_out_shows_nothing_to_others() -> None:
    host = house()
    bob, phone, laptop = (
        host.member("bob", key=BOB),
        host.member("ada", key=PHONE),
        host.member("ada", key=LAPTOP),
    )
    host.settle()
    bob.take()
    phone.window = 0
    bob.post("for the phone")
    phone.eof()
    assert not phone.ended
    again = host.live("ada", key=PHONE, session=phone.secret)
    again.send(Join(room="lobby"))
    host.settle()
    assert again.secret == phone.secret
    assert bob.take_all(Presence) == []
    assert not laptop.ended
    phone.window = None
    phone.drain()
    assert phone.one(Closing).reason == "taken_over"
    assert not host.is_free("ada")


# --- how often -----------------------------------------------------------------------------------


def test_a_takeover_takes_over_what_may_still_be_sent() -> None:
    host = house(frames_burst=10, frames_per_second=1.0)
    phone = host.live("ada", key=PHONE)
    sent = 0
    for _ in range(5):
        phone.send(*[Ping()] * 20)
        sent += len(phone.take_all(Pong))
        phone = host.live("ada", key=PHONE, session=phone.secret)
    assert sent == 9  # of the first ten the hello has taken one


def test_an_account_says_hello_only_so_often() -> None:
    host = house(sessions_per_account=None)
    phone = host.live("ada", key=PHONE)
    for _ in range(ARRIVALS_BURST - 1):
        phone = host.live("ada", key=PHONE, session=phone.secret)
    error = host.hello("ada", key=PHONE, session=phone.secret).error()
    assert (error.code, error.retry_after) == ("rate_limited", 2.0)
    assert not phone.ended
    host.live("bob", key=BOB)
    for number in range(20):
        host.live(f"n{number}")
    host.advance(2.0)
    assert host.live("ada", key=PHONE, session=phone.secret).secret == phone.secret
