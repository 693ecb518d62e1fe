"""What a client does when its connection is lost: it comes back, and nothing is missed or said twice.

Each corner of a resume has its test here; the real sockets have theirs elsewhere.
"""

import pytest

from chatcore import Backoff
from chatcore.errors import DisconnectedError, RefusedError
from chatcore.messages import Message
from tests.client.connection import Line, Server


def replays(line: Line) -> list[str]:
    """Return what was read and marked as said before."""
    return [
        event.text for event in line.events if isinstance(event, Message) and line.session.is_replay(event)
    ]


def test_it_reads_on_and_sends_again_what_was_not_acknowledged() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.say("one")
    ana.cut()
    bob.say("while you were away")
    posts = ana.say("two", "three")
    ana.dial_when_due()
    assert ana.texts() == bob.texts() == ["one", "while you were away", "two", "three"]
    assert [post.result().seq for post in posts] == [3, 4]
    assert "while you were away" in replays(ana)
    assert not ana.gaps()


def test_before_the_first_message_arrived() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.cut()
    bob.say("first")
    ana.dial_when_due()
    assert ana.texts() == ["first"]
    assert ana.gaps() == []


def test_many_times_in_a_row() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    for number in range(20):
        ana.cut()
        bob.say(str(number))
        ana.dial_when_due()
    assert ana.texts() == [str(number) for number in range(20)]


def test_an_acknowledgement_that_is_lost_is_asked_for_again() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.loses_answers = True
    (post,) = ana.say("once")
    assert bob.texts() == ["once"]
    ana.cut()
    ana.loses_answers = False
    ana.dial_when_due()
    assert post.result().seq == 1
    assert ana.texts() == bob.texts() == ["once"]


def test_the_server_still_believes_in_the_old_socket() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.cut(server_knows=False)
    ana.dial_when_due()
    assert ana.session.online
    assert ana.ask(lambda session: session.who("lobby")).done is False  # presence is told first
    server.pass_time(1.0)
    assert ana.session.nick == "ana"
    with pytest.raises(RefusedError, match="nick_taken"):
        server.client("ana").session.welcome.result()


def test_a_nick_that_was_taken_meanwhile_is_waited_for() -> None:
    server = Server(session_seconds=10)
    ana = server.client("ana", "lobby")
    ana.cut()
    server.pass_time(11.0)
    thief = server.client("ana", "lobby")
    (post,) = ana.say("kept")
    ana.dial_when_due()
    ana.dial_when_due()
    assert list(ana.offline()) == ["lost", "nick_taken", "nick_taken"]
    assert not post.done
    thief.session.close()
    thief.cut()
    server.pass_time(11.0)
    ana.dial_when_due()
    assert post.result().seq == 1


def test_a_welcome_that_is_lost_five_times_running() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.cut()
    bob.say("still there?")
    for _ in range(5):
        ana.loses_answers = True
        ana.dial_when_due()
        ana.loses_answers = False
        ana.cut(server_knows=False)
    ana.dial_when_due()
    assert ana.texts() == ["still there?"]


def test_onto_a_fresh_record() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.say("lost with the server")
    server.stop()
    server.start()
    bob.dial_when_due()
    bob.say("new times")
    ana.dial_when_due()
    assert ana.gaps() == bob.gaps() == [(0, 0, "reset")]
    assert ana.texts() == ["lost with the server", "new times"]


def test_across_a_restart_with_the_record_kept() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    bob.say("before")
    journal = server.hub.journal
    server.stop()
    server.start(journal)
    (post,) = ana.say("after")
    bob.dial_when_due()
    ana.dial_when_due()
    assert post.result().seq == 2
    assert ana.texts() == bob.texts() == ["before", "after"]
    assert not ana.gaps()


def test_behind_the_retention() -> None:
    server = Server(memory_history_bytes=3_000, tail_bytes=1_000)
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    bob.say("seen")
    ana.cut()
    bob.say(*map(str, range(50)))
    ana.dial_when_due()
    ((after, through, reason),) = ana.gaps()
    assert (after, reason) == (1, "expired")
    assert ana.texts() == ["seen", *map(str, range(through - 1, 50))]


