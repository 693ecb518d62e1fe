"""What may happen while a join with ``history`` waits for the journal.

Every peer in these tests checks the law of reading as well.
"""

from collections.abc import Callable

import pytest

from chatcore.gate import OpenGate, Person, Refusal
from chatcore.journal.memory import MemoryJournal
from tests.protocol.frames import Error, Gap, Join, Joined, Leave, Left, Message, Page, Position
from tests.protocol.frames import History as HistoryFrame
from tests.server.driver import Clock, Host, Peer
from tests.server.waiting_journal import WaitingJournal


class Club(OpenGate):
    """A gate that may close its one room."""

    open = True

    def may_join(self, person: Person, room: str) -> Refusal | None:
        return None if self.open else Refusal("forbidden", "members only")


class Scene:
    """A host with five messages in the lobby, whose journal holds back where reading begins."""

    def __init__(self) -> None:
        self.gate = Club()
        self.journal = WaitingJournal(MemoryJournal(clock=Clock()))
        self.host = Host(self.journal, gate=self.gate)
        self.host.member("ana")
        self.journal.store(*"12345")
        self.epoch = self.journal.stored().epoch
        self.journal.held = {"seek", "reach"}

    def join(self, history: int | None, after: tuple[str, int] | None = None) -> Peer:
        """Let somebody join; the answer has to wait."""
        position = None if after is None else Position(epoch=after[0], seq=after[1])
        peer = self.host.member("bob", after=position, history=history)
        assert peer.take_all(Joined) == []
        return peer

    def go_on(self) -> None:
        """Let the journal answer, until nothing waits."""
        self.journal.held = set()
        self.journal.ask()
        self.host.pump()

    def replace_log(self, *texts: str) -> str:
        """Replace the log by another with these texts; return its epoch."""
        memory = MemoryJournal(clock=self.host.clock)
        self.journal.inner = memory
        self.journal.silent = True
        memory.start(self.journal)
        self.journal.store(*texts)
        self.journal.forget_untold()
        self.journal.opened(memory.epoch, lambda room: len(texts) if room == "lobby" else 0)
        self.host.pump()
        return memory.epoch


@pytest.fixture
def scene() -> Scene:
    """A scene."""
    return Scene()


def take(peer: Peer) -> list[tuple[int, int, str]]:
    """Take the gaps and messages that came."""
    return [
        (frame.after, frame.through, frame.reason)
        if isinstance(frame, Gap)
        else (frame.prev, frame.seq, frame.text)
        for frame in peer.take()
        if isinstance(frame, Gap | Message)
    ]


# --- the log is replaced -------------------------------------------------------------------------


def test_a_join_with_history_gets_so_many_messages_of_the_log_that_came_meanwhile(scene: Scene) -> None:
    bob = scene.join(2)
    epoch = scene.replace_log(*"abc")
    assert bob.take_all(Joined) == []
    scene.go_on()
    joined = bob.one(Joined)
    assert (joined.epoch, joined.head, joined.after) == (epoch, 3, 1)
    assert take(bob) == [(1, 2, "b"), (2, 3, "c")]


def test_a_join_with_both_skips_in_the_log_that_came_meanwhile(scene: Scene) -> None:
    bob = scene.join(1, (scene.epoch, 2))
    epoch = scene.replace_log(*"abc")
    scene.go_on()
    joined = bob.one(Joined)
    assert (joined.epoch, joined.head, joined.after) == (epoch, 3, 0)
    assert take(bob) == [(0, 0, "reset"), (0, 2, "skipped"), (2, 3, "c")]


@pytest.mark.parametrize("history", [None, 1])
def test_a_join_ahead_of_its_log_begins_anew_in_another_one(scene: Scene, history: int | None) -> None:
    bob = scene.join(history, (scene.epoch, 9))
    epoch = scene.replace_log(*"ab")
    scene.go_on()
    joined = bob.one(Joined)
    assert (joined.epoch, joined.after) == (epoch, 0)
    first = (0, 1, "a") if history is None else (0, 1, "skipped")
    assert take(bob) == [(0, 0, "reset"), first, (1, 2, "b")]
    scene.host.advance(10.0)
    assert bob.take_all(Error) == []


