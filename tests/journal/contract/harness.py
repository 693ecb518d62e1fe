"""A journal under test: each call waits for its answer, whichever thread gives it, and whenever."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Generic, TypeVar

import pytest

from chatcore.journal import (
    Draft,
    Feed,
    Head,
    Journal,
    Outcome,
    Page,
    Place,
    RoomPage,
    Stored,
    Unavailable,
    always,
)
from chatcore.journal.search import Answer as Found
from chatcore.journal.search import Hits, SearchableJournal, SearchRequest
from chatcore.messages import Message
from tests.server.driver import Clock

__all__ = ["DEADLINE", "Answer", "Harness", "numbers"]

T = TypeVar("T")
A = TypeVar("A")

DEADLINE = 10.0
"""Seconds to wait for an answer."""

HUGE = 1_000_000


def numbers(outcomes: Sequence[Outcome]) -> list[int]:
    """Return the numbers of drafts, all of which have to be stored."""
    seqs = [outcome for outcome in outcomes if isinstance(outcome, int)]
    assert len(seqs) == len(outcomes), outcomes
    return seqs


class Answer(Generic[T]):
    """The answer with which a journal calls back, once."""

    def __init__(self) -> None:
        self._answers: list[T] = []
        self._answered = threading.Event()

    def take(self, answer: T) -> None:
        """Take the answer; this is the callback."""
        self._answers.append(answer)
        self._answered.set()

    def wait(self) -> T:
        """Wait for the answer and return it."""
        assert self._answered.wait(DEADLINE), "no answer"
        assert len(self._answers) == 1, "more than one answer"
        return self._answers[0]

    def available(self: "Answer[A | Unavailable]") -> A:
        """Wait for the answer and return it; the journal has to be available."""
        answer = self.wait()
        assert not isinstance(answer, Unavailable)
        return answer


class Harness:
    """A started journal, and the feed that it calls."""

    tail_bytes = 0

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal = journal
        self.clock = clock
        self.calls: list[str] = []  # of the feed, by name
        self.epochs: list[str] = []
        self.messages: list[Message] = []  # in the order in which they were committed
        self.on_commit: Callable[[Sequence[Stored]], None] = lambda messages: None
        self._called = threading.Condition()
        self._calling = threading.Lock()
        journal.start(self)

    # --- the feed --------------------------------------------------------------------------------

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Note that an epoch has begun."""
        self._note("opened", lambda: self.epochs.append(epoch))

    def committed(self, messages: Sequence[Stored]) -> None:
        """Note messages that were stored."""
        assert list(messages) == [Stored.of(stored.message) for stored in messages]
        self._note("committed", lambda: self.messages.extend(stored.message for stored in messages))
        self.on_commit(messages)

    def _note(self, name: str, add: Callable[[], None]) -> None:
        assert self._calling.acquire(blocking=False), "two calls of the feed at a time"
        try:
            with self._called:
                self.calls.append(name)
                add()
                self._called.notify_all()
        finally:
            self._calling.release()

    # --- what a test asks ------------------------------------------------------------------------

    def submit(self, *drafts: Draft, still_valid: Callable[[], bool] = always) -> list[Outcome]:
        """Submit drafts together and return their outcomes."""
        answer: Answer[Sequence[Outcome]] = Answer()
        self.journal.submit(drafts, answer.take, still_valid)
        return list(answer.wait())

    def post(self, *texts: str, room: str = "lobby") -> list[int]:
        """Store texts under new ids; return their numbers."""
        number = len(self.messages)
        drafts = [Draft(room, f"{room}-{number + n}", "ana", text) for n, text in enumerate(texts)]
        outcomes = self.submit(*drafts)
        self.wait_for(number + len(texts))
        return numbers(outcomes)

    def read(
        self,
        room: str = "lobby",
        *,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int = HUGE,
        max_bytes: int = HUGE,
    ) -> Page:
        """Read a page and return it."""
        answer: Answer[Page | Unavailable] = Answer()
        self.journal.read(
            room,
            answer.take,
            after=after,
            before=before,
            after_at=after_at,
            before_at=before_at,
            limit=limit,
            max_bytes=max_bytes,
        )
        return answer.available()

    def seek(self, room: str, back: int, before: int, *, after: int = 0) -> Place:
        """Seek a place of the epoch and return it."""
        answer: Answer[Place | Unavailable] = Answer()
        self.journal.seek(room, back, before, answer.take, after=after)
        place = answer.available()
        assert place.epoch == self.epochs[-1]
        return place

    def reach(self, room: str, seq: int) -> bool:
        """Ask for a position; return whether the log has it."""
        answer: Answer[bool | Unavailable] = Answer()
        self.journal.reach(room, seq, answer.take)
        return answer.available()

    def head(self, room: str = "lobby") -> int:
        """Ask for a head of the epoch and return it."""
        answer: Answer[Head | Unavailable] = Answer()
        self.journal.head(room, answer.take)
        epoch, seq = answer.available()
        assert epoch == self.epochs[-1]
        return seq

    def rooms(self, after: str | None = None, prefix: str = "", limit: int = HUGE) -> RoomPage:
        """List rooms and return the page."""
        answer: Answer[RoomPage | Unavailable] = Answer()
        self.journal.rooms(answer.take, after=after, prefix=prefix, limit=limit)
        return answer.available()

    def search(self, request: SearchRequest) -> Hits:
        """Search and return a page of this epoch; skips the test where a journal can't."""
        if not isinstance(self.journal, SearchableJournal):
            pytest.skip("this journal cannot search")
        answer: Answer[Found] = Answer()
        self.journal.search(request, answer.take)
        hits = answer.wait()
        assert isinstance(hits, Hits), hits
        assert hits.epoch == self.epochs[-1]
        return hits

    def remove(self, room: str = "lobby") -> bool:
        """Remove a room; return whether there was one."""
        answer: Answer[bool | Unavailable] = Answer()
        self.journal.remove_room(room, answer.take)
        return answer.available()

    def wait_for(self, count: int) -> list[Message]:
        """Wait until ``count`` messages are committed; return all of them."""
        with self._called:
            assert self._called.wait_for(lambda: len(self.messages) >= count, DEADLINE)
            return list(self.messages)

    def wait_for_epochs(self, count: int) -> list[str]:
        """Wait until ``count`` epochs have begun; return all of them."""
        with self._called:
            assert self._called.wait_for(lambda: len(self.epochs) >= count, DEADLINE)
            return list(self.epochs)

    def available(self, room: str = "lobby") -> list[Message]:
        """Return the messages of a room that can still be read, by number."""
        numbers = {stored.seq for stored in self.read(room).messages}
        return [message for message in self.messages if message.room == room and message.seq in numbers]


_: type[Feed] = Harness
