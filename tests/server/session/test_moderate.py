"""`moderate` and `invite`: what the gate is asked, what it answers, and who is told."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from chatcore.errors import UsageError
from chatcore.gate import Invitation, Moderation, OpenGate, Person, Refusal
from tests.protocol.frames import (
    ClientFrame,
    Error,
    Hello,
    Invite,
    Invited,
    Join,
    Joined,
    Left,
    Moderate,
    Moderated,
    NickFrame,
    Ping,
    Pong,
    Post,
    Presence,
    Welcome,
)
from tests.server.driver import Host, Peer
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateDirectory, LateGate, ThreadGate
from tests.server.leftovers import left_in, waits_in

PHONE, LAPTOP, BOB = key_of("ada"), key_of("ada", "laptop"), key_of("bob")

REQUESTS = (Moderate(act="close", room="attic", token="t"), Invite(token="t"))
each_request = pytest.mark.parametrize("frame", REQUESTS, ids=lambda frame: frame.type)


def house(gate: KeyGate | None = None) -> tuple[KeyGate, Host]:
    """Return a gate that knows ada and bob, and a host that has it."""
    gate = gate or KeyGate("ada", "bob")
    return gate, Host(gate=gate)


# --- what is asked -------------------------------------------------------------------------------


def test_the_gate_is_asked_with_all_that_was_said_and_the_room_folded() -> None:
    gate, host = house()
    ada = host.live("ada", key=PHONE)
    ada.send(Moderate(act="mute", room="LOBBY", nick="Bob", seconds=60.0, reason="too loud", token="t"))
    assert ada.take() == [Moderated(act="mute", room="lobby", nick="Bob", token="t")]
    assert gate.acts == [Moderation("mute", "lobby", "Bob", 60.0, "too loud")]


def test_who_is_present_are_the_accounts_in_that_room_however_many_devices_or_nicks_they_have() -> None:
    gate, host = house()
    ada, _, _ = host.member("ada", key=PHONE), host.member("ada-ci", key=LAPTOP), host.member("bob", key=BOB)
    host.member("zoe")
    host.live("bob-x", key=key_of("bob", "desk")).send(Join(room="garden"))
    ada.send(Moderate(act="close", room="lobby"), Moderate(act="close", room="empty"))
    assert [act.present for act in gate.acts] == [{"ada", "bob"}, frozenset()]


@pytest.mark.parametrize("act", ["close", "open", "admit", "kick", "mute", "ban", "lift"])
def test_an_act_without_the_room_or_nick_that_it_needs_is_a_bad_frame(act: Any) -> None:
    gate, host = house()
    ada = host.live("ada", key=PHONE)
    gate.make_private("lobby", "ada", "bob")
    needs_room, needs_nick = act in ("close", "open", "admit", "kick"), act not in ("close", "open")
    ada.send(Moderate(act=act, nick="bob", token="1"), Moderate(act=act, room="lobby", token="2"))
    got = {getattr(answer, "id", None) or getattr(answer, "token", ""): answer for answer in ada.take()}
    for token, misses in (("1", needs_room), ("2", needs_nick)):
        answer = got[token]
        assert isinstance(answer, Error if misses else Moderated)
        assert not isinstance(answer, Error) or (answer.code, answer.retry_after) == ("bad_frame", None)
    assert len(gate.acts) == 2 - needs_room - needs_nick


@each_request
def test_a_server_without_accounts_says_so(frame: ClientFrame) -> None:
    ada = Host().live("ada")
    ada.send(frame)
    error = ada.error()
    assert (error.code, error.message, error.id) == ("forbidden", "this server has no accounts", "t")


@each_request
def test_whoever_has_no_account_may_not(frame: ClientFrame) -> None:
    _, host = house()
    zoe = host.live("zoe")
    zoe.send(frame)
    error = zoe.error()
    assert (error.code, error.id, error.retry_after) == ("forbidden", "t", None)
    assert not zoe.ended


@each_request
def test_it_needs_a_hello_and_costs_a_token(frame: ClientFrame) -> None:
    host = Host(gate=KeyGate("ada"), frames_per_second=1.0, frames_burst=2)
    peer = host.connect()
    peer.send(frame)
    assert peer.error().code == "bad_state"
    peer.send(Hello(protocol=1, nick="ada", key=PHONE), frame)
    assert (peer.one(Welcome).account, peer.error().code) == ("ada", "rate_limited")


# --- what is answered ----------------------------------------------------------------------------


@pytest.mark.parametrize("make", [KeyGate, ThreadGate, partial(LateGate, late=("moderate", "invite_device"))])
@each_request
def test_what_is_sent_after_it_waits_for_the_answer_and_is_done_in_order(
    frame: ClientFrame, make: Callable[..., KeyGate]
) -> None:
    gate, host = house(make("ada", "bob"))
    ada = host.connect()
    ada.send(Hello(protocol=1, nick="ada", key=PHONE), Join(room="lobby"))
    settle(gate, host)
    ada.take()
    ada.send(frame, Ping(token="p"), Post(room="lobby", id="1", text="hi"), NickFrame(nick="ada-x"))
    if isinstance(gate, LateGate):
        assert ada.take() == []
        assert not ada.session.want_data
    settle(gate, host)
    kinds = [type(each) for each in ada.take()]
    assert [kind.__name__ for kind in kinds if kind is not Presence][:2] == [
        "Moderated" if isinstance(frame, Moderate) else "Invited",
        "Pong",
    ]
    assert waits_in(ada.session) == {}
    gate.close()


def settle(gate: KeyGate, host: Host) -> None:
    """Wait until a gate has answered, and what followed from that is done."""
    if isinstance(gate, ThreadGate | LateGate):
        gate.work()
    host.pump()


def test_each_of_many_requests_is_answered_once_and_in_order() -> None:
    gate, host = house(LateGate("ada", "bob", late=("moderate", "invite_device")))
    ada = host.live("ada", key=PHONE)
    frames: list[ClientFrame] = []
    for number in range(8):
        frames += [Moderate(act="mute", nick="bob", token=f"m{number}"), Invite(token=f"i{number}")]
    ada.send(*frames)
    tokens = []
    for _ in range(len(frames)):
        settle(gate, host)
        tokens += [frame.token for frame in ada.take() if isinstance(frame, Moderated | Invited)]
    assert tokens == [frame.token for frame in frames if isinstance(frame, Moderate | Invite)]
    assert left_in_after(host, ada) == {}


def left_in_after(host: Host, *peers: Peer) -> dict[str, object]:
    """End connections; return what is left."""
    for peer in peers:
        peer.eof()
    return left_in(host)


class Failing(KeyGate):
    """Fails at what it is asked to do, in some way, before or after it has answered."""

    def __init__(self, fail: Callable[[Callable[[Any], None]], None]) -> None:
        super().__init__("ada", "bob")
        self._fail = fail

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        self._fail(answer)

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        self._fail(answer)


def raises(answer: Callable[[Any], None]) -> None:
    raise RuntimeError("the gate is broken")


def raises_after(answer: Callable[[Any], None]) -> None:
    answer(Refusal("bad_name", "nobody"))
    raise RuntimeError("the gate is broken")


@each_request
@pytest.mark.parametrize(
    ("fail", "code"),
    [
        (raises, "unavailable"),
        (raises_after, "bad_name"),
        (lambda answer: answer("done"), "unavailable"),
        (lambda answer: answer(True), "unavailable"),
        (lambda answer: answer(Person("ada")), "unavailable"),
    ],
    ids=["raises", "raises after", "a text", "a bool", "a person"],
)
def test_a_gate_that_fails_has_refused_and_costs_nobody_the_connection(
    frame: ClientFrame, fail: Callable[[Callable[[Any], None]], None], code: str
) -> None:
    _, host = house(Failing(fail))
    ada, phone = host.live("ada", key=LAPTOP), host.live("ada", key=PHONE)
    ada.send(frame, Ping(token="p"))
    error, pong = ada.take()
    assert isinstance(error, Error)
    assert (error.code, error.id) == (code, "t")
    assert isinstance(pong, Pong)
    assert phone.take() == []
    assert left_in_after(host, ada, phone) == {}


@pytest.mark.logs("gate.no_answer")
def test_nothing_is_no_invite_and_an_invite_is_no_act() -> None:
    for frame, answer in ((REQUESTS[1], None), (REQUESTS[0], Invitation("i", 1.0))):
        _, host = house(Failing(lambda say, answer=answer: say(answer)))  # type: ignore[misc]  # a default binds it
        ada = host.live("ada", key=PHONE)
        ada.send(frame)
        assert ada.error().code == "unavailable"


def test_a_refusal_is_said_as_the_gate_says_it() -> None:
    _, host = house(Failing(lambda answer: answer(Refusal("unavailable", "the disk is full", 2.5))))
    ada = host.live("ada", key=PHONE)
    ada.send(Moderate(act="kick", room="Lobby", nick="bob", token="t"))
    assert ada.take() == [
        Error(code="unavailable", message="the disk is full", room="lobby", id="t", retry_after=2.5)
    ]


def test_an_open_gate_may_be_asked_by_a_program_too() -> None:
    got: list[object] = []
    OpenGate().moderate(Person(), Moderation("open", "lobby"), got.append)
    OpenGate().invite_device(Person(), got.append)
    OpenGate().forget_device(Person(), got.append)
    assert [getattr(answer, "code", None) for answer in got] == ["forbidden"] * 3


# --- invites -------------------------------------------------------------------------------------


def test_whoever_asked_gets_the_invite_and_all_other_sessions_of_the_account_a_word_of_it() -> None:
    _, host = house()
    phone, laptop, bot = (
        host.live("ada", key=PHONE),
        host.live("ada", key=LAPTOP),
        host.live("ada-ci", key=PHONE),
    )
    bob, zoe = host.live("bob", key=BOB), host.live("zoe")
    phone.send(Invite(token="t"))
    link = "chats://chat.example/#invite-1"
    assert phone.take() == [Invited(invite="invite-1", links=(link,), seconds=600.0, token="t")]
    assert laptop.take() == bot.take() == [Invited()]
    assert bob.take() == zoe.take() == []


def test_an_invite_without_links_has_none() -> None:
    _, host = house(Failing(lambda answer: answer(Invitation("secret", 60.0))))
    ada = host.live("ada", key=PHONE)
    ada.send(Invite())
    assert ada.take() == [Invited(invite="secret", seconds=60.0)]


def test_a_late_invite_is_given_to_nobody_and_the_other_devices_are_told_all_the_same() -> None:
    gate, host = house(LateGate("ada", late=("invite_device",)))
    phone, laptop = host.live("ada", key=PHONE), host.live("ada", key=LAPTOP)
    phone.send(Invite(token="t"))
    host.advance(5.0)
    assert phone.error().code == "unavailable"
    settle(gate, host)
    assert phone.take() == []
    assert laptop.take() == [Invited()]
    phone.send(Invite())
    phone.lose()
    settle(gate, host)
    assert laptop.take() == [Invited()]


def test_an_invite_is_given_to_nobody_whose_key_was_revoked_meanwhile() -> None:
    class Quiet(LateGate):
        """Changes its mind, and tells nobody yet."""

        def _revise(self) -> None:
            pass

    gate, host = house(Quiet("ada", late=("invite_device",), hasty=True))
    thief, phone = host.live("ada", key=LAPTOP), host.live("ada", key=PHONE)
    thief.send(Invite(token="t"))
    gate.revoke("ada", "laptop")
    settle(gate, host)
    assert thief.error().code == "unauthorized"
    assert b"invite-1" not in thief.received
    assert phone.take() == [Invited()]


def test_a_session_that_waits_for_its_welcome_is_not_told_before_that() -> None:
    gate = KeyGate("ada")
    host = Host(gate=gate, directory=partial(LateDirectory, late=("claim",), hasty=True))
    directory = host.hub.directory
    assert isinstance(directory, LateDirectory)
    phone = host.hello("ada", key=PHONE)
    directory.work(host.hub)
    host.pump()
    laptop = host.hello("ada", key=LAPTOP)
    phone.take()
    phone.send(Invite())
    directory.work(host.hub)
    host.pump()
    assert [type(frame) for frame in laptop.take()] == [Welcome]


def test_an_invite_that_no_frame_can_carry_cannot_be_made_and_nothing_shows_it() -> None:
    wrong: list[tuple[Any, ...]] = [
        ("", 1.0),
        ("se cret", 1.0),
        ("s" * 129, 1.0),
        ("secret\n", 1.0),
        ("secret", -1.0),
        ("secret", float("nan")),
        ("secret", float("inf")),
        ("secret", 1.0, ("chats://x/#secret", "")),
        ("secret", 1.0, ("chats://x/#secret \u00e9",)),
        ("secret", 1.0, ("chats://x/#secret" + "x" * 1_024,)),
    ]
    for arguments in wrong:
        with pytest.raises(UsageError) as caught:
            Invitation(*arguments)
        assert "secret" not in str(caught.value)
    assert "secret" not in repr(Invitation("secret", 1.0, ("chats://x/#secret",)))


# --- what comes of it ----------------------------------------------------------------------------


def test_a_room_that_is_closed_keeps_the_accounts_in_it_and_puts_out_everybody_else() -> None:
    _, host = house()
    ada, bob, zoe = host.member("ada", key=PHONE), host.member("bob", key=BOB), host.member("zoe")
    ada.take(), bob.take(), zoe.take()
    ada.send(Moderate(act="close", room="Lobby"))
    assert ada.take() == [Moderated(act="close", room="lobby")]
    assert bob.take() == []
    assert zoe.take() == [Left(room="lobby", reason="expelled")]
    zoe.send(Join(room="lobby"))
    assert zoe.error().code == "forbidden"
    ada.send(Moderate(act="open", room="lobby"))
    zoe.send(Join(room="lobby"))
    assert len(zoe.take_all(Joined)) == 1


def test_an_act_is_in_force_for_its_target_before_it_is_answered() -> None:
    _, host = house()
    ada, bob = host.member("ada", key=PHONE), host.member("bob", key=BOB)
    ada.take(), bob.take()
    ada.send(
        Moderate(act="mute", room="lobby", nick="bob-x"),
        Post(room="lobby", id="1", text="quiet now"),
    )
    bob.post("but")
    assert bob.error().code == "forbidden"
    ada.send(Moderate(act="kick", room="lobby", nick="bob"))
    assert bob.one(Left).reason == "expelled"
    ada.send(Moderate(act="ban", nick="bob"))
    assert bob.ended