def test_a_member_of_a_replaced_log_that_had_its_answer_begins_at_the_start(scene: Scene) -> None:
    bob = scene.join(1, (scene.epoch, 2))
    scene.go_on()
    assert take(bob) == [(2, 4, "skipped"), (4, 5, "5")]
    scene.replace_log(*"ab")
    assert bob.one(Joined).after == 0
    assert take(bob) == [(0, 0, "reset"), (0, 1, "a"), (1, 2, "b")]


def test_a_place_in_a_log_that_is_gone_is_not_used(scene: Scene) -> None:
    scene.journal.answered = {"seek"}
    bob = scene.join(2)
    scene.journal.ask()
    scene.journal.answered = set()
    scene.replace_log(*"abc")
    scene.journal.answer()
    assert bob.take_all(Joined) == []
    scene.go_on()
    assert bob.one(Joined).after == 1


# --- reach ---------------------------------------------------------------------------------------


def test_a_position_that_is_reached_late_is_gone_on_from_with_history(scene: Scene) -> None:
    scene.journal.silent = True
    scene.journal.store(*"6789", prefix="late")
    bob = scene.join(1, (scene.epoch, 7))
    scene.journal.tell()
    scene.host.pump()
    scene.go_on()
    joined = bob.one(Joined)
    assert (joined.after, joined.head) == (7, 9)
    assert take(bob) == [(7, 8, "skipped"), (8, 9, "9")]


def test_a_position_beyond_the_log_is_a_reset_with_history(scene: Scene) -> None:
    bob = scene.join(2, (scene.epoch, 6))
    scene.go_on()
    assert bob.one(Joined).after == 0
    assert take(bob) == [(0, 0, "reset"), (0, 3, "skipped"), (3, 4, "4"), (4, 5, "5")]


@pytest.mark.parametrize("question", ["reach", "seek"])
def test_a_join_whose_place_cannot_be_found_is_refused_and_may_be_asked_again(
    scene: Scene, question: str
) -> None:
    scene.journal.failing = {"reach"} if question == "reach" else {"seek"}
    bob = scene.join(2, (scene.epoch, 6))
    scene.go_on()
    error = bob.error()
    assert (error.code, error.room, error.retry_after) == ("unavailable", "lobby", 2.0)
    assert bob.take_all(Joined) == []
    scene.journal.failing = set()
    bob.send(Join(room="lobby", after=Position(epoch=scene.epoch, seq=6), history=2))
    assert bob.one(Joined).after == 0


# --- the peer, or its right, goes ----------------------------------------------------------------


@pytest.mark.parametrize("after", [None, 2, 9])
def test_left_answers_a_join_that_waits_when_it_is_taken_back(scene: Scene, after: int | None) -> None:
    bob = scene.join(2, None if after is None else (scene.epoch, after))
    bob.send(Leave(room="lobby"))
    assert bob.one(Left).reason is None
    scene.go_on()
    assert bob.take() == []
    assert scene.host.hub.rooms["lobby"].count == 1


@pytest.mark.parametrize("after", [None, 2, 9])
@pytest.mark.parametrize(
    "put_out",
    [
        pytest.param(lambda scene: scene.host.hub.revise(), id="revised"),
        pytest.param(lambda scene: scene.host.hub.remove_room("lobby"), id="removed"),
    ],
)
def test_left_answers_a_join_that_waits_when_its_peer_is_put_out(
    scene: Scene, put_out: Callable[[Scene], object], after: int | None
) -> None:
    bob = scene.join(2, None if after is None else (scene.epoch, after))
    scene.gate.open = False
    put_out(scene)
    scene.host.pump()
    assert bob.one(Left).reason == "expelled"
    scene.go_on()
    assert bob.take() == []
    assert "lobby" not in scene.host.hub.rooms


def test_a_join_that_was_taken_back_does_not_answer_the_next_one(scene: Scene) -> None:
    bob = scene.join(1)
    bob.send(Leave(room="lobby"), Join(room="lobby", history=3))
    bob.one(Left)
    scene.go_on()
    assert bob.one(Joined).after == 2
    assert take(bob) == [(2, 3, "3"), (3, 4, "4"), (4, 5, "5")]


def test_a_page_may_come_before_the_answer_to_the_join(scene: Scene) -> None:
    bob = scene.join(1)
    bob.send(HistoryFrame(room="lobby", limit=2))
    assert [message.seq for message in bob.one(Page).messages] == [4, 5]
    scene.go_on()
    assert bob.one(Joined).after == 4
