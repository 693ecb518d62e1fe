"""A bug in the core, met while one peer is served, costs that peer its connection, and no other."""

from collections.abc import Callable

import pytest

from chatcore.server.endpoint import Endpoint
from chatcore.server.member import Member
from chatcore.server.session import Session
from tests.protocol.frames import Ack, Message, Ping, Presence
from tests.transports.conftest import Serve
from tests.transports.servers import Clock, House


class Bug(Exception):
    """What no test expects."""


def _members(house: House) -> list[Member]:
    return list(house.hub.rooms["lobby"].all_members())


@pytest.mark.logs("connection.failed")
@pytest.mark.parametrize("method", ["data_to_send", "receive_data", "receive_eof"])
def test_a_bug_costs_only_the_peer_that_met_it(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    ann, victim = house.member("ann"), house.member("victim")
    working: Callable[..., bytes] = getattr(Session, method)

    def broken(session: Session, *args: bytes) -> bytes:
        if session.nick == "victim":
            raise Bug
        return working(session, *args)

    monkeypatch.setattr(Session, method, broken)
    victim.ask("ping")
    if method == "receive_eof":
        victim.finish()
    victim.wait_for_end()
    while house.hub.statistics().connections > 1:  # a WebSocket has ended before the end is met
        ann.settle()
    ann.post("still here?", "a-1")
    assert ann.receive(Ack).id == "a-1"
    assert "Bug" in caplog.text


def test_a_bug_at_a_deadline_costs_only_the_peer_that_met_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    house = serve(clock=clock, keepalive_seconds=0.05, idle_seconds=None)
    ann, victim = house.member("ann"), house.member("victim")
    working = Session.handle_deadline

    def broken(session: Session, now: float) -> None:
        if session.nick == "victim":
            raise Bug
        working(session, now)

    monkeypatch.setattr(Session, "handle_deadline", broken)
    clock.advance(0.06)
    victim.wait_for_end()
    ann.receive(Ping)  # its own deadline was handled all the same
    assert "Bug" in caplog.text


@pytest.mark.logs("connection.not_opened")
@pytest.mark.parametrize("method", ["open", "start"])
def test_a_bug_when_a_peer_comes_costs_only_that_peer(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    ann = house.member("ann")
    owner: type = Endpoint if method == "open" else Session

    def broken(*args: object) -> None:
        raise Bug

    with monkeypatch.context() as patch:
        patch.setattr(owner, method, broken)
        house.stranger("chat").wait_for_end()
    assert "Bug" in caplog.text
    house.member("bob").post("still here?", "b-1")
    assert ann.receive(Message).seq == 1


@pytest.mark.logs("connection.failed")
def test_a_bug_when_a_peer_is_lost_costs_only_that_peer(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann, victim = house.member("ann"), house.member("victim")
    working = Session.connection_lost

    def broken(session: Session) -> None:
        working(session)
        if session is lost:
            raise Bug

    ann.receive(Presence, where=lambda presence: "victim" in presence.joined)
    lost = next(member.session for member in _members(house) if member.session.nick == "victim")
    monkeypatch.setattr(Session, "connection_lost", broken)
    victim.reset()
    ann.receive(Presence, where=lambda presence: "victim" in presence.left)
    ann.settle()
    assert "Bug" in caplog.text


def test_a_bug_in_the_fan_out_costs_only_one_peer(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    ann, victim = house.member("ann"), house.member("victim")
    working = Member.next_piece

    def broken(member: Member) -> bytes:
        if member.session.nick == "victim":
            raise Bug
        return working(member)

    monkeypatch.setattr(Member, "next_piece", broken)
    ann.post("still here?", "a-1")
    assert ann.receive(Ack).id == "a-1"
    victim.wait_for_end()
    assert "Bug" in caplog.text


@pytest.mark.logs("connection.failed")
def test_a_bug_in_a_refusal_costs_only_one_peer(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = serve(stall_seconds=None)
    ann, bob = house.member("ann"), house.member("bob")
    house.member("clogged", receive_buffer=4_096)
    working = Session.data_unsent

    def broken(session: Session, size: int) -> None:
        if session.nick == "clogged":
            raise Bug
        working(session, size)

    monkeypatch.setattr(Session, "data_unsent", broken)
    for number in range(1_000):
        ann.post("x" * 16_000, f"a-{number}")
        ann.receive(Ack)
        ann.receive(Message)
        bob.receive(Message)
        if "Bug" in caplog.text:
            break
    assert "Bug" in caplog.text
    ann.post("still here?", "a-last")
    assert bob.receive(Message).text == "still here?"
