"""How a client has its own key revoked: it is answered by the end, or by a server that lets it in no more."""

from typing import Any

import pytest

from chatcore import DisconnectedError, Forget, RefusedError
from chatcore.client.requests import Request
from tests.client.script import Script


@pytest.fixture
def ana() -> Script:
    script = Script("ana", "lobby", reconnect=True)
    script.events()
    return script


def forget(script: Script) -> tuple[Request[Any], str]:
    """Ask for it; return the request and its token."""
    asked = script.session.forget_device()
    (frame,) = script.sent()
    assert frame == {"type": "forget", "token": frame["token"]}
    return asked, str(frame["token"])


def test_the_end_with_revoked_is_the_answer(ana: Script) -> None:
    asked, _ = forget(ana)
    ana.say("closing", reason="revoked")
    ana.cut()
    assert asked.error is None
    assert asked.result().reason == "revoked"
    assert ana.session.closed
    assert isinstance(ana.session.error, DisconnectedError)
    assert ana.types()[-1] == "closing"


@pytest.mark.parametrize("reason", ["banned", "taken_over"])
def test_an_end_for_another_reason_is_none(ana: Script, reason: str) -> None:
    asked, _ = forget(ana)
    ana.say("closing", reason=reason)
    ana.cut()
    with pytest.raises(DisconnectedError, match=reason):
        asked.result()


def test_a_refusal_is_an_error_and_the_chat_goes_on(ana: Script) -> None:
    asked, token = forget(ana)
    ana.say("error", code="unavailable", message="not now", id=token, retry_after=1.0)
    with pytest.raises(RefusedError, match="not now"):
        asked.result()
    assert not ana.session.closed


def test_it_is_asked_again_after_a_loss_and_whoever_is_not_let_in_again_has_been_heard(ana: Script) -> None:
    asked, token = forget(ana)
    ana.cut()
    ana.connect(nick="ana")
    assert ana.sent()[-1] == {"type": "forget", "token": token}
    ana.cut()
    ana.session.connection_made()
    ana.sent()
    ana.say("error", code="unauthorized", message="the key is not valid")
    assert asked.result().reason == "revoked"
    assert isinstance(ana.session.error, RefusedError)


def test_what_else_waits_fails_with_the_end(ana: Script) -> None:
    asked, _ = forget(ana)
    post = ana.session.post("lobby", "late")
    ana.say("closing", reason="revoked")
    ana.cut()
    assert asked.error is None
    assert isinstance(post.error, DisconnectedError)


def test_a_frame_without_a_token_gets_one(ana: Script) -> None:
    ana.session.ask(Forget())
    assert ana.sent()[0]["token"]
