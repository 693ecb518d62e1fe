"""What a peer sends while something that it depends on is not decided: it waits, and nothing else does."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from typing import Any

import pytest

from chatcore.gate import Gate, OpenGate, Person, Refusal
from chatcore.gate import Post as Posted
from chatcore.journal import Draft, Feed, Head, Outcome, Stored, Unavailable, always
from chatcore.journal.memory import MemoryJournal
from chatcore.server.inbox import ROOM_ITEMS
from chatcore.server.session import Session
from chatcore.wire.plain import plain
from tests.protocol.frames import (
    Ack,
    Closing,
    Error,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Message,
    NickFrame,
    Page,
    Ping,
    Pong,
    Post,
    Presence,
    Welcome,
    Who,
)
from tests.server.driver import Clock, Host
from tests.server.key_gate import KeyGate, key_of
from tests.server.late import LateDirectory, LateGate, LateHeads, ThreadGate
from tests.server.leftovers import left_in, waits_in
from tests.server.slow_journal import SlowJournal

KEY = key_of("ada")
HELLO, JOIN = Hello(protocol=1, nick="ada", key=KEY), Join(room="lobby")


def post(number: int, room: str = "lobby") -> Post:
    """Return a post."""
    return Post(room=room, id=str(number), text=f"text {number}")


def late_rooms(**limits: Any) -> tuple[LateHeads, Host]:
    """Return a host whose rooms are loaded late, and its journal."""
    clock = Clock()
    journal = LateHeads(clock)
    return journal, Host(journal, clock=clock, gate=KeyGate("ada"), **limits)


def late_directory() -> tuple[LateDirectory, Host]:
    """Return a host whose directory answers late, and that directory."""
    host = Host(gate=KeyGate("ada"), directory=partial(LateDirectory, late=("enter", "rename")))
    assert isinstance(host.hub.directory, LateDirectory)
    return host.hub.directory, host


def load(journal: LateHeads, host: Host) -> None:
    """Let the journal answer."""
    journal.work()
    host.pump()


# --- one segment ---------------------------------------------------------------------------------


def work_of(gate: Gate) -> Callable[[], None]:
    """Return what lets a gate answer, if it does not by itself."""
    return gate.work if isinstance(gate, LateGate | ThreadGate) else lambda: None


@pytest.mark.parametrize("ends", [False, True], ids=["stays", "ends"])
@pytest.mark.parametrize("make", [OpenGate, KeyGate, LateGate, ThreadGate])
def test_hello_join_and_post_in_one_segment_work_with_every_gate(
    make: Callable[[], Gate], ends: bool
) -> None:
    gate = make()
    host = Host(gate=gate)
    with closing(gate):
        zoe = host.connect()
        zoe.send(Hello(protocol=1, nick="zoe"), JOIN, post(1))
        if ends:
            zoe.eof()
        work_of(gate)()
        host.pump()
    assert [type(frame) for frame in zoe.take()] == [Welcome, Joined, Ack, Message]
    assert zoe.closed == ends
    assert left_in(host) == {} or not ends


# --- after a hello -------------------------------------------------------------------------------


def test_a_socket_is_read_again_and_its_transport_woken_once_a_hello_is_answered() -> None:
    gate = LateGate("ada")
    host = Host(gate=gate)
    ada = host.hello("ada", key=KEY)
    assert not ada.session.want_data
    host.wakes = 0
    gate.work()
    assert host.wakes > 0
    assert ada.session in host.endpoint.ready()
    assert ada.session.want_data


def test_the_end_of_the_stream_after_a_pending_hello_comes_after_everything_was_submitted() -> None:
    gate, clock = LateGate("ada"), Clock()
    journal = SlowJournal(clock)
    host = Host(journal, clock=clock, gate=gate)
    ada = host.connect()
    ada.send(HELLO, JOIN, post(1))
    ada.eof()
    gate.work()
    host.pump()
    assert not ada.ended
    journal.work()
    host.pump()
    assert [frame.id for frame in ada.take_all(Ack)] == ["1"]
    assert ada.closed
    assert host.is_free("ada")


def test_a_goodbye_of_a_plain_peer_waits_for_the_answer_to_its_hello_as_all_else_does() -> None:
    gate = LateGate()
    host = Host(gate=gate)
    nc = host.connect(plain, port=4711)
    nc.feed(b"hello\n/quit\nmore\n")
    ended = [nc.ended]
    gate.work()
    host.pump()
    ended.append(nc.ended)
    assert ended == [False, True]
    assert isinstance(host.hub.journal, MemoryJournal)
    assert host.hub.journal._head("lobby") == 1


# --- after a nick --------------------------------------------------------------------------------


def test_everything_waits_unread_after_a_nick_until_it_is_answered() -> None:
    directory, host = late_directory()
    ada = host.live("ada", key=KEY)
    ada.send(NickFrame(nick="ada-x"), Ping(token="t"))
    ada.send(NickFrame(nick="zoe"), Ping(token="u"))
    assert ada.take() == []
    wanted = [ada.session.want_data]
    directory.work(host.hub)
    host.pump()
    wanted.append(ada.session.want_data)
    assert wanted == [False, True]
    assert [frame for frame in ada.take() if not isinstance(frame, Error)] == [
        NickFrame(nick="ada-x"),
        Pong(token="t"),
        Pong(token="u"),
    ]


# --- after a join --------------------------------------------------------------------------------


def test_what_names_a_room_that_is_being_entered_waits_in_its_order() -> None:
    journal, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, post(1), Who(room="LOBBY"), post(2))
    ada.send(Ping(token="t"), post(3), Leave(room="lobby"), post(4))
    assert ada.take() == [Pong(token="t")]
    load(journal, host)
    host.settle()
    frames = ada.take()
    assert [frame.id for frame in frames if isinstance(frame, Ack)] == ["1", "2", "3"]
    refused = [(frame.code, frame.id) for frame in frames if isinstance(frame, Error)]
    assert refused == [
        ("not_joined", "4"),
        ("not_joined", None),
    ]  # it had left before it learned who was there
    assert isinstance(frames[0], Joined)


@pytest.mark.parametrize(
    ("frame", "answer"),
    [
        (Leave(room="Lobby"), Left),
        (History(room="Lobby", token="t"), Page),
        (Who(room="Lobby"), Members),
        (Join(room="Lobby"), Error),
        (post(1, "Lobby"), Ack),
    ],
    ids=lambda value: getattr(value, "type", ""),
)
def test_a_request_to_a_room_that_is_being_entered_is_answered_after_the_join(
    frame: Join | Leave | History | Who | Post, answer: type
) -> None:
    journal, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, frame)
    assert ada.take() == []
    load(journal, host)
    host.settle()
    got = [type(frame) for frame in ada.take() if not isinstance(frame, Presence | Message)]
    assert got == [Joined, answer]
    assert waits_in(ada.session) == {}


def test_other_rooms_and_other_peers_go_on_while_a_room_is_being_entered() -> None:
    journal, host = late_rooms()
    ada, zoe = host.live("ada", key=KEY), host.live("zoe")
    zoe.send(Join(room="garden"))
    ada.send(Join(room="garden"))
    load(journal, host)
    ada.send(JOIN, post(1), post(2, "garden"), NickFrame(nick="ada-x"), post(3, "garden"))
    zoe.send(post(4, "garden"))
    assert zoe.texts() == ["text 2", "text 3", "text 4"]
    assert ada.session.want_data
    load(journal, host)
    assert [ack.id for ack in ada.take_all(Ack)] == ["2", "3", "1"]


def test_sixteen_frames_wait_for_a_room_and_with_one_more_the_socket_is_not_read() -> None:
    journal, host = late_rooms()
    ada, zoe = host.live("ada", key=KEY), host.live("zoe")
    ada.send(JOIN, *map(post, range(ROOM_ITEMS - 1)), Ping(token="before"))
    wanted = [ada.session.want_data]
    ada.send(post(ROOM_ITEMS - 1), Ping(token="after"))
    wanted.append(ada.session.want_data)
    assert ada.take() == [Pong(token="before")]
    zoe.send(Ping(token="z"))
    assert zoe.take() == [Pong(token="z")]
    load(journal, host)
    wanted.append(ada.session.want_data)
    assert wanted == [True, False, True]
    frames = ada.take()
    assert [frame.id for frame in frames if isinstance(frame, Ack)] == [str(n) for n in range(ROOM_ITEMS)]
    assert Pong(token="after") in frames


def test_a_socket_that_was_not_read_is_read_again_while_a_history_is_looked_for() -> None:
    clock = Clock()
    journal = LateSeeks(clock)
    host = Host(journal, clock=clock)
    ada = host.live("ada")
    ada.send(Join(room="lobby", history=3), *map(post, range(ROOM_ITEMS)))
    assert not ada.session.want_data
    host.wakes = 0
    journal.work()
    assert host.wakes > 0
    assert ada.session in host.endpoint.ready()
    assert ada.session.want_data


class LateSeeks(SlowJournal):
    """A slow journal whose heads are slow too."""

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        self.waiting.append(lambda: self.memory.head(room, deliver))


def test_two_joins_may_be_answered_in_the_other_sequence() -> None:
    journal, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(Join(room="a"), Join(room="b"), post(1, "a"), post(2, "b"))
    journal.waiting.reverse()
    journal.answer(Head(journal.epoch, 0))
    host.pump()
    assert [type(frame) for frame in ada.take()] == [Joined, Ack, Message]
    load(journal, host)
    assert [frame.id for frame in ada.take_all(Ack)] == ["1"]


def test_what_waited_for_a_join_that_is_refused_is_refused_too() -> None:
    journal, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, post(1), Who(room="lobby"))
    journal.answer(Unavailable(2.0))
    host.pump()
    assert [(error.code, error.id) for error in ada.take_all(Error)] == [
        ("unavailable", None),
        ("not_joined", "1"),
        ("not_joined", None),
    ]


def test_a_room_may_be_left_and_entered_again_within_one_segment() -> None:
    journal, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, post(1), Leave(room="lobby"), JOIN, post(2))
    load(journal, host)
    first = [type(frame) for frame in ada.take() if not isinstance(frame, Message)]
    assert first == [Joined, Left, Ack]
    load(journal, host)
    assert [frame.head for frame in ada.take_all(Joined)] == [1]
    assert [frame.id for frame in ada.take_all(Ack)] == ["2"]
    assert ada.texts() == ["text 2"]


def test_the_end_of_the_stream_waits_for_rooms_that_are_being_entered() -> None:
    journal, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, Join(room="garden"), post(1))
    ada.eof()
    assert not ada.ended
    load(journal, host)
    assert [joined.room for joined in ada.take_all(Joined)] == ["lobby", "garden"]
    assert [type(frame) for frame in ada.take()] == [Ack, Message]
    assert ada.closed
    assert left_in(host) == {}


def test_the_end_of_the_stream_waits_no_longer_than_the_join() -> None:
    journal, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, post(1))
    ada.eof()
    host.advance(5.0)
    assert [error.code for error in ada.take_all(Error)] == ["unavailable", "not_joined"]
    assert ada.closed
    load(journal, host)
    assert left_in(host) == {}


def test_what_waits_at_a_drain_is_refused_before_the_end() -> None:
    _, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, post(1), Who(room="lobby"), Ping(token="t"))
    ada.take()
    host.endpoint.drain()
    host.pump()
    frames = ada.take()
    assert [(frame.code, frame.id) for frame in frames if isinstance(frame, Error)] == [
        ("unavailable", None),
        ("unavailable", "1"),
        ("unavailable", None),
    ]
    assert isinstance(frames[-1], Closing)
    assert left_in(host) == {}


def test_no_end_is_said_while_another_thread_is_about_to_refuse_what_waited() -> None:
    _, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.send(JOIN, post(1))
    with host.hub.lock:
        ada.session.drain(None)
        host.hub._waiting.clear()  # taken by that thread
    host.hub.follow_up()
    host.pump()
    assert [error.id for error in ada.take_all(Error)] == [None]
    assert ada.take() == []
    ada.session.go_on()
    host.hub.follow_up()
    host.pump()
    assert [type(frame) for frame in ada.take()] == [Error, Closing]


def test_rooms_that_are_being_entered_count_towards_the_limit() -> None:
    _, host = late_rooms(rooms_per_session=2)
    ada = host.live("ada", key=KEY)
    ada.send(Join(room="a"), Join(room="b"), Join(room="c"))
    error = ada.error()
    assert (error.code, error.room) == ("limit_exceeded", "c")


def test_what_is_not_a_frame_is_still_answered_while_others_wait() -> None:
    _, host = late_rooms()
    ada = host.live("ada", key=KEY)
    ada.feed(b'{"type":"join","room":"lobby"}\nnonsense\n{"type":"ping","token":"t"}\n')
    assert [type(frame) for frame in ada.take()] == [Error, Pong]


# --- several threads -----------------------------------------------------------------------------


class SlowReview(OpenGate):
    """Takes its time to look at a post."""

    def __init__(self) -> None:
        self.looking = threading.Event()
        self.done = threading.Event()

    def review(self, person: Person, nick: str, post: Posted) -> Posted | Refusal:
        self.looking.set()
        assert self.done.wait(10.0)
        return post


@pytest.fixture
def slow_review() -> Iterator[SlowReview]:
    gate = SlowReview()
    yield gate
    gate.done.set()


def test_a_socket_is_not_read_while_another_thread_takes_what_came_before(slow_review: SlowReview) -> None:
    clock = Clock()
    journal = LateHeads(clock)
    host = Host(journal, clock=clock, gate=slow_review)
    ada = host.live("ada")
    ada.send(JOIN, post(1))
    journal.work()
    thread = threading.Thread(target=host.hub.follow_up)  # as another transport's would
    thread.start()
    assert slow_review.looking.wait(10.0)
    ada.send(Ping(token="t"), post(2))
    wanted = [ada.session.want_data]
    assert ada.take_all(Pong) == []
    slow_review.done.set()
    thread.join(10.0)
    assert host.wakes > 0
    host.pump()
    wanted.append(ada.session.want_data)
    assert wanted == [False, True]
    assert ada.one(Pong).token == "t"
    assert ada.texts() == ["text 1", "text 2"]


class OneWay(MemoryJournal):
    """Is not to be asked anything by whoever is told what it has stored."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.before_report: Callable[[], None] = lambda: None

    def start(self, feed: Feed) -> None:
        super().start(_Interrupted(self, feed))

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        assert not self._order.locked(), "the journal is asked from within its own report"
        super().submit(drafts, done, still_valid)

    def report_epoch(self, epoch: str) -> None:
        """Report a new epoch of empty logs."""
        assert self._feed is not None
        with self._order:
            self._feed.opened(epoch, lambda room: 0)


