"""How a client acts on people and rooms, and asks for an invite for one more device of its own."""

from collections.abc import Callable
from typing import Any

import pytest

from chatcore import Invite, Invited, Moderate, RefusedError, UsageError
from chatcore.client.requests import Request
from tests.client.script import Script

Ask = Callable[[Script], Request[Any]]

SECRET = "secret-of-an-invite"


@pytest.fixture
def ana() -> Script:
    script = Script("ana", "lobby")
    script.events()
    return script


# --- acts ----------------------------------------------------------------------------------------


def test_an_act_is_answered_once_it_is_done(ana: Script) -> None:
    asked = ana.session.moderate("ban", nick="Mallory", seconds=3600.0, reason="spam")
    (frame,) = ana.sent()
    token = frame.pop("token")
    assert frame == {
        "type": "moderate",
        "act": "ban",
        "nick": "Mallory",
        "seconds": 3600.0,
        "reason": "spam",
    }
    ana.say("moderated", act="ban", nick="Mallory")  # of an older request, or of nobody's
    assert not asked.done
    ana.say("moderated", act="ban", nick="Mallory", token=token)
    assert asked.result().act == "ban"
    assert ana.types() == ["moderated"]  # the one that was nobody's answer


def test_two_acts_are_told_apart_by_their_tokens(ana: Script) -> None:
    first, second = (ana.session.moderate("kick", room="lobby", nick="mallory") for _ in range(2))
    tokens = [frame["token"] for frame in ana.sent()]
    ana.say("error", code="forbidden", message="no", room="lobby", id=tokens[1])
    ana.say("moderated", act="kick", room="lobby", nick="mallory", token=tokens[0])
    assert first.result().nick == "mallory"
    with pytest.raises(RefusedError, match="forbidden"):
        second.result()


def test_an_error_about_the_room_refuses_no_act(ana: Script) -> None:
    asked = ana.session.moderate("close", room="ops")
    ana.sent()
    ana.say("error", code="not_joined", message="you are not in this room", room="ops")
    assert not asked.done


@pytest.mark.parametrize(
    ("act", "missing"),
    [
        ("close", "name the room"),
        ("open", "name the room"),
        ("admit", "name the room and the nick"),
        ("kick", "name the room and the nick"),
        ("mute", "name the nick"),
        ("ban", "name the nick"),
        ("lift", "name the nick"),
    ],
)
def test_an_act_names_what_it_is_about(ana: Script, act: Any, missing: str) -> None:
    with pytest.raises(UsageError, match=f"to {act}, {missing}"):
        ana.session.moderate(act)
    assert ana.sent() == []


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"act": "praise", "nick": "bob"}, "act: Input should be 'close'"),
        ({"act": "ban", "nick": "b o b"}, "a nick is"),
        ({"act": "close", "room": "#ops"}, "a room's name is"),
        ({"act": "ban", "nick": "bob", "seconds": -1.0}, "seconds"),
        ({"act": "ban", "nick": "bob", "reason": "a\nb"}, "reason"),
        ({"act": "kick", "nick": "bob", "room": "ops", "seconds": 60.0}, "kick has no end"),
        ({"act": "close", "room": "ops", "seconds": 60.0}, "close has no end"),
    ],
)
def test_what_no_server_takes_is_a_usage_error(ana: Script, options: dict[str, Any], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        ana.session.moderate(**options)
    assert ana.sent() == []


# --- one more device -----------------------------------------------------------------------------


def test_an_invite_is_the_answer_to_who_has_asked_for_it(ana: Script) -> None:
    asked = ana.session.invite_device()
    (frame,) = ana.sent()
    ana.say("invited")  # another device asks at the same time
    assert not asked.done
    ana.say("invited", invite=SECRET, links=[f"chats://a/#{SECRET}"], seconds=600.0, token=frame["token"])
    answer = asked.result()
    assert (answer.invite, answer.links, answer.seconds) == (SECRET, (f"chats://a/#{SECRET}",), 600.0)
    assert SECRET not in repr(answer) + str(answer) + repr(asked)
    assert ana.events() == [Invited()]


def test_an_invite_of_another_device_is_news(ana: Script) -> None:
    ana.say("invited")
    assert ana.events() == [Invited()]


def test_an_invite_that_is_refused_fails(ana: Script) -> None:
    asked = ana.session.invite_device()
    (frame,) = ana.sent()
    ana.say("error", code="forbidden", message="this server has no accounts", id=frame["token"])
    with pytest.raises(RefusedError, match="no accounts"):
        asked.result()


def test_news_of_many_invites_is_bounded(ana: Script) -> None:
    ana.session.events.limit = 10
    for _ in range(100):
        ana.say("invited")
    assert len(ana.session.events) <= 11
    assert ana.types()[-1] == "invited"


def test_news_of_an_invite_is_not_replaced_by_other_news() -> None:
    ana = Script("ana", every_frame=True)
    ana.session.events.limit = len(ana.session.events) + 2
    for _ in range(3):
        ana.say("pong")
    ana.say("invited")
    ana.say("pong")
    assert ana.types()[-2:] == ["invited", "pong"]


# --- both ----------------------------------------------------------------------------------------

ASKED: dict[str, tuple[Ask, dict[str, Any]]] = {
    "moderate": (
        lambda script: script.session.moderate("open", room="lobby"),
        {"type": "moderated", "act": "open", "room": "lobby"},
    ),
    "moderate, as a frame": (
        lambda script: script.session.ask(Moderate(act="open", room="lobby")),
        {"type": "moderated", "act": "open", "room": "lobby"},
    ),
    "invite": (lambda script: script.session.invite_device(), {"type": "invited", "invite": SECRET}),
    "invite, as a frame": (lambda script: script.session.ask(Invite()), {"type": "invited"}),
}


@pytest.mark.parametrize("what", ASKED)
def test_what_was_not_answered_is_asked_again_on_the_next_connection(ana: Script, what: str) -> None:
    ask, answer = ASKED[what]
    asked = ask(ana)
    (frame,) = ana.sent()
    ana.cut()
    ana.connect(nick="ana")
    *_, again = ana.sent()
    assert again == frame
    ana.say(**answer, token=frame["token"])
    assert asked.result().type == answer["type"]
    assert ana.session.unanswered == 0


@pytest.mark.parametrize("what", ASKED)
def test_answers_are_events_if_every_frame_is(what: str) -> None:
    ana = Script("ana", every_frame=True)
    ask, answer = ASKED[what]
    asked = ask(ana)
    (frame,) = ana.sent()
    ana.events()
    ana.say(**answer, token=frame["token"])
    assert ana.events() == [asked.result()]


def test_what_is_asked_is_no_act_of_an_answer_of_another_kind(ana: Script) -> None:
    moderation, invitation = ana.session.moderate("open", room="lobby"), ana.session.invite_device()
    first, second = (frame["token"] for frame in ana.sent())
    ana.say("invited", token=first)
    ana.say("moderated", act="open", room="lobby", token=second)
    assert not moderation.done
    assert not invitation.done
