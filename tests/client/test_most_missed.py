"""How a client resumes: after its position, with all that it missed or with so many messages at most."""

from typing import Any

import pytest

from chatcore import Gap, Message, Position, ProtocolError, UsageError
from chatcore.client.session import ClientSession
from tests.client.script import EPOCH, Script, message


def test_a_join_may_name_a_position_and_a_number() -> None:
    ana = Script("ana")
    ana.session.join("lobby", after=Position(epoch=EPOCH, seq=900), history=200)
    assert ana.sent() == [
        {"type": "join", "room": "lobby", "after": {"epoch": EPOCH, "seq": 900}, "history": 200}
    ]
    ana.let_in(head=3_100, after=900)
    ana.say("gap", room="lobby", after=900, through=1_500, reason="expired")
    ana.say("gap", room="lobby", after=1_500, through=2_900, reason="skipped", count=1_400)
    ana.session.receive_data(message(2_901))
    _, expired, skipped, said = ana.events()
    assert isinstance(expired, Gap)
    assert isinstance(skipped, Gap)
    assert isinstance(said, Message)
    assert (expired.reason, expired.count) == ("expired", None)
    assert (skipped.reason, skipped.count) == ("skipped", 1_400)
    assert ana.session.position("lobby") == Position(epoch=EPOCH, seq=2_901)
    assert ana.session.is_replay(said)


@pytest.mark.parametrize(("most_missed", "asked"), [(None, {}), (0, {"history": 0}), (200, {"history": 200})])
def test_a_reconnect_asks_for_so_many_missed_messages_at_most(
    most_missed: int | None, asked: dict[str, int]
) -> None:
    ana = Script("ana", "lobby", most_missed=most_missed)
    ana.session.receive_data(message(1))
    ana.cut()
    ana.connect(nick="ana")
    assert ana.sent() == [{"type": "join", "room": "lobby", "after": {"epoch": EPOCH, "seq": 1}, **asked}]


def test_a_position_moves_through_what_was_skipped() -> None:
    ana = Script("ana", "lobby", most_missed=1)
    ana.cut()
    ana.connect(nick="ana")
    ana.let_in(head=9)
    ana.say("gap", room="lobby", after=0, through=8, reason="skipped")
    ana.session.receive_data(message(9) + message(10))
    ana.events()
    ana.cut()
    ana.connect(nick="ana")
    assert ana.sent()[0]["after"] == {"epoch": EPOCH, "seq": 10}


def test_a_rejoin_that_is_asked_again_is_bounded_too() -> None:
    ana = Script("ana", "lobby", most_missed=5)
    ana.cut()
    ana.connect(nick="ana")
    first = ana.sent()
    ana.say("error", code="unavailable", message="not now", room="lobby", retry_after=1.0)
    ana.clock.now += 1.0
    ana.session.handle_deadline(ana.clock.now)
    assert ana.sent() == first


def test_a_skipped_gap_keeps_to_the_law_of_reading() -> None:
    ana = Script("ana", "lobby")
    ana.say("gap", room="lobby", after=3, through=8, reason="skipped", count=5)
    assert isinstance(ana.session.error, ProtocolError)


@pytest.mark.parametrize("count", [-1, 1.5, "20", True, 2**53])
def test_a_number_that_cannot_be_is_a_usage_error(count: Any) -> None:
    with pytest.raises(UsageError, match="most_missed is a number of messages"):
        ClientSession("ana", most_missed=count)
