"""What a client does when its connection is lost: it reconnects, and nothing is lost or repeated.

Each corner of a resume has its test here; the real sockets have theirs elsewhere.
"""

import pytest

from chatcore import Backoff
from chatcore.errors import DisconnectedError, RefusedError
from chatcore.messages import Message
from tests.client.connection import Line, Server


def replays(line: Line) -> list[str]:
    """Return what was read and is marked as replay."""
    return [
        event.text for event in line.events if isinstance(event, Message) and line.session.is_replay(event)
    ]


def test_a_resume_replays_what_was_missed_and_resends_posts() -> None:
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


def test_a_resume_before_any_message_starts_at_the_beginning() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    ana.cut()
    bob.say("first")
    ana.dial_when_due()
    assert ana.texts() == ["first"]
    assert ana.gaps() == []


def test_twenty_resumes_in_a_row_lose_nothing() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    for number in range(20):
        ana.cut()
        bob.say(str(number))
        ana.dial_when_due()
    assert ana.texts() == [str(number) for number in range(20)]


def test_a_lost_acknowledgement_comes_after_resending() -> None:
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


def test_a_resume_takes_over_the_old_socket() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.cut(server_knows=False)
    ana.dial_when_due()
    assert ana.session.online
    assert ana.ask(lambda session: session.who("lobby")).done is False  # presence is told first
    server.pass_time(1.0)
    assert ana.session.identity.nick == "ana"
    with pytest.raises(RefusedError, match="nick_taken"):
        server.client("ana").session.welcome.result()


def test_a_taken_nick_is_asked_for_until_it_is_free() -> None:
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


def test_five_lost_welcomes_in_a_row_lose_nothing() -> None:
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


def test_a_resume_onto_a_new_log_shows_a_gap() -> None:
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


def test_a_resume_after_a_restart_continues_the_log() -> None:
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


def test_a_resume_after_retention_shows_a_gap() -> None:
    server = Server(memory_history_bytes=3_000, tail_bytes=1_000)
    ana, bob = server.client("ana", "lobby"), server.client("bob", "lobby")
    bob.say("seen")
    ana.cut()
    for n in range(50):
        bob.say(str(n))
    ana.dial_when_due()
    ((after, through, reason),) = ana.gaps()
    assert (after, reason) == (1, "expired")
    assert ana.texts() == ["seen", *map(str, range(through - 1, 50))]


def test_two_clients_resume_independently() -> None:
    server = Server()
    desk, pocket = server.client("ana", "lobby"), server.client("ana-2", "lobby")
    desk.cut()
    pocket.cut()
    desk.say("from the desk")
    pocket.say("from the pocket")
    desk.dial_when_due()
    pocket.dial_when_due()
    assert desk.texts() == pocket.texts() == ["from the desk", "from the pocket"]


def test_a_join_whose_history_was_lost_replays_it() -> None:
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


def test_history_asked_while_offline_is_answered_later() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    ana.say("one", "two")
    ana.cut()
    asked = ana.session.history("lobby", limit=1)
    ana.dial_when_due()
    assert [message.text for message in asked.result().messages] == ["two"]


def test_a_leave_asked_while_offline_succeeds() -> None:
    server = Server()
    ana, bob = server.client("ana", "lobby", "other"), server.client("bob", "lobby", "other")
    ana.cut()
    leaving = ana.session.leave("other")
    ana.dial_when_due()
    assert leaving.result().room == "other"
    bob.say("are you there?", room="other")
    assert ana.texts() == []


def test_a_post_older_than_the_dedupe_window_is_not_resent() -> None:
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


def test_a_client_that_was_taken_over_does_not_reconnect() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    server.client("ana", secret=ana.session.identity.secret)
    assert isinstance(ana.session.error, DisconnectedError)
    assert ana.session.error.reason == "taken_over"
    assert ana.session.dial_at is None


def test_reconnecting_waits_as_long_as_the_server_asks() -> None:
    server = Server()
    ana = server.client("ana", "lobby")
    server.endpoint.drain(reconnect_after=7.0)
    server.settle()
    assert ana.session.dial_at is not None
    assert 7.0 <= ana.session.dial_at - server.clock.now <= 7.5


def test_waits_grow_and_are_random() -> None:
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


def test_waits_can_be_configured() -> None:
    backoff = Backoff(first=0.1, longest=0.3)
    waits = [backoff.next() for _ in range(200)]
    assert waits[0] <= 0.1
    assert 0.2 < max(waits) <= 0.3


def test_a_rate_limited_rejoin_is_tried_again() -> None:
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


def test_without_reconnect_a_loss_ends_the_session() -> None:
    ana = Server().client("ana", "lobby", reconnect=False)
    ana.cut()
    assert isinstance(ana.session.error, DisconnectedError)
    assert ana.session.dial_at is None