class _Interrupted:
    """A feed before which something else happens."""

    def __init__(self, journal: OneWay, feed: Feed) -> None:
        self.tail_bytes = feed.tail_bytes
        self._journal = journal
        self._feed = feed

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        self._journal.before_report()
        self._feed.opened(epoch, head)

    def committed(self, messages: Sequence[Stored]) -> None:
        self._journal.before_report()
        self._feed.committed(messages)


@pytest.mark.parametrize("report", ["committed", "opened"])
def test_a_journal_is_asked_nothing_from_within_its_report_also_if_others_can_go_on(report: str) -> None:
    clock = Clock()
    journal = OneWay(clock)
    host = Host(journal, clock=clock, gate=KeyGate("ada"), directory=partial(LateDirectory, late=("enter",)))
    directory = host.hub.directory
    assert isinstance(directory, LateDirectory)
    ada, zoe = host.member("ada", key=KEY), host.member("zoe")
    directory.work(host.hub)
    zoe.send(Join(room="garden"), post(1, "garden"))

    def meanwhile() -> None:  # what a thread of the directory's does, up to where it would follow up
        journal.before_report = lambda: None
        (job, _), *directory.waiting = directory.waiting
        with host.hub.lock:
            job()

    journal.before_report = meanwhile
    if report == "committed":
        ada.send(post(2))
    else:
        journal.report_epoch("new")
    host.hub.follow_up()
    host.pump()
    assert [ack.id for ack in zoe.take_all(Ack)] == ["1"]


@pytest.mark.logs("session.failed")
def test_a_bug_met_while_others_go_on_costs_only_the_peer_that_met_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    journal, host = late_rooms()
    ada, zoe = host.member("ada", key=KEY), host.member("zoe")
    working = Session.go_on

    def broken(session: Session) -> None:
        if session is ada.session:
            raise RuntimeError("a bug")
        working(session)

    monkeypatch.setattr(Session, "go_on", broken)
    zoe.send(post(1))
    load(journal, host)
    assert zoe.one(Ack).id == "1"
    assert ada.closed
    assert "a bug" in caplog.text
