"""What a client asks, and which answer is whose."""

from collections.abc import Callable

import pytest

from chatcore.errors import ClosedError, DisconnectedError, ProtocolError, RefusedError, UsageError
from chatcore.messages import Error, Gap, Joined, Message, Position, Presence, encode
from tests.client.connection import Server
from tests.server.driver import Clock


def test_of_two_requests_about_one_room_the_first_is_answered_first() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    who, again = ana.session.who("lobby"), ana.session.join("lobby")
    server.pass_time(1.0)
    assert who.result().nicks == ("ana",)
    with pytest.raises(RefusedError, match="bad_state"):
        again.result()


def test_two_long_member_lists_of_one_room_do_not_mix() -> None:
    server = Server(line_bytes=1_200, text_bytes=50, connections_per_address=None)
    names = [f"{'x' * 26}{number:03}" for number in range(30)]
    clients = [server.client(name, "lobby") for name in names]
    server.pass_time(1.0)
    first, second = clients[0].session.who("lobby"), clients[0].session.who("lobby")
    server.settle()
    server.pass_time(1.0)
    assert first.result().nicks == second.result().nicks == tuple(names)


def test_long_member_lists_of_two_rooms_do_not_mix() -> None:
    server = Server(line_bytes=1_200, text_bytes=50, connections_per_address=None)
    names = [f"{'x' * 26}{number:03}" for number in range(12)]
    clients = [server.client(name, "lobby", *(["other"] if name < names[6] else [])) for name in names]
    server.pass_time(1.0)
    lobby, other = clients[0].session.who("lobby"), clients[0].session.who("other")
    server.settle()
    assert lobby.result().nicks == tuple(names)
    assert other.result().nicks == tuple(names[:6])


def test_rate_limited_posts_are_resent_in_order() -> None:
    server = Server(frames_per_second=10, frames_burst=5)
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    texts = [str(number) for number in range(40)]
    requests = ana.say(*texts)
    for _ in range(60):
        server.pass_time(0.1)
    assert [request.result().seq for request in requests] == list(range(1, 41))
    assert bob.texts() == texts


def test_a_final_refusal_fails_only_its_own_post() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    long, short = ana.say("x" * 20_000, "short")
    with pytest.raises(RefusedError, match="too_long"):
        long.result()
    assert short.result().seq == 1


def test_invalid_arguments_raise_usage_error_in_words() -> None:
    session = Server().client("ana").session
    impossible: list[tuple[Callable[[], object], str]] = [
        (lambda: session.join("no room"), "a room's name is"),
        (lambda: session.set_nick(""), "a nick is"),
        (lambda: session.post("lobby", "\x1b[2J"), "a text has"),
        (lambda: session.history("lobby", limit=0), "limit"),
    ]
    for ask, words in impossible:
        with pytest.raises(UsageError, match=words):
            ask()


def test_an_error_about_no_request_is_an_event() -> None:
    ana = Server().client("ana", "lobby")
    ana.session.receive_data(encode(Error(code="forbidden", message="behave", room="lobby")))
    assert ana.session.events_received() == [Error(code="forbidden", message="behave", room="lobby")]


def test_frames_and_fields_of_a_newer_server_are_ignored() -> None:
    ana = Server().client("ana", "lobby")
    ana.session.receive_data(b'{"type":"weather","sky":"clear"}\n{"type":"pong","extra":1}\n')
    ana.session.receive_data(b'{"type":"error","code":"too_fancy","message":"?"}\n')
    assert [event.type for event in ana.session.events_received()] == ["error"]
    assert ana.session.online


@pytest.mark.parametrize(
    "line",
    [
        b"what?\n",
        b'{"type":"message","room":"lobby"}\n',
        b'{"type":"message","room":"lobby","seq":9,"prev":8,"id":"a","nick":"b","text":"c","at":"2026-01-01T00:00:00Z"}\n',
        b'{"type":"gap","room":"lobby","after":5,"through":6,"reason":"expired"}\n',
        b"x" * 1_100_000,
    ],
)
def test_a_server_that_breaks_the_protocol_ends_the_session(line: bytes) -> None:
    ana = Server().client("ana", "lobby")
    asked = ana.session.who("lobby")
    ana.session.receive_data(line)
    assert isinstance(ana.session.error, ProtocolError)
    assert not ana.session.online
    assert ana.session.dial_at is None
    with pytest.raises(ProtocolError):
        asked.result()
    with pytest.raises(ProtocolError):
        ana.session.join("other")


def test_requests_of_a_closed_session_fail() -> None:
    ana = Server().client("ana", "lobby")
    (asked,) = [ana.session.who("lobby")]
    ana.session.close()
    with pytest.raises(ClosedError):
        asked.result()
    with pytest.raises(ClosedError):
        ana.session.post("lobby", "too late")
    assert ana.session.data_to_send() == b""
    assert ana.session.next_deadline() is None


def test_a_silent_server_is_pinged_then_given_up() -> None:
    clock = Clock()
    ana = Server(clock).client("ana", "lobby", reconnect=False)
    ana.session.events_received()
    clock.now += 30.0
    ana.session.handle_deadline(clock.now)
    assert ana.session.data_to_send() == b'{"type":"ping"}\n'
    clock.now += 30.0
    ana.session.handle_deadline(clock.now)
    assert isinstance(ana.session.error, DisconnectedError)
    assert ana.session.error.reason == "timeout"


def test_position_returns_what_join_takes() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.say("one", "two")
    epoch = next(event.epoch for event in ana.events if isinstance(event, Joined))
    assert ana.session.position("LOBBY") == Position(epoch=epoch, seq=2)
    with pytest.raises(UsageError, match="not in nowhere"):
        ana.session.position("nowhere")


def test_answers_are_no_events_by_default() -> None:
    ana = Server().client("ana", "lobby")
    ana.say("hello")
    assert {type(event) for event in ana.events} <= {Joined, Message, Gap, Presence}


@pytest.mark.parametrize(("epoch", "after"), [("same", 1), ("same", 3), ("other", 2)])
def test_a_resume_at_a_wrong_position_ends_the_session(epoch: str, after: int) -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.say("one", "two")
    joined = Joined(room="lobby", epoch="other", head=9, after=after, count=1)
    if epoch == "same":
        joined = joined.model_copy(update={"epoch": ana.session.position("lobby").epoch})
    ana.session.receive_data(encode(joined))
    assert isinstance(ana.session.error, ProtocolError)


def test_a_join_that_was_not_asked_for_ends_the_session() -> None:
    ana = Server().client("ana", "lobby")
    ana.session.receive_data(encode(Joined(room="elsewhere", epoch="e", head=0, after=0, count=1)))
    assert isinstance(ana.session.error, ProtocolError)
    assert ana.session.rooms == ("lobby",)
