"""What a client session says of its events: who waits for them, how far they were taken, whose they are."""

import pytest

from chatcore import ClosedError, Joined, Message, MisuseError, UsageError
from chatcore.client import send_queue
from chatcore.client.arguments import checked_rooms
from chatcore.client.session import ClientSession
from tests.client.connection import Line, Server


def messages(line: Line) -> list[Message]:
    """Return all messages that were taken so far."""
    return [event for event in line.events if isinstance(event, Message)]


def test_events_are_claimed_by_one_at_a_time() -> None:
    session = ClientSession("ana")
    session.events.claim()
    with pytest.raises(MisuseError, match="two consumers"):
        session.events.claim()
    session.events.release()
    session.events.claim()


def test_events_from_before_the_end_come_before_its_error() -> None:
    ana = Server().client("ana", reconnect=False)
    ana.join("lobby")
    ana.session.events_received()
    assert ana.session.next_event() is None
    ana.say("hello")
    ana.events.clear()
    ana.session.close()
    for _ in range(2):
        with pytest.raises(ClosedError):
            ana.session.next_event()


def test_errors_hold_no_frames_of_earlier_calls() -> None:
    session = ClientSession("ana")
    session.close()
    lengths: list[int] = []
    for _ in range(3):
        with pytest.raises(ClosedError) as raised:
            session.join("lobby")
        lengths.append(len(raised.traceback))
    assert len(set(lengths)) == 1


def test_a_position_is_that_of_the_last_event_taken_after_a_resume_too() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    bob.say("one")
    ana.cut()
    bob.say("two")
    assert ana.session.position("lobby").seq == 1
    ana.dial_when_due()
    assert ana.session.position("lobby").seq == 2


def test_a_position_stays_in_its_epoch_until_the_new_one_is_taken() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.say("one")
    old = ana.session.position("lobby")
    server.stop()
    server.start()
    ana.session.events_received()
    assert ana.session.position("lobby") == old
    ana.dial_when_due()
    assert ana.session.position("lobby").epoch != old.epoch
    assert ana.session.position("lobby").seq == 0


def test_entering_a_room_again_starts_its_position_over() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    bob.say("one", "two")
    ana.ask(lambda session: session.leave("lobby"))
    with pytest.raises(UsageError, match="not in lobby"):
        ana.session.position("lobby")
    ana.join("lobby", history=1)
    assert ana.session.position("lobby").seq == 2
    assert [event.after for event in ana.events if isinstance(event, Joined)] == [0, 1]


def test_own_messages_are_known_when_they_come_before_their_acknowledgement() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.loses_answers = True
    ana.say("once")
    ana.cut()
    ana.loses_answers = False
    bob.say("not mine")
    ana.dial_when_due()
    ana.ask(lambda session: session.set_nick("anna"))
    assert [ana.session.is_mine(each) for each in messages(ana)] == [True, False]


def test_only_so_many_ids_of_own_posts_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_queue, "REMEMBERED", 3)
    ana = Server().client("ana", "lobby")
    for number in range(10):
        ana.say(str(number))
    ana.ask(lambda session: session.set_nick("anna"))
    assert [each.text for each in messages(ana) if ana.session.is_mine(each)] == ["7", "8", "9"]


def test_posts_without_an_answer_are_all_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send_queue, "REMEMBERED", 3)
    server = Server()
    ana = server.client("ana", "lobby")
    ana.cut()
    for number in range(10):
        ana.session.post("lobby", str(number))
    ana.dial_when_due()
    ana.ask(lambda session: session.set_nick("anna"))
    assert all(ana.session.is_mine(each) for each in messages(ana))
    assert len(messages(ana)) == 10


def test_a_nick_is_compared_without_regard_to_case() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    bob.say("hello")
    (message,) = messages(ana)
    assert not ana.session.is_mine(message)
    assert ana.session.is_mine(message.model_copy(update={"nick": "ANA"}))


def test_a_secret_is_in_no_repr() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    secret = ana.session.identity.secret
    assert secret
    hello, welcome = ana.session.welcome.frame, ana.session.welcome.result()
    assert welcome.session == secret
    for shown in (ana.session, ana.session.welcome, hello, welcome, ClientSession("ana", secret=secret)):
        assert secret not in repr(shown)
        assert secret not in str(shown)


def test_a_socket_that_comes_after_close_is_not_used() -> None:
    session = ClientSession("ana")
    session.close()
    session.connection_made()
    assert not session.online
    assert session.data_to_send() == b""


def test_rooms_are_a_sequence_of_names() -> None:
    assert checked_rooms(["lobby", "Ops"]) == ("lobby", "Ops")
    assert checked_rooms(()) == ()
    with pytest.raises(UsageError, match=r"rooms=\['lobby'\]"):
        checked_rooms("lobby")
    with pytest.raises(UsageError, match="a room's name is"):
        checked_rooms(["no spaces"])
