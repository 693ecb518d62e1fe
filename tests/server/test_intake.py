"""The intake: in which order a session asks, submits and ends, and what a failure leaves."""

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from chatcore.journal import Draft, Outcome, always
from chatcore.journal.memory import MemoryJournal
from chatcore.server.intake import Intake
from tests.protocol.frames import Ack, Hello, History, Join, Joined, Message, Ping, Pong, Post
from tests.server.driver import Clock, Host
from tests.server.key_gate import KeyGate
from tests.server.late import LateGate
from tests.server.leftovers import left_in, waits_in


class Noting(MemoryJournal):
    """Notes in which order it is asked, and fails when it is told to."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock=clock)
        self.asked: list[str] = []
        self.fails = False

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        self._note(*(draft.text for draft in drafts))
        super().submit(drafts, done, still_valid)

    def head(self, room: str, deliver: Any) -> None:
        self._note(f"head of {room}")
        super().head(room, deliver)

    def seek(self, room: str, back: int, before: int, deliver: Any, *, after: int = 0) -> None:
        self._note(f"seek in {room}")
        super().seek(room, back, before, deliver, after=after)

    def _note(self, *asked: str) -> None:
        self.asked += asked
        if self.fails:
            raise RuntimeError("the journal is broken")


def noting(gate: KeyGate | None = None) -> tuple[Noting, Host]:
    """Return a journal that notes what it is asked, and its host."""
    clock = Clock()
    journal = Noting(clock)
    return journal, Host(journal, clock=clock, gate=gate)


def post(text: str, room: str = "lobby") -> Post:
    return Post(room=room, id=text, text=text)


def test_what_is_asked_in_a_step_is_asked_before_what_was_said_in_it_is_submitted() -> None:
    journal, host = noting()
    ana = host.member("ana")
    journal.asked.clear()
    ana.send(post("one"), Join(room="garden", history=5), post("two"), post("three"))
    assert journal.asked == ["head of garden", "one", "two", "three", "seek in garden"]
    bob = host.live("bob")
    bob.send(Join(room="lobby"), Join(room="garden", history=5), post("four", "garden"), post("five"))
    assert journal.asked[5:] == ["seek in garden", "four", "five"]
    assert [joined.room for joined in bob.take_all(Joined)] == ["lobby", "garden"]
    assert [message.text for message in bob.take_all(Message) if message.room == "garden"] == ["four"]


def test_the_end_of_the_stream_is_taken_after_everything_was_submitted() -> None:
    gate = LateGate()
    journal, host = noting(gate)
    ana = host.connect()
    ana.send(Hello(protocol=1, nick="ana"), Join(room="lobby"), *map(post, "abc"))
    ana.eof()
    assert journal.asked == []
    gate.work()
    host.pump()
    assert journal.asked == ["head of lobby", "a", "b", "c"]
    assert [message.text for message in ana.take_all(Message)] == ["a", "b", "c"]
    assert len(ana.take_all(Ack)) == 3
    assert ana.closed


@pytest.mark.parametrize("frame", [post("one"), Join(room="garden")], ids=lambda frame: frame.type)
def test_a_journal_that_raises_costs_the_connection_that_asked_and_leaves_nothing(
    frame: Post | Join,
) -> None:
    journal, host = noting()
    ana, bob = host.member("ana"), host.member("bob")
    journal.fails = True
    with pytest.raises(RuntimeError, match="the journal is broken"):
        ana.send(frame)
    journal.fails = False
    bob.send(post("two"))
    assert bob.texts() == ["two"]
    ana.send(Ping(token="t"))  # a transport would have ended it
    assert ana.one(Pong).token == "t"
    ana.lose()
    assert waits_in(ana.session) == {}
    bob.eof()
    assert left_in(host) == {}


def test_questions_of_a_session_that_has_gone_are_asked_and_their_answers_dropped() -> None:
    journal, host = noting()
    ana = host.member("ana")
    asked: list[object] = []
    ana.send(History(room="lobby"))
    ana.take()
    intake: Intake = ana.session.intake
    with host.hub.lock:
        intake.ask_journal(lambda journal, deliver: deliver("late"), asked.append)
    ana.lose()
    assert asked == ["late"]
    assert left_in(host) == {}
    assert journal.asked == ["head of lobby"]
