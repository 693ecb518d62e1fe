"""What a client posts besides texts, and what it makes of what others post."""

from typing import Any

import pytest

from chatcore import Message, RefusedError, UsageError
from tests.client.script import EPOCH, Script, message


@pytest.fixture
def ana() -> Script:
    return Script("ana", "lobby")


@pytest.mark.parametrize(
    ("asked", "sent"),
    [
        ({}, {}),
        ({"kind": "text"}, {}),
        ({"kind": "action"}, {"kind": "action"}),
        ({"kind": "notice"}, {"kind": "notice"}),
        ({"kind": "x.poll"}, {"kind": "x.poll"}),
        ({"kind": "x.vote", "target": 7}, {"kind": "x.vote", "target": 7}),
        ({"kind": f"x.{'a' * 30}"}, {"kind": f"x.{'a' * 30}"}),
    ],
)
def test_a_post_carries_its_kind_and_its_target(
    ana: Script, asked: dict[str, Any], sent: dict[str, Any]
) -> None:
    ana.session.post("lobby", "looks around", id="1", **asked)
    assert ana.sent() == [{"type": "post", "room": "lobby", "id": "1", "text": "looks around", **sent}]


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"kind": "edit"}, "a kind is text, action or notice"),
        ({"kind": "reaction", "target": 1}, "a kind is text, action or notice"),
        ({"kind": "Action"}, "a kind is text, action or notice"),
        ({"kind": ""}, "a kind is text, action or notice"),
        ({"kind": "x."}, "a kind is text, action or notice"),
        ({"kind": f"x.{'a' * 31}"}, "a kind is text, action or notice"),
        ({"kind": "action\n"}, "a kind is text, action or notice"),
        ({"kind": 5}, "a kind is text, action or notice"),
        ({"target": 1}, "only a kind of your own, which begins with x., has one"),
        ({"kind": "notice", "target": 1}, "only a kind of your own, which begins with x., has one"),
        ({"kind": "x.vote", "target": 0}, "target"),
        ({"kind": "x.vote", "target": "1"}, "target"),
    ],
)
def test_words_that_no_server_takes_are_a_usage_error(ana: Script, asked: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        ana.session.post("lobby", "looks around", **asked)
    assert ana.sent() == []
    assert ana.session.unanswered == 0


def test_a_post_that_is_sent_again_keeps_its_kind_and_its_target(ana: Script) -> None:
    ana.session.post("lobby", "yes", id="1", kind="x.vote", target=7)
    ana.session.post("lobby", "waves", id="2", kind="action")
    first = ana.sent()
    ana.say("error", code="rate_limited", message="slowly", room="lobby", id="1", retry_after=1.0)
    ana.say("error", code="rate_limited", message="slowly", room="lobby", id="2", retry_after=1.0)
    ana.clock.now += 1.0
    assert ana.sent() == first
    ana.cut()
    ana.connect(nick="ana")
    assert ana.sent() == [{"type": "join", "room": "lobby", "after": {"epoch": EPOCH, "seq": 0}}]
    ana.let_in()
    assert ana.sent() == first


@pytest.mark.parametrize("kind", ["action", "notice", "x.poll", "reaction", "not-known-today"])
def test_the_kind_of_a_message_is_kept_as_it_is(ana: Script, kind: str) -> None:
    ana.session.receive_data(message(1, kind=kind, target=1) + message(2, kind="text"))
    messages = [event for event in ana.events() if isinstance(event, Message)]
    assert [(each.kind, each.target) for each in messages] == [(kind, 1), (None, None)]
    assert ana.session.online


def test_a_kind_that_is_refused_fails_only_its_own_post(ana: Script) -> None:
    refused = ana.session.post("lobby", "hm", id="1", kind="x.new")
    other = ana.session.post("lobby", "hm", id="2")
    assert [frame["id"] for frame in ana.sent()] == ["1", "2"]
    ana.say("error", code="unknown_kind", message="not known here", room="lobby", id="1")
    with pytest.raises(RefusedError, match="unknown_kind"):
        refused.result()
    assert not other.done
