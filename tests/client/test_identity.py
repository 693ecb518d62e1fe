"""Who a client is: its nick and who changes it, its account, its secrets, and how it is put out."""

import json

import pytest

from chatcore import (
    DisconnectedError,
    Error,
    Left,
    Message,
    NickFrame,
    Offline,
    RefusedError,
    UsageError,
    new_key,
)
from chatcore.client.identity import NICKS
from chatcore.client.session import ClientSession
from tests.client.script import Script, line, message

KEY = "k" * 43
INVITE = "an-invite"


@pytest.fixture
def ana() -> Script:
    return Script("ana", "lobby")


# --- nicks ---------------------------------------------------------------------------------------


def test_a_nick_that_another_device_took_is_no_answer(ana: Script) -> None:
    asked = ana.session.set_nick("bob")
    (frame,) = ana.sent()
    assert frame["nick"] == "bob"
    ana.say("nick", nick="cleo")
    ana.say("nick", nick="bob")  # the same as we asked for, and still not the answer
    assert not asked.done
    ana.say("nick", nick="Bob", token=frame["token"])
    assert asked.result().nick == ana.session.identity.nick == "Bob"
    assert [event.nick for event in ana.events() if isinstance(event, NickFrame)] == ["cleo", "bob", "Bob"]


def test_two_changes_of_nick_are_told_apart_by_their_tokens(ana: Script) -> None:
    first, second = ana.session.set_nick("one"), ana.session.set_nick("two")
    tokens = [frame["token"] for frame in ana.sent()]
    ana.say("nick", nick="two", token=tokens[1])
    ana.say("error", code="nick_taken", message="in use", id=tokens[0])
    assert second.result().nick == "two"
    with pytest.raises(RefusedError, match="nick_taken"):
        first.result()


def test_an_error_of_something_else_refuses_no_change_of_nick(ana: Script) -> None:
    asked = ana.session.set_nick("bob")
    ana.sent()
    ana.say("error", code="unavailable", message="not now")
    assert not asked.done
    assert isinstance(ana.events()[-1], Error)


def test_a_nick_that_changed_while_we_were_away_is_an_event(ana: Script) -> None:
    ana.events()
    ana.cut()
    assert ana.connect(nick="anna")["nick"] == "ana"
    assert ana.session.identity.nick == "anna"
    assert ana.types() == ["offline", "online", "nick"]
    ana.cut()
    assert ana.connect(nick="anna")["nick"] == "anna"
    assert ana.types() == ["offline", "online"]


# --- accounts ------------------------------------------------------------------------------------


def test_a_key_is_sent_and_shown_to_nobody() -> None:
    ana = Script("ana", key=KEY)
    ana.cut()
    hello = ana.connect(nick="ana", account="ana", role="member")
    assert hello["key"] == KEY
    shown = (ana.session, ana.session.identity, ana.session.welcome, ana.session.welcome.frame)
    for each in (*shown, ana.session.identity.hello()):
        assert KEY not in repr(each)
        assert KEY not in str(each)


def test_without_a_key_none_is_sent(ana: Script) -> None:
    assert "key" not in Script("bob").connect(nick="bob")


@pytest.mark.parametrize("key", ["short", f"{KEY} ", "é" * 43, "k" * 4_097])
def test_an_invalid_key_is_a_usage_error_without_it(key: str) -> None:
    with pytest.raises(UsageError, match="key") as raised:
        ClientSession("ana", key=key)
    assert key not in str(raised.value)


def test_a_new_key_is_one_and_never_the_same() -> None:
    keys = {new_key() for _ in range(100)}
    assert len(keys) == 100
    for key in keys:
        ClientSession("ana", key=key)


def test_an_invite_goes_with_the_key_until_a_welcome_has_come() -> None:
    session = ClientSession("ana", key=KEY, invite=INVITE, reconnect=True)
    session.connection_made()
    (hello,) = map(json.loads, session.data_to_send().splitlines())
    assert (hello["key"], hello["invite"]) == (KEY, INVITE)
    ana = Script("ana", key=KEY, invite=INVITE)
    ana.cut()
    again = ana.connect(nick="ana")
    assert (again["key"], again.get("invite")) == (KEY, None)


def test_an_invite_that_was_refused_for_a_while_is_for_the_caller_to_show_again() -> None:
    session = ClientSession("ana", key=KEY, invite=INVITE, reconnect=True)
    session.connection_made()
    session.receive_data(line("error", code="unavailable", message="not now", retry_after=1.0))
    assert isinstance(session.error, RefusedError)
    assert session.error.retry_after == 1.0


def test_an_invite_is_shown_to_nobody() -> None:
    session = ClientSession("ana", key=KEY, invite=INVITE)
    for each in (session, session.identity, session.welcome, session.welcome.frame, session.identity.hello()):
        assert INVITE not in repr(each)
        assert INVITE not in str(each)


@pytest.mark.parametrize("invite", ["", f"{INVITE} ", "é", "i" * 129])
def test_an_invalid_invite_is_a_usage_error_without_it(invite: str) -> None:
    with pytest.raises(UsageError, match="an invite is 1 to 128") as raised:
        ClientSession("ana", key=KEY, invite=invite)
    assert not invite or invite not in str(raised.value)


def test_an_invite_without_a_key_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="needs a key") as raised:
        ClientSession("ana", invite=INVITE)
    assert INVITE not in str(raised.value)


def test_account_and_role_are_what_the_last_welcome_said(ana: Script) -> None:
    identity = ana.session.identity
    assert (identity.account, identity.role) == (None, None)
    ana.cut()
    ana.connect(nick="ana", account="ada", role="moderator")
    assert (identity.account, identity.role) == ("ada", "moderator")
    ana.cut()
    ana.connect(nick="ana")
    assert (identity.account, identity.role) == (None, None)


