"""A session whose user is slow, or takes nothing at all: it is read, bounded, and misses nothing."""

from typing import Any

import pytest

from chatcore import DisconnectedError, Gap, Joined, Left, Message, Offline, Online, Presence, ProtocolError
from chatcore.client import events
from chatcore.client.events import EVENTS_MAX, EventQueue
from tests.client.connection import Line, Server
from tests.client.script import EPOCH, Script, message

LONG_HISTORY = 50_000_000


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Let few events wait."""
    monkeypatch.setattr(events.EventQueue.__init__, "__defaults__", (10,))
    return 10


def numbers(line: Line) -> list[int]:
    """Return the numbers of the messages that were taken."""
    return [event.seq for event in line.events if isinstance(event, Message)]


def take_slowly(server: Server, line: Line) -> None:
    """Take an event at a time, up to the last one."""
    while line.session.events:
        line.take(1)
        server.settle()


def slow_member(server: Server, *rooms: str, **options: Any) -> Line:
    """Return a member whose user takes no events from now on."""
    ana = server.client("ana", *rooms, **options)
    ana.is_idle = True
    return ana


# --- against a real server -----------------------------------------------------------------------


def test_a_quarter_second_a_message_for_ten_minutes_is_never_cut() -> None:
    server = Server(memory_history_bytes=LONG_HISTORY)
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    most = 0
    for number in range(2_400):
        server.pass_time(0.25)
        bob.say(*(f"{number} {each}" for each in range(4)))
        ana.take(1)
        most = max(most, len(ana.session.events))
    assert most <= EVENTS_MAX
    assert ana.session.position("lobby").seq < 2_400
    take_slowly(server, ana)
    assert numbers(ana) == list(range(1, 9_601))
    assert not ana.gaps()
    assert not list(ana.offline())
    assert bob.ask(lambda session: session.who("lobby")).result().nicks == ("ana", "bob")


def test_a_program_that_only_posts_works_forever(few: int) -> None:
    server = Server(memory_history_bytes=LONG_HISTORY)
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    for number in range(500):
        server.pass_time(1.0)
        bob.say(*(f"{number} {each}" for each in range(3)))
        (post,) = ana.say("tick")
        assert post.done
        assert len(ana.session.events) <= few + 5
    take_slowly(server, ana)
    assert numbers(ana) == list(range(1, 2_001))


def test_messages_that_arrive_while_a_page_is_on_its_way_are_taken_once(few: int) -> None:
    server = Server()
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    bob.say(*map(str, range(25)))
    ana.take(6)  # asks for a page
    for number in range(25, 60):
        bob.say(str(number))
        ana.take(2)
    take_slowly(server, ana)
    assert numbers(ana) == list(range(1, 61))


def test_two_rooms_are_fetched_in_turn(few: int) -> None:
    server = Server()
    ana, bob = slow_member(server, "lobby", "ops"), server.client("bob", "lobby", "ops")
    for number in range(40):
        bob.say(str(number))
        bob.say(str(number), room="ops")
    take_slowly(server, ana)
    for room in ("lobby", "ops"):
        seqs = [event.seq for event in ana.events if isinstance(event, Message) and event.room == room]
        assert seqs == list(range(1, 41))


def test_a_loss_while_behind_resumes_at_the_last_event(few: int) -> None:
    server = Server()
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    bob.say(*map(str, range(30)))
    ana.cut()
    bob.say(*map(str, range(30, 50)))
    (post,) = ana.say("posted while away")
    ana.dial_when_due()
    assert post.result().seq == 51
    take_slowly(server, ana)
    assert numbers(ana) == list(range(1, 52))
    assert not ana.gaps()


def test_what_expires_while_the_user_is_slow_is_a_gap(few: int) -> None:
    server = Server(memory_history_bytes=3_000, tail_bytes=1_000)
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    for n in range(100):
        bob.say(str(n))
    take_slowly(server, ana)
    missing = [seq for after, through, _ in ana.gaps() for seq in range(after + 1, through + 1)]
    assert {reason for *_, reason in ana.gaps()} == {"expired"}
    assert sorted([*missing, *numbers(ana)]) == list(range(1, 101))


def test_a_new_log_while_behind_is_a_reset_and_then_everything(few: int) -> None:
    server = Server()
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    bob.say(*map(str, range(30)))
    server.stop()
    server.start()
    bob.dial_when_due()
    bob.say(*map(str, range(30)))
    ana.dial_when_due()
    take_slowly(server, ana)
    assert ana.gaps() == [(0, 0, "reset")]
    assert numbers(ana)[-30:] == list(range(1, 31))
    joins = [event for event in ana.events if isinstance(event, Joined)]
    assert joins[-1].epoch != joins[0].epoch


def test_leaving_while_behind_says_what_was_not_taken(few: int) -> None:
    server = Server()
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    bob.say(*map(str, range(30)))
    ana.ask(lambda session: session.leave("lobby"))
    take_slowly(server, ana)
    last = numbers(ana)[-1]
    assert ana.gaps() == [(last, 30, "skipped")]
    assert isinstance(ana.events[-1], Left)


def test_a_page_that_is_refused_for_now_is_asked_for_again(few: int) -> None:
    server = Server(frames_per_second=1, frames_burst=4)
    ana, bob = slow_member(server, "lobby"), server.client("bob", "lobby")
    for number in range(40):
        server.pass_time(1.0)
        bob.say(str(number))
    for _ in range(40):
        take_slowly(server, ana)
        server.pass_time(1.0)
    assert numbers(ana) == list(range(1, 41))


# --- against a script ----------------------------------------------------------------------------


def test_pings_are_answered_while_nobody_takes_events(few: int) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 100)))
    ana.say("ping", token="there?")
    assert ana.sent() == [{"type": "pong", "token": "there?"}]
    assert len(ana.session.events) == few


def test_a_page_that_runs_ahead_of_the_stream_is_not_repeated(few: int) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 12)))
    assert len([ana.session.next_event() for _ in range(6)]) == 6
    (asked,) = ana.sent()
    assert (asked["after"], asked["limit"], asked["epoch"]) == (9, 5, EPOCH)
    messages = [_fields(seq) for seq in range(10, 14)]
    ana.say("page", room="lobby", epoch=EPOCH, base=9, more=False, token=asked["token"], messages=messages)
    ana.session.receive_data(b"".join(message(seq) for seq in range(12, 15)))
    assert [event.seq for event in ana.events() if isinstance(event, Message)] == list(range(6, 15))
    assert ana.sent() == []


def test_a_gap_that_overlaps_a_page_is_cut(few: int) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 12)))
    assert len([ana.session.next_event() for _ in range(6)]) == 6
    (asked,) = ana.sent()
    messages = [_fields(seq) for seq in range(10, 13)]
    ana.say("page", room="lobby", epoch=EPOCH, base=9, more=False, token=asked["token"], messages=messages)
    ana.say("gap", room="lobby", after=11, through=20, reason="expired")
    ana.session.receive_data(message(21))
    gap, last = ana.events()[-2:]
    assert isinstance(gap, Gap)
    assert (gap.after, gap.through) == (12, 20)
    assert isinstance(last, Message)


@pytest.mark.parametrize(
    "page",
    [
        {"base": 10, "messages": []},
        {"base": 8, "messages": [9]},
        {"base": 9, "messages": [11]},
        {"base": 9, "messages": range(10, 20)},
    ],
)
def test_a_page_that_does_not_continue_ends_the_session(few: int, page: dict[str, Any]) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 31)))
    assert len([ana.session.next_event() for _ in range(6)]) == 6
    (asked,) = ana.sent()
    messages = [_fields(seq) for seq in page["messages"]]
    fields = {"room": "lobby", "epoch": EPOCH, "more": True, "token": asked["token"], **page}
    ana.say("page", **{**fields, "messages": messages})
    assert isinstance(ana.session.error, ProtocolError)


def test_a_page_of_no_use_is_asked_for_again_later(few: int) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 31)))
    assert len([ana.session.next_event() for _ in range(6)]) == 6
    (asked,) = ana.sent()
    ana.say("page", room="lobby", epoch="another", base=0, more=False, token=asked["token"], messages=[])
    assert ana.sent() == []
    ana.clock.now += 1.0
    ana.session.handle_deadline(ana.clock.now)
    assert [frame["type"] for frame in ana.sent()] == ["history"]


def test_pages_of_our_own_are_no_events(few: int) -> None:
    ana = Script("ana", "lobby", every_frame=True)
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 31)))
    while (asked := _question(ana)) is None:
        ana.session.next_event()
    ana.say("error", code="unavailable", message="not now", id=asked["token"], room="lobby", retry_after=1.0)
    assert {event.type for event in ana.events()} == {"message"}


def test_only_the_latest_news_of_a_kind_waits(few: int) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 31)))
    for count in range(2, 50):
        ana.say("presence", room="lobby", joined=[f"n-{count}"], left=[], count=count, more=False)
        ana.cut()
        ana.connect(nick="ana")
        ana.sent()
        ana.let_in(head=30, after=9)
    assert len(ana.session.events) <= few + 3
    late = ana.events()[few:]
    assert [type(event) for event in late] == [Presence, Online, Joined]
    presence = late[0]
    assert isinstance(presence, Presence)
    assert (presence.count, presence.joined, presence.more) == (49, (), True)


def test_answers_wait_beyond_the_bound_where_every_frame_is_an_event(few: int) -> None:
    ana = Script("ana", "lobby", every_frame=True)
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 31)))
    posts = [ana.session.post("lobby", "hello", id=f"p-{number}") for number in range(20)]
    ana.sent()
    for number in range(20):
        ana.say("ack", room="lobby", id=f"p-{number}", seq=100 + number, durability="memory")
        ana.say("ping")
    assert all(post.done for post in posts)
    assert [event.type for event in ana.events()].count("ack") == 20


def test_a_server_that_invents_rooms_is_bounded() -> None:
    queue = EventQueue(limit=5)
    for number in range(100):
        queue.add_news(Left(room=f"room-{number}", reason="expelled"))
    assert len(queue) <= 11
    assert [queue.take() for _ in range(len(queue))][-1] == Left(room="room-99", reason="expelled")


def test_the_wait_to_reconnect_is_news_too(few: int) -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 31)))
    ana.cut()
    for _ in range(100):
        ana.session.connection_failed()
    waiting = ana.events()
    assert len(waiting) == few + 1
    assert isinstance(waiting[-1], Offline)


def test_events_from_before_the_end_are_taken_then_its_error(few: int) -> None:
    ana = Script("ana", "lobby", reconnect=False)
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 31)))
    ana.cut()
    taken = [ana.session.next_event() for _ in range(few)]
    assert len(taken) == few
    assert ana.session.position("lobby").seq == 9
    with pytest.raises(DisconnectedError):
        ana.session.next_event()


def is_read(ana: Script) -> bool:
    """Tell whether the socket would be read now."""
    return ana.session.want_data


def _question(ana: Script) -> dict[str, Any] | None:
    return next((frame for frame in ana.sent() if frame["type"] == "history"), None)


def _fields(seq: int) -> dict[str, Any]:
    said = {"prev": seq - 1, "id": f"m-{seq}", "nick": "bob", "text": f"text {seq}"}
    return {"type": "message", "room": "lobby", "seq": seq, "at": "2026-11-23T14:35:25.649329Z", **said}


# --- a user who keeps up, but not within a burst -------------------------------------------------


def test_a_burst_is_held_up_for_a_moment_and_nothing_is_fetched() -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 1_500)))
    assert not is_read(ana)
    while ana.session.next_event() is not None:
        pass
    assert is_read(ana)
    assert ana.sent() == []


def test_a_session_is_read_again_after_a_moment() -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 1_500)))
    deadline = ana.session.next_deadline()
    assert deadline is not None
    assert 0 < deadline - ana.clock.now <= 1.0
    ana.clock.now = deadline
    assert is_read(ana)
    ana.session.receive_data(b"".join(message(seq) for seq in range(1_500, 10_000)))
    assert is_read(ana)
    assert len(ana.session.events) == EVENTS_MAX


def test_a_session_that_waits_for_an_answer_is_read() -> None:
    ana = Script("ana", "lobby")
    ana.session.receive_data(b"".join(message(seq) for seq in range(1, 1_500)))
    ana.session.post("lobby", "hello")
    assert is_read(ana)
