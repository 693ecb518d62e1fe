"""`forget`: whose sessions end, who stays, and what is answered where the gate says no, or nothing."""

import pytest

from chatcore.gate import Peer, Person, Refusal
from tests.protocol.frames import Ack, Closing, Error, Forget, Hello, Join, Ping, Pong, Post, Welcome
from tests.server.driver import Host
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateGate, ThreadGate
from tests.server.leftovers import left_in, waits_in

PHONE, LAPTOP, BOB = key_of("ada"), key_of("ada", "laptop"), key_of("bob")


def late(*, hasty: bool = False) -> tuple[LateGate, Host]:
    """Return a gate that revokes keys only when it is told to, and a host that has it."""
    gate = LateGate("ada", "bob", late=("forget_device",), hasty=hasty)
    return gate, Host(gate=gate)


class Quiet(KeyGate):
    """Tells nobody that it has changed its mind."""

    def _revise(self) -> None:
        pass


# --- done ----------------------------------------------------------------------------------------


def test_all_sessions_of_that_key_end_and_nobody_else_notices() -> None:
    host = Host(gate=KeyGate("ada", "bob"))
    phone, bot = host.live("ada", key=PHONE), host.live("ada-ci", key=PHONE)
    others = [host.live("ada", key=LAPTOP), host.live("bob", key=BOB), host.live("zoe")]
    phone.send(Forget(token="t"))
    assert phone.take() == bot.take() == [Closing(reason="revoked")]
    assert phone.ended
    assert bot.ended
    assert [other.take() for other in others] == [[], [], []]
    assert not any(other.ended for other in others)


@pytest.mark.parametrize("make", [KeyGate, Quiet, ThreadGate], ids=lambda make: make.__name__)
def test_whoever_asked_is_out_whether_the_gate_tells_its_watch_or_not(make: type[KeyGate]) -> None:
    gate = make("ada", "bob")
    host = Host(gate=gate)
    ada = host.connect()
    ada.send(Hello(protocol=1, nick="ada", key=PHONE), Join(room="lobby"), Forget())
    for _ in range(2):  # for the hello, and for the rest
        if isinstance(gate, ThreadGate):
            gate.work()
        host.pump()
    frames = ada.take()
    assert isinstance(frames[0], Welcome)
    assert frames[-1] == Closing(reason="revoked")
    assert not any(isinstance(frame, Error) for frame in frames)
    ada.lose()
    assert left_in(host) == {}
    gate.close()


def test_neither_the_key_nor_the_session_is_good_for_anything_afterwards() -> None:
    host = Host(gate=KeyGate("ada"))
    phone = host.live("ada", key=PHONE)
    secret = phone.secret
    phone.send(Forget())
    for hello in (Hello(protocol=1, nick="ada", key=PHONE), Hello(protocol=1, nick="ada", session=secret)):
        again = host.connect()
        again.send(hello)
        assert again.error().code in ("unauthorized", "forbidden")
        assert again.ended
    assert host.live("ada", key=LAPTOP).session.nick == "ada"


def test_what_was_sent_before_is_done_and_what_comes_after_is_not() -> None:
    gate, host = late()
    ada = host.member("ada", key=PHONE)
    ada.send(Post(room="lobby", id="1", text="bye"), Forget(token="t"), Ping(token="p"))
    ada.send(Post(room="lobby", id="2", text="late"))
    gate.work()
    host.pump()
    frames = ada.take()
    assert [frame.id for frame in frames if isinstance(frame, Ack)] == ["1"]
    assert [frame.id for frame in frames if isinstance(frame, Error)] == ["2"]
    assert not any(isinstance(frame, Pong) for frame in frames)
    assert frames[-1] == Closing(reason="revoked")
    assert waits_in(ada.session) == {}


# --- not done ------------------------------------------------------------------------------------


def test_whoever_has_no_key_has_nothing_to_forget() -> None:
    host = Host(gate=KeyGate("ada"))
    zoe = host.live("zoe")
    zoe.send(Forget(token="t"))
    error = zoe.error()
    assert (error.code, error.id) == ("forbidden", "t")
    assert not zoe.ended


def test_a_server_without_accounts_says_so() -> None:
    zoe = Host().live("zoe")
    zoe.send(Forget(token="t"))
    assert (zoe.error().code, zoe.ended) == ("forbidden", False)


def test_a_refusal_is_said_as_the_gate_says_it_and_the_session_goes_on() -> None:
    gate, host = late()
    ada = host.live("ada", key=PHONE)
    ada.send(Forget(token="t"))
    gate.refuse(Refusal("unavailable", "the disk is full", 2.5))
    host.pump()
    assert ada.take() == [Error(code="unavailable", message="the disk is full", id="t", retry_after=2.5)]
    ada.send(Ping(token="p"))
    assert ada.take() == [Pong(token="p")]


def test_without_an_answer_in_time_it_is_refused_and_a_late_one_still_ends_it() -> None:
    gate, host = late()
    ada = host.live("ada", key=PHONE)
    ada.send(Forget(token="t"))
    host.advance(5.0)
    error = ada.error()
    assert (error.code, error.id, error.retry_after) == ("unavailable", "t", 1.0)
    gate.work()
    host.pump()
    assert ada.take() == [Closing(reason="revoked")]
    assert waits_in(ada.session) == {}


def test_a_second_answer_changes_nothing() -> None:
    gate, host = late()
    ada = host.live("ada", key=PHONE)
    ada.send(Forget())
    gate.work(times=2)
    host.pump()
    assert ada.take() == [Closing(reason="revoked")]


def test_a_late_answer_of_a_gate_that_tells_nobody_ends_it_too() -> None:
    class LateAndQuiet(LateGate):
        """Tells its watch nothing."""

        def _revise(self) -> None:
            pass

    gate = LateAndQuiet("ada", late=("forget_device",))
    host = Host(gate=gate)
    ada = host.live("ada", key=PHONE)
    ada.send(Forget(token="t"))
    host.advance(5.0)
    assert ada.error().code == "unavailable"
    gate.work()
    host.pump()
    assert ada.take() == [Closing(reason="revoked")]


def test_a_key_that_another_way_has_revoked_meanwhile_is_forgotten() -> None:
    gate, host = late(hasty=True)
    ada = host.live("ada", key=PHONE)
    ada.send(Forget(token="t"))
    assert ada.take() == [Closing(reason="revoked")]
    gate.work()
    host.pump()
    assert ada.take() == []
    ada.lose()
    assert left_in(host) == {}


@pytest.mark.parametrize("end", ["lost", "drain", "banned"])
def test_the_key_of_a_session_that_ends_first_is_revoked_all_the_same(end: str) -> None:
    gate, host = late()
    ada = host.live("ada", key=PHONE)
    ada.send(Forget(token="t"))
    if end == "lost":
        ada.lose()
    elif end == "drain":
        host.endpoint.drain()
        host.pump()
        assert (ada.error().code, ada.one(Closing).reason) == ("unavailable", "drain")
    else:
        gate.ban("ada")
        host.pump()
        assert (ada.error().code, ada.one(Closing).reason) == ("forbidden", "banned")
    gate.work()
    host.pump()
    assert ada.take() == []
    ada.lose()
    assert left_in(host) == {}
    assert gate.may_stay(Person("ada", "member", "ada/phone"), Peer("192.0.2.1", 40_000)) is not None
