"""Plain connections to a server where everybody needs a key: they log in with a line."""

import logging
from typing import Any

import pytest

from chatcore.wire.plain import plain
from tests.protocol.frames import Invite, Join, Message, NickFrame, Presence
from tests.server.driver import Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateGate
from tests.server.leftovers import left_in
from tests.server.plain_login import LOG_IN, login

KEY, LAPTOP = key_of("ada"), key_of("ada", "laptop")


def house(**limits: Any) -> Host:
    """Return a server with accounts only."""
    return Host(gate=KeyGate("ada", "bob", needs_keys=True), **limits)


def stranger(host: Host) -> Peer:
    """Return a plain connection that was asked for its key."""
    peer = host.connect(plain)
    assert peer.lines() == [LOG_IN]
    return peer


def member(host: Host, key: str = KEY) -> Peer:
    """Return a plain connection that has logged in."""
    peer = stranger(host)
    peer.feed(login(key))
    peer.lines()
    return peer


def test_whoever_logs_in_is_in_the_lobby_under_the_name_of_the_account() -> None:
    host = house()
    bob = host.member("bob", key=key_of("bob"))
    host.settle()
    bob.take()
    nc = stranger(host)
    nc.feed(login(KEY), b"hello\n")
    assert nc.lines() == ["* you are now ada"]
    assert bob.one(Message).nick == "ada"
    host.settle()
    assert bob.one(Presence).joined == ("ada",)


def test_it_joins_the_identity_that_is_there_under_its_present_nick() -> None:
    host = house()
    phone = host.member("ada", key=LAPTOP)
    phone.send(NickFrame(nick="ada-away"))
    nc = stranger(host)
    nc.feed(login(KEY))
    assert nc.lines() == ["* you are now ada-away"]
    assert host.hub.rooms["lobby"].count == 1
    phone.post("from the phone")
    assert nc.lines() == ["ada-away: from the phone"]


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"  ",
        b"/who",
        b"/nick zoe",
        b"/me waves",
        b"/help",
        b"/login",
        b"/login ",
        b"/login short",
        b"/login two keys",
        b"/login " + b"\xff" * 43,
        b"/login " + "\u00e9".encode() * 43,
        b"/login " + b"k" * 4_097,
        b"/loginx " + KEY.encode(),
        KEY.encode(),
        b"\xe9t\xe9",
    ],
)
def test_anything_else_is_answered_with_what_to_do(line: bytes) -> None:
    host = house()
    nc = stranger(host)
    nc.feed(b".\n", line + b"\n")
    assert nc.lines() == [LOG_IN] * 2
    assert not nc.ended
    nc.feed(login(KEY))
    assert nc.lines() == ["* you are now ada"]
    assert host.hub.statistics().messages == 0


@pytest.mark.parametrize(
    "line",
    [b"/login %s", b"/LOGIN %s", b" /login\t %s ", b"\x00/login %s"],
    ids=["as is", "loud", "wide", "NUL"],
)
def test_a_login_may_be_written_in_other_ways(line: bytes) -> None:
    nc = stranger(house())
    nc.feed(line % KEY.encode() + b"\r\n")
    assert nc.lines() == ["* you are now ada"]


def test_a_login_may_come_byte_by_byte_and_without_a_line_end() -> None:
    host = house()
    nc = stranger(host)
    nc.feed(*(bytes([byte]) for byte in login(KEY)[:-1]))
    host.advance(1.0)
    assert nc.lines() == ["* you are now ada"]


def test_a_wrong_key_is_refused_in_words_and_what_follows_is_dropped() -> None:
    host = house()
    nc = stranger(host)
    nc.feed(login("x" * 43) + b"secret\n" + login(KEY) + b"more\n")
    assert nc.lines() == ["* you are not known here (unauthorized)"]
    assert nc.ended
    assert host.hub.statistics().messages == 0


def test_what_follows_a_login_waits_for_its_answer() -> None:
    gate = LateGate("ada", needs_keys=True)
    host = Host(gate=gate)
    nc = stranger(host)
    nc.feed(login(KEY) + b"one\n", b"two\n/who\n")
    assert nc.lines() == []
    assert not nc.session.want_data
    gate.work()
    host.pump()
    host.settle()
    assert nc.lines() == ["* you are now ada", "* 1 here: ada"]
    assert host.hub.statistics().messages == 2


