"""A bug in the core, met while one peer is served, costs that peer its connection, and no other."""

from collections.abc import Callable

import pytest

from chatcore.server.member import Member
from chatcore.server.session import Session
from tests.protocol.frames import Ack, Message
from tests.transports.conftest import Serve
from tests.transports.servers import House


class Bug(Exception):
    """What no test expects."""


@pytest.mark.parametrize("method", ["data_to_send", "receive_data"])
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
    victim.wait_for_end()
    ann.post("still here?", "a-1")
    assert ann.receive(Ack).id == "a-1"
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
