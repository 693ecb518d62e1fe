"""Limits of any number of seconds: no clock, selector or loop is asked to wait for longer than it can."""

import importlib

import pytest

from tests.protocol.frames import Ack, Closing, Message, Ping
from tests.transports.conftest import Serve
from tests.transports.peers import line
from tests.transports.servers import Clock

LONG = [30 * 24 * 3600.0, 1e9, 1e300, 1.7e308]

LIMITS = {
    "handshake_seconds": {},
    "keepalive_seconds": {"idle_seconds": None},
    "idle_seconds": {},
    "stall_seconds": {},
    "session_seconds": {},
    "closing_seconds": {},
    "dedupe_seconds": {},
}


@pytest.mark.parametrize("seconds", LONG)
@pytest.mark.parametrize("limit", LIMITS)
def test_a_limit_may_be_as_long_as_numbers_are(serve: Serve, limit: str, seconds: float) -> None:
    house = serve(**{**LIMITS[limit], limit: seconds})
    ann, bob = house.member("ann"), house.member("bob", receive_buffer=4_096)
    house.stranger("chat")
    for number in range(20):
        ann.post("x" * 16_000, f"a-{number}")
        ann.receive(Ack)
    ann.reset()
    assert len(bob.receive_many(Message, 20)) == 20
    bob.wait_until_alone()
    again = house.typed()
    again.send(line("hello", protocol=1, nick="ann"))
    assert b"nick_taken" in again.receive_rest()


@pytest.fixture
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the longest wait of every server be an instant."""
    for name in ("asyncio_tcp", "threaded_tcp"):
        module = importlib.import_module(f"transports.{name}.server")
        monkeypatch.setattr(module, "LONGEST_WAIT", 0.002)


@pytest.mark.usefixtures("_impatient")
def test_a_deadline_beyond_the_longest_wait_is_kept(serve: Serve) -> None:
    clock = Clock()
    house = serve(clock=clock, keepalive_seconds=100.0, idle_seconds=200.0)
    ann = house.member("ann")
    clock.advance(99.0)
    ann.settle()
    clock.advance(100.0)
    ann.receive(Ping)
    clock.advance(100.0)
    assert ann.receive_all()[-1] == Closing(reason="timeout")


@pytest.mark.usefixtures("_impatient")
def test_a_peer_may_be_silent_for_longer_than_the_longest_wait(serve: Serve) -> None:
    house = serve()
    silent, ann = house.plain(), house.member("ann")
    for number in range(200):  # many times the longest wait
        ann.post("hi", f"a-{number}")
        ann.receive(Ack)
        silent.hear()
    silent.say("I am still here")
    assert ann.receive(Message, where=lambda message: message.nick == silent.nick).text == "I am still here"
