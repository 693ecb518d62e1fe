"""A journal under test, asked and waited for: nothing here minds which thread answers, or when."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Generic, TypeVar

from chatcore.journal import Draft, Feed, Journal, Outcome, Page, Stored, Unavailable
from chatcore.messages import Message
from tests.server.driver import Clock

__all__ = ["DEADLINE", "Record"]

T = TypeVar("T")

DEADLINE = 10.0
"""Seconds after which an answer is not coming."""

HUGE = 1_000_000


class Answer(Generic[T]):
    """What a journal calls back with, once."""

    def __init__(self) -> None:
        self._answers: list[T] = []
        self._answered = threading.Event()

    def take(self, answer: T) -> None:
        """Be called back."""
        self._answers.append(answer)
        self._answered.set()

    def wait(self) -> T:
        """Return the answer, once it is there."""
        assert self._answered.wait(DEADLINE), "no answer"
        assert len(self._answers) == 1, "more than one answer"
        return self._answers[0]


class Record:
    """A started journal, and the feed that it tells."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self.journal = journal
        self.clock = clock
        self.told: list[str] = []  # the feed's calls, by name
        self.opened_with: list[tuple[str, dict[str, int]]] = []
        self.messages: list[Message] = []  # in the order in which they were committed
        self._told_more = threading.Condition()
        self._telling = threading.Lock()
        journal.start(self)

    # --- the feed --------------------------------------------------------------------------------

    def opened(self, epoch: str, heads: Mapping[str, int]) -> None:
        """A life of the record begins."""
        self._tell("opened", lambda: self.opened_with.append((epoch, dict(heads))))

    def committed(self, messages: Sequence[Stored]) -> None:
        """Messages are in the record."""
        assert list(messages) == [Stored.of(stored.message) for stored in messages]
        self._tell("committed", lambda: self.messages.extend(stored.message for stored in messages))

    def _tell(self, name: str, note: Callable[[], None]) -> None:
        assert self._telling.acquire(blocking=False), "two calls of the feed at a time"
        try:
            with self._told_more:
                self.told.append(name)
                note()
                self._told_more.notify_all()
        finally:
            self._telling.release()

    # --- what a test asks ------------------------------------------------------------------------

    def submit(self, *drafts: Draft) -> list[Outcome]:
        """Submit drafts together and return their outcomes."""
        answer: Answer[Sequence[Outcome]] = Answer()
        self.journal.submit(drafts, answer.take)
        return list(answer.wait())

    def post(self, *texts: str, room: str = "lobby") -> list[int]:
        """Store texts that were never said before; return their numbers."""
        number = len(self.messages)
        drafts = [Draft(room, f"{room}-{number + n}", "ana", text) for n, text in enumerate(texts)]
        outcomes = self.submit(*drafts)
        assert [outcome.kind for outcome in outcomes] == ["stored"] * len(texts)
        self.wait_for(number + len(texts))
        return [outcome.seq for outcome in outcomes]

    def read(
        self,
        room: str = "lobby",
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int = HUGE,
        max_bytes: int = HUGE,
    ) -> Page:
        """Return a page."""
        answer: Answer[Page | Unavailable] = Answer()
        self.journal.read(room, answer.take, after=after, before=before, limit=limit, max_bytes=max_bytes)
        page = answer.wait()
        assert not isinstance(page, Unavailable)
        return page

    def seek(self, room: str, back: int, before: int) -> int:
        """Return a position."""
        answer: Answer[int | Unavailable] = Answer()
        self.journal.seek(room, back, before, answer.take)
        position = answer.wait()
        assert not isinstance(position, Unavailable)
        return position

    def wait_for(self, count: int) -> list[Message]:
        """Return what was committed, once it is so many messages."""
        with self._told_more:
            assert self._told_more.wait_for(lambda: len(self.messages) >= count, DEADLINE)
            return list(self.messages)

    def kept(self, room: str = "lobby") -> list[Message]:
        """Return the messages of a room that can still be read, by number."""
        numbers = {stored.seq for stored in self.read(room).messages}
        return [message for message in self.messages if message.room == room and message.seq in numbers]


_: type[Feed] = Record