def own(script: Script, *nicks: str) -> list[bool]:
    """Return whether messages under these nicks count as our own."""
    seq = script.session.position("lobby").seq
    for number, nick in enumerate(nicks, start=seq + 1):
        script.session.receive_data(message(number, nick=nick))
    messages = [event for event in script.events() if isinstance(event, Message)]
    return [script.session.is_mine(each) for each in messages]


def test_with_an_account_messages_of_other_devices_are_our_own() -> None:
    ana = Script("ana")
    ana.cut()
    ana.connect(nick="Away", account="ada")
    ana.join("lobby")
    ana.say("nick", nick="Back")
    assert own(ana, "ADA", "away", "back", "ada-ci", "bob") == [True, True, True, False, False]


def test_without_an_account_only_the_present_nick_is_our_own(ana: Script) -> None:
    ana.say("nick", nick="cleo")
    assert own(ana, "cleo", "ana", "bob") == [True, False, False]


def test_a_server_that_invents_nicks_costs_no_memory() -> None:
    ana = Script("ana")
    ana.cut()
    ana.connect(nick="ana", account="ana")
    ana.join("lobby")
    for number in range(NICKS + 1):
        ana.say("nick", nick=f"n{number}")
    assert own(ana, "n0", "n1", f"n{NICKS}") == [False, True, True]


# --- put out -------------------------------------------------------------------------------------


def test_who_is_put_out_of_a_room_does_not_come_back_by_itself() -> None:
    ana = Script("ana", "lobby", "ops")
    ana.say("left", room="ops", reason="expelled")
    assert ana.session.rooms == ("lobby",)
    assert ana.events()[-1] == Left(room="ops", reason="expelled")
    ana.cut()
    ana.connect(nick="ana")
    assert [frame["room"] for frame in ana.sent()] == ["lobby"]


def test_a_join_that_ends_in_a_left_is_refused(ana: Script) -> None:
    ana.events()
    asked, next_one = ana.session.join("ops"), ana.session.join("ops")
    ana.sent()
    ana.say("left", room="ops", reason="expelled")
    with pytest.raises(RefusedError, match="put you out of ops") as refused:
        asked.result()
    assert (refused.value.code, refused.value.room, refused.value.retry_after) == ("forbidden", "ops", None)
    assert ana.types() == []  # we were never there
    assert ana.sent() == [{"type": "join", "room": "ops"}]
    ana.let_in("ops")
    assert next_one.result().room == "ops"
    assert ana.session.online


def test_a_left_of_the_room_that_we_are_in_is_no_answer_to_a_second_join(ana: Script) -> None:
    again = ana.session.join("lobby")
    ana.sent()
    ana.say("left", room="lobby", reason="expelled")
    ana.let_in("lobby")
    assert again.result().room == "lobby"
    assert ana.session.rooms == ("lobby",)
    assert ana.types() == ["joined", "left", "joined"]


def test_who_is_put_out_while_leaving_has_not_left_by_that(ana: Script) -> None:
    leaving = ana.session.leave("lobby")
    ana.sent()
    ana.say("left", room="lobby", reason="expelled")
    assert not leaving.done
    ana.say("error", code="not_joined", message="you are not in this room", room="lobby")
    with pytest.raises(RefusedError, match="not_joined"):
        leaving.result()
    assert ana.types() == ["joined", "left"]


def test_who_is_put_out_while_resuming_is_out(ana: Script) -> None:
    ana.cut()
    ana.connect(nick="ana")
    ana.events()
    post = ana.session.post("lobby", "still here")
    ana.say("left", room="lobby", reason="expelled")
    assert ana.session.rooms == ()
    assert ana.types() == ["left"]
    assert [frame["type"] for frame in ana.sent()] == ["join", "post"]  # so that it is refused, and not lost
    assert not post.done


@pytest.mark.parametrize("reason", ["banned", "revoked"])
def test_who_is_put_out_of_the_server_does_not_reconnect(ana: Script, reason: str) -> None:
    post = ana.session.post("lobby", "hello?")
    ana.say("closing", reason=reason, reconnect_after=1.0)
    ana.cut()
    assert isinstance(ana.session.error, DisconnectedError)
    assert ana.session.error.reason == reason
    assert ana.session.dial_at is None
    with pytest.raises(DisconnectedError):
        post.result()


@pytest.mark.parametrize("code", ["unauthorized", "forbidden"])
def test_a_refusal_of_who_we_are_is_asked_again_when_the_server_says(ana: Script, code: str) -> None:
    ana.cut()
    ana.events()
    ana.session.connection_made()
    ana.say("error", code=code, message="later", retry_after=60.0)
    (offline,) = ana.events()
    assert isinstance(offline, Offline)
    assert offline.reason == code
    assert offline.retry_in >= 60.0
    assert ana.session.dial_at == ana.clock.now + offline.retry_in


@pytest.mark.parametrize("code", ["unauthorized", "forbidden"])
def test_a_first_refusal_is_the_callers_whenever_it_may_ask_again(code: str) -> None:
    session = ClientSession("ana", key=KEY, reconnect=True)
    session.connection_made()
    session.receive_data(line("error", code=code, message="later", retry_after=60.0))
    assert isinstance(session.error, RefusedError)
    assert session.dial_at is None


@pytest.mark.parametrize("code", ["unauthorized", "forbidden"])
def test_a_refusal_of_who_we_are_is_final(ana: Script, code: str) -> None:
    ana.cut()
    ana.session.connection_made()
    ana.say("error", code=code, message="no")
    assert isinstance(ana.session.error, RefusedError)
    assert ana.session.dial_at is None
