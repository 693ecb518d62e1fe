"""How events are taken from both clients: nothing is lost, and positions say how far that is."""

from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from threading import Event
from typing import Any

import pytest

from chatcore import (
    ClosedError,
    DisconnectedError,
    Joined,
    Message,
    MisuseError,
    Position,
    Presence,
    RefusedError,
    UsageError,
)
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.hostile import Guest, HostileServer
from tests.transports.peers import DEADLINE
from tests.transports.servers import House

Connect = Callable[..., Visitor]

SHORT = 0.05
"""Seconds after which a wait is given up that would never end."""


def until_message(visitor: Visitor, timeout: float = DEADLINE) -> Message:
    """Take events up to the next message."""
    while not isinstance(event := visitor.receive(timeout), Message):
        pass
    return event


def take_first_events(visitor: Visitor) -> None:
    """Take all that comes to somebody who is alone in the lobby: after that nothing does."""
    assert isinstance(visitor.receive(DEADLINE), Joined)
    presence = visitor.receive(DEADLINE)
    assert isinstance(presence, Presence)
    assert presence.joined == (visitor.nick,)


def take_everything(visitor: Visitor) -> None:
    """Take events until the connection has ended."""
    while True:
        visitor.receive(DEADLINE)


def test_receive_returns_events_in_order(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    ann.post("one")
    ann.post("two")
    assert isinstance(ann.receive(), Joined)
    assert [until_message(ann).text, until_message(ann).text] == ["one", "two"]


def test_receive_times_out_and_loses_nothing(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    take_first_events(ann)
    with pytest.raises(TimeoutError, match=r"no event came within 0\.05 s"):
        ann.receive(SHORT)
    ann.post("hello")
    assert until_message(ann).text == "hello"


def test_receive_takes_what_is_there_without_waiting(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    take_first_events(ann)
    ann.post("hello")
    ann.history()  # by its answer, all that was sent before it is here
    assert until_message(ann, 0).text == "hello"
    with pytest.raises(TimeoutError):
        ann.receive(0)


def test_steps_of_all_kinds_share_one_order(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    take_first_events(ann)
    for text in ("one", "two", "three"):
        ann.post(text)
    assert until_message(ann).text == "one"
    second, third = ann.next_message(), ann.next_event()
    assert isinstance(second, Message)
    assert isinstance(third, Message)
    assert [second.text, third.text] == ["two", "three"]


def test_after_close_receive_raises_closed_error(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    take_first_events(ann)
    ann.do("close")
    for _ in range(2):
        with pytest.raises(ClosedError):
            ann.receive()
    assert ann.next_event() is None
    assert ann.next_message() is None


def test_close_ends_a_receive_that_waits(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    take_first_events(ann)
    waiting = ann.begin("receive")
    ann.do("close")
    with pytest.raises(ClosedError):
        waiting.result(DEADLINE)


def test_events_from_before_the_end_can_still_be_received(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    ann.post("hello")
    house.close()
    assert until_message(ann).text == "hello"
    for _ in range(2):
        with pytest.raises(DisconnectedError):
            take_everything(ann)


@pytest.mark.parametrize("method", ["receive", "next_event", "next_message"])
def test_two_consumers_at_once_are_an_error(house: House, connect: Connect, method: str) -> None:
    ann = connect(house.url, nick="ann")
    take_first_events(ann)
    steps: list[Future[Any]] = [ann.begin("receive"), ann.begin(method)]
    done, waiting = wait(steps, DEADLINE, FIRST_COMPLETED)
    assert len(done) == 1
    with pytest.raises(MisuseError, match="two consumers"):
        done.pop().result()
    ann.post("hello")
    assert waiting.pop().result(DEADLINE).type == "message"
    ann.post("and again")
    assert until_message(ann).text == "and again"


def test_flush_waits_until_every_post_is_answered(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    posts = [ann.post_nowait(f"line {number}") for number in range(200)]
    posts.append(ann.post_nowait("nobody is here", room="attic"))
    ann.do("flush")
    assert all(post.done() for post in posts)
    assert ann.do("unanswered") == 0
    assert posts[199].result().seq == 200
    with pytest.raises(RefusedError, match="not_joined"):
        posts[200].result()


def test_flush_raises_what_ended_the_connection(connect: Connect) -> None:
    cut = Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert b'"post"' in guest.receive_line()
        assert cut.wait(DEADLINE)

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        post = ann.post_nowait("hello?")
        assert ann.do("unanswered") == 1
        flushing = ann.begin("flush")
        cut.set()
        for ended in (flushing, post):
            with pytest.raises(DisconnectedError):
                ended.result(DEADLINE)


def test_close_ends_a_flush_that_waits(connect: Connect, short_flush: None) -> None:
    posted = Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert b'"post"' in guest.receive_line()
        posted.set()
        guest.wait_for_end()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann")
        ann.post_nowait("hello?")
        assert posted.wait(DEADLINE)
        flushing = ann.begin("flush")
        ann.do("close")
        with pytest.raises(ClosedError):
            flushing.result(DEADLINE)


def test_a_position_moves_with_the_events_that_are_taken(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann", rooms=["Lobby", "attic"])
    start = ann.position()
    assert start.seq == 0
    ann.post("one")
    ann.post("two")
    ann.history()  # by its answer, both are here
    assert ann.position() == start
    assert until_message(ann).seq == ann.position("LOBBY").seq == 1
    assert until_message(ann).seq == ann.position().seq == 2
    assert ann.position().epoch == start.epoch
    assert ann.position("attic").seq == 0
    with pytest.raises(UsageError, match="not in the-cellar"):
        ann.position("the-cellar")


def test_a_stored_position_resumes_at_the_first_event_not_taken(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    for number in range(1, 6):
        ann.post(f"line {number}")
    assert until_message(ann).text == "line 1"
    assert until_message(ann).text == "line 2"
    stored = str(ann.position())
    ann.do("close")
    again = connect(house.url, nick="ann", rooms=[])
    again.join("lobby", after=Position.parse(stored))
    assert [until_message(again).text for _ in range(3)] == ["line 3", "line 4", "line 5"]


def test_own_messages_are_known_across_a_change_of_nick(house: House, connect: Connect) -> None:
    ann, bob = connect(house.url, nick="ann"), house.member("bob")
    ann.post("mine")
    ann.set_nick("anna")
    bob.post("not mine", "b-1")
    bob.settle()
    ann.post("mine too")
    messages = [until_message(ann) for _ in range(3)]
    assert [(each.nick, ann.do("is_mine", each)) for each in messages] == [
        ("ann", True),
        ("bob", False),
        ("anna", True),
    ]
    bob.post("I am ann too, they say", "b-2")
    assert ann.do("is_mine", until_message(ann).model_copy(update={"nick": "ANNA"}))


def test_is_replay_holds_for_messages_from_before_the_join(house: House, connect: Connect) -> None:
    bob = house.member("bob")
    bob.post("before", "b-1")
    bob.settle()
    ann = connect(house.url, nick="ann", history=5)
    bob.post("live", "b-2")
    messages = [until_message(ann) for _ in range(2)]
    assert [ann.do("is_replay", each) for each in messages] == [True, False]


def test_properties_describe_the_connection(serve: Serve, connect: Connect) -> None:
    house = serve(text_bytes=1_000)
    ann = connect(house.url, nick="ann", rooms=["lobby", "Attic"])
    assert ann.do("server").startswith("chatcore")
    assert ann.do("limits").text_bytes == 1_000
    assert set(ann.do("rooms")) == {"lobby", "attic"}
    assert (ann.do("closed"), ann.do("unanswered")) == (False, 0)
    ann.leave("attic")
    assert ann.do("rooms") == ("lobby",)
    ann.do("close")
    assert ann.do("closed")


def test_a_secret_moves_the_nick_to_a_new_connection(house: House, connect: Connect) -> None:
    old = connect(house.url, nick="ann")
    new = connect(house.url, nick="ann", session=old.do("secret"))
    assert new.nick == "ann"
    assert new.do("secret") == old.do("secret")
    with pytest.raises(DisconnectedError) as ended:
        old.take_all()
    assert ended.value.reason == "taken_over"
    assert new.post("still here").seq == 1


def test_an_unknown_secret_still_connects(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann", session="of-a-server-that-is-gone")
    assert ann.nick == "ann"
    with pytest.raises(UsageError, match="session"):
        connect(house.url, nick="bob", session="no spaces")


def test_receive_returns_presence_too(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    house.member("bob")
    while not (isinstance(event := ann.receive(DEADLINE), Presence) and "bob" in event.joined):
        pass
    assert event.count == 2


@pytest.mark.parametrize("timeout", [float("inf"), 1e12, 1e300, 3e6])
def test_a_timeout_of_any_size_works(house: House, connect: Connect, timeout: float) -> None:
    ann = connect(house.url, nick="ann")
    take_first_events(ann)
    waiting = ann.begin("receive", timeout)
    ann.post("hello")
    assert waiting.result(DEADLINE).type == "message"


def test_a_timeout_that_is_no_time_is_a_usage_error(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann")
    with pytest.raises(UsageError, match="or None"):
        ann.receive(float("nan"))