def test_two_devices_under_two_nicks() -> None:
    server = Server()
    desk, pocket = server.client("ana", "lobby"), server.client("ana-2", "lobby")
    desk.cut()
    pocket.cut()
    desk.say("from the desk")
    pocket.say("from the pocket")
    desk.dial_when_due()
    pocket.dial_when_due()
    assert desk.texts() == pocket.texts() == ["from the desk", "from the pocket"]


def test_cut_right_after_joined_with_history_asked() -> None:
    server = Server()
    bob = server.client("bob", "lobby")
    bob.say(*map(str, range(10)))
    ana = server.client("ana")
    ana.loses_answers = True
    joining = ana.join("lobby", history=5)
    ana.loses_answers = False
    ana.cut()
    ana.dial_when_due()
    assert joining.result().after == 5
    assert ana.texts() == ["5", "6", "7", "8", "9"]


def test_a_page_of_history_asked_during_a_resume() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.say("one", "two")
    ana.cut()
    asked = ana.session.history("lobby", limit=1)
    ana.dial_when_due()
    assert [message.text for message in asked.result().messages] == ["two"]


def test_a_room_that_was_being_left_is_left() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby", "other"), server.client("bob", "lobby", "other")
    ana.cut()
    leaving = ana.session.leave("other")
    ana.dial_when_due()
    assert leaving.result().room == "other"
    bob.say("are you there?", room="other")
    assert ana.texts() == []


def test_a_post_that_is_too_old_is_not_sent_again_by_itself() -> None:
    server = Server(dedupe_seconds=60, session_seconds=600)
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.loses_answers = True
    (old,) = ana.say("was it kept?")
    ana.cut()
    ana.loses_answers = False
    server.pass_time(61.0)
    (young,) = ana.say("never sent yet")
    ana.dial_when_due()
    with pytest.raises(DisconnectedError):
        old.result()
    assert young.result().seq == 2
    assert bob.texts() == ["was it kept?", "never sent yet"]


def test_whoever_was_taken_over_does_not_come_back() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    secret = ana.session.welcome.result().session
    other = server.client("bob")
    other.cut()
    other.session.secret = secret
    other.session.nick = "ana"
    other.dial_when_due()
    assert isinstance(ana.session.error, DisconnectedError)
    assert ana.session.error.reason == "taken_over"
    assert ana.session.dial_at is None


def test_a_server_that_says_when_is_given_that_time() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    server.endpoint.drain(reconnect_after=7.0)
    server.settle()
    assert ana.session.dial_at is not None
    assert 7.0 <= ana.session.dial_at - server.clock.now <= 7.5


def test_the_waits_grow_and_are_not_all_the_same() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.cut()
    waits = []
    for _ in range(30):
        assert ana.session.dial_at is not None
        waits.append(ana.session.dial_at - server.clock.now)
        server.clock.now = ana.session.dial_at
        ana.session.connection_failed()
    assert max(waits[:3]) <= 2.0
    assert 15.0 < max(waits) <= 30.0
    assert len(set(waits)) == 30


def test_the_waits_can_be_chosen() -> None:
    backoff = Backoff(first=0.1, longest=0.3)
    waits = [backoff.next() for _ in range(200)]
    assert waits[0] <= 0.1
    assert 0.2 < max(waits) <= 0.3


def test_a_room_that_may_not_be_entered_yet_is_asked_for_again() -> None:
    server = Server(frames_per_second=1, frames_burst=2)
    ana = server.client("ana")
    for room in ("one", "two", "three"):
        server.pass_time(1.0)
        ana.join(room).result()
    ana.cut()
    ana.dial_when_due()
    for _ in range(5):
        server.pass_time(1.0)
    bob = server.client("bob", "three")
    bob.say("all back?", room="three")
    server.pass_time(1.0)
    assert ana.texts() == ["all back?"]


def test_without_reconnecting_the_loss_is_the_end() -> None:
    ana = Server().client("ana", "lobby", reconnect=False)
    ana.cut()
    assert isinstance(ana.session.error, DisconnectedError)
    assert ana.session.dial_at is None