def test_nobody_is_counted_as_a_session_until_they_have_logged_in_and_that_has_a_deadline() -> None:
    host = house(handshake_seconds=10.0)
    nc = stranger(host)
    for _ in range(9):
        host.advance(1.0)
        nc.feed(b"hello\n")
    assert host.hub.statistics().sessions == 0
    nc.lines()
    host.advance(2.0)
    assert nc.lines() == [
        "* no login came in time (bad_state)",
        "* the server ends this connection (timeout)",
    ]
    host.advance(5.0)
    assert nc.closed
    assert left_in(host) == {}


def test_whoever_has_no_key_may_quit_or_end_the_stream() -> None:
    host = house()
    quits, ends = stranger(host), stranger(host)
    quits.feed(b"/quit\n")
    ends.eof()
    assert quits.ended
    assert ends.ended
    assert quits.lines() == ends.lines() == []


def test_a_frame_ends_the_connection_and_is_not_answered_with_what_it_holds() -> None:
    nc = stranger(house())
    nc.feed(b'{"type":"hello","protocol":1,"nick":"ada","key":"%s"}\n' % KEY.encode())
    (line,) = nc.lines()
    assert line.endswith("(bad_frame)")
    assert KEY not in line
    assert nc.ended


# --- keys stay secret ----------------------------------------------------------------------------


@pytest.mark.parametrize("needs_keys", [True, False])
@pytest.mark.parametrize(
    "line", [b"/login %s", b"/Login %s", b"  /login   %s", b"/login\t%s", b"/login %s more"]
)
def test_a_login_is_never_posted_also_where_there_is_no_need_for_it(line: bytes, needs_keys: bool) -> None:
    host = Host(gate=KeyGate("ada", needs_keys=needs_keys))
    nc = member(host) if needs_keys else host.connect(plain)
    nc.feed(line % KEY.encode() + b"\n")
    assert nc.lines() == ["* not sent: there is no need to log in here"]
    assert host.hub.statistics().messages == 0


def test_a_key_is_in_no_answer_and_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    host = house(line_bytes=2_000, text_bytes=100)
    key = KEY.encode()
    for line in (
        b"/login x " + key,
        b"/nick " + key,
        login("q" * 43),
        b"/login " + b"q" * 3_000,
    ):
        nc = stranger(host)
        nc.feed(line + b"\n")
        assert key not in nc.received
        assert b"qqqq" not in nc.received
        assert KEY not in repr(nc.session)
    text = "\n".join(record.getMessage() for record in caplog.records)
    assert KEY not in text
    assert "qqqq" not in text


# --- what happens to them ------------------------------------------------------------------------


def test_whoever_is_muted_is_told_in_words_and_can_still_read() -> None:
    host = house()
    nc, bob = member(host), host.member("bob", key=key_of("bob"))
    assert isinstance(host.gate, KeyGate)
    host.gate.mute("ada", "lobby")
    nc.feed(b"hello\n/me waves\n")
    assert nc.lines() == ["* you are muted in this room", *["* you are muted in this room (forbidden)"] * 2]
    again = stranger(host)
    again.feed(login(LAPTOP))
    assert again.lines() == ["* you are now ada", "* you are muted in this room"]
    again.lose()
    bob.post("good morning")
    assert nc.lines() == ["bob: good morning"]
    host.gate.lift("ada", "lobby")
    nc.feed(b"thanks\n")
    assert nc.lines() == ["* you may speak again in this room"]
    assert bob.texts() == ["good morning", "thanks"]


def test_whoever_is_put_out_is_told_in_words() -> None:
    host = house()
    nc = member(host)
    assert isinstance(host.gate, KeyGate)
    host.gate.expel("ada", "lobby")
    host.pump()
    assert nc.lines() == ["* you were put out of the room; to enter it again, connect again"]
    host.gate.ban("ada")
    host.pump()
    assert nc.lines() == ["* you may not (forbidden)", "* the server ends this connection (banned)"]
    assert nc.ended


def test_whoever_may_not_enter_the_lobby_is_told_so() -> None:
    host = house()
    assert isinstance(host.gate, KeyGate)
    host.gate.make_private("lobby", "bob")
    nc = stranger(host)
    nc.feed(login(KEY) + b"hello\n")
    assert nc.lines() == [
        "* you are now ada",
        "* you may not (forbidden)",
        "* join the room before you post to it (not_joined)",
    ]


def test_an_invite_that_another_device_asked_for_is_told_in_words() -> None:
    host = house()
    nc, phone = member(host), host.live("ada", key=LAPTOP)
    phone.send(Join(room="lobby"), Invite())
    assert nc.lines() == ["* somebody with your account asked for an invite for one more device"]
