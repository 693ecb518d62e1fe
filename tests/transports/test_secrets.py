"""A secret is nowhere but on the wire and in `Chat.secret`: in no `repr`, no log line and no traceback.

Whole conversations run with the log at its most detailed, and asyncio in its debug mode. Then everything that
was logged, and the `repr` of every object of ours that is alive, is searched.
"""

import gc
import logging
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from chatcore import Backoff, DisconnectedError, RefusedError, UsageError
from chatcore.client.session import ClientSession
from chatcore.gate import Claim, Invitation, OpenGate, Person, Refusal
from tests import rows
from tests.transports.clients import CLIENTS, Visitor
from tests.transports.impostor import Impostor, server_context
from tests.transports.servers import House, new_transport
from tests.transports.tls import authority_file, new_certificate, trust

KEY = "key-" + "k" * 60
INVITE = "invite-" + "i" * 30
OTHER = "other-" + "o" * 30
DEVICE = "device-" + "d" * 30
OURS = ("chatcore.", "transports.", "cli.")


@pytest.fixture(autouse=True)
def _in_debug_mode(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    caplog.set_level(logging.DEBUG)


def shown(objects: list[object]) -> Iterator[str]:
    """Yield what the objects of our packages show of themselves."""
    for each in objects:
        if str(type(each).__module__).startswith(OURS):
            yield repr(each)
            yield str(each)


def assert_hidden(secrets: list[str], caplog: pytest.LogCaptureFixture) -> None:
    texts = [*shown(gc.get_objects()), caplog.text, *map(repr, caplog.records)]
    texts += [repr(record.args) for record in caplog.records]
    assert len(texts) > 20
    assert not [text for text in texts if any(secret in text for secret in secrets)]


def assert_not_in_traceback(secrets: list[str], error: BaseException | None) -> None:
    while error is not None:  # some programs print the context that is not shown
        texts = "".join(traceback.format_exception_only(error)), repr(error.args)
        assert not [secret for secret in secrets if any(secret in text for text in texts)]
        error = error.__cause__ or error.__context__


class Inviting(OpenGate):
    """Lets in who has the key, and first the invite, and invites devices."""

    def __init__(self) -> None:
        self.enrolled = False

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        self.enrolled = self.enrolled or claim.invite == INVITE
        if claim.key is None:
            answer(Person())
        elif claim.key == KEY and self.enrolled:
            answer(Person("ann", "member", "1"))
        else:
            answer(Refusal("unauthorized", "this key is not known"))

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        answer(Invitation(DEVICE, 600.0, (f"chats://a/#{DEVICE}",)))


@pytest.mark.parametrize(("server", "client"), list(rows.PAIRS))
def test_no_repr_and_no_log_line_has_a_secret_in_it(
    server: str, client: str, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(House(new_transport(server), gate=Inviting())) as house:
        options: dict[str, Any] = {"nick": "ann", "rooms": ["lobby"], "key": KEY, **trust(house.url)}
        with closing(CLIENTS[client](house.url, invite=INVITE, every_frame=True, **options)) as ann:
            first = str(ann.do("secret"))
            ann.post("hello")
            invited = ann.do("invite_device")
            assert invited.invite == DEVICE
            events = [ann.receive(20.0) for _ in range(2)]
            assert_hidden([first, KEY, INVITE, DEVICE], caplog)
        again = CLIENTS[client](house.url, session=first, reconnect=True, **options)
        with closing(again) as ann:
            bob = house.member("bob")
            bob.send(b'{"type":"hello","protocol":1,"nick":"bob","session":"%s"}\n' % first.encode())
            bob.send(b'{"session":"%s","key":"%s",\n' % (first.encode(), KEY.encode()))
            ann.post("and again")
            house.close()
            assert_hidden([first, str(ann.do("secret")), KEY, INVITE, DEVICE], caplog)
    assert len(events) == 2


@pytest.mark.parametrize("client", CLIENTS)
def test_no_refusal_shows_a_secret(client: str, caplog: pytest.LogCaptureFixture) -> None:
    with closing(House(new_transport("threaded"), gate=Inviting())) as house:
        with pytest.raises(RefusedError, match="not known") as refused:
            CLIENTS[client](house.url, nick="ann", key=KEY, invite=OTHER, session="s" * 40)
        assert_hidden([KEY, OTHER, "s" * 40], caplog)
        assert_not_in_traceback([KEY, OTHER, "s" * 40], refused.value)


@pytest.mark.parametrize("client", CLIENTS)
def test_no_failure_of_trust_shows_a_secret(
    client: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Impostor(server_context(str(new_certificate(tmp_path, "elsewhere.example")))) as impostor:
        with pytest.raises(OSError, match="for another name") as failed:
            CLIENTS[client](
                f"chats://127.0.0.1:{impostor.port}", nick="ann", key=KEY, invite=INVITE, ca=authority_file()
            )
        assert_hidden([KEY, INVITE], caplog)
        assert_not_in_traceback([KEY, INVITE], failed.value)


class Broken(Exception):
    """A bug."""


@pytest.mark.parametrize("client", CLIENTS)
def test_no_traceback_of_a_bug_shows_a_secret(
    client: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object) -> None:
        raise Broken

    with closing(House(new_transport("threaded"))) as house:
        options = {"key": KEY, "reconnect": True, "backoff": Backoff(first=0.01)}
        with closing(CLIENTS[client](house.url, nick="ann", **options)) as ann:
            secret = str(ann.do("secret"))
            monkeypatch.setattr(ClientSession, "receive_data", fail)
            with pytest.raises(DisconnectedError) as failed:
                ann.post("hello")
            monkeypatch.undo()
            ann.do("close")
            assert "Broken" in caplog.text
            assert_hidden([secret, KEY], caplog)
            assert_not_in_traceback([secret, KEY], failed.value)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("wrong", "options"),
    [
        ("two words", {"session": "two words"}),
        ("shortkey", {"key": "shortkey"}),
        ("k" * 5_000, {"key": "k" * 5_000}),
        ("odd invite", {"key": KEY, "invite": "odd invite"}),
        ("lonely-invite", {"invite": "lonely-invite"}),
    ],
    ids=["a secret", "a short key", "a long key", "an invite", "an invite alone"],
)
def test_no_traceback_has_an_invalid_secret_in_it(
    client: str, wrong: str, options: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    connect: Callable[..., Visitor] = CLIENTS[client]
    with pytest.raises(UsageError) as caught:
        connect("chat://127.0.0.1:1", nick="ann", **options)
    assert_not_in_traceback([wrong], caught.value)
    assert wrong not in caplog.text
