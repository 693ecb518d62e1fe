"""Any journal as a test drives it: it answers immediately, unless the test holds the answer back."""

import threading
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Literal, TypeVar

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
from chatcore.messages import DurabilityWord
from tests.journal.contract.harness import numbers

__all__ = ["WaitingJournal"]

T = TypeVar("T")

DEADLINE = 10.0
"""Seconds to wait for an answer."""

Question = Literal["read", "seek", "rooms", "reach"]


class WaitingJournal:
    """A journal whose answers are there immediately, whichever thread they come from.

    Questions in ``held`` wait until `ask`; those in ``answered`` are asked, and the answer waits until
    `answer`. Those in ``failing`` are answered with ``unavailable``. While ``silent``, the hub learns
    of nothing.
    """

    durability: DurabilityWord = "memory"

    def __init__(self, inner: Journal) -> None:
        self.inner = inner
        self.dedupe_seconds = inner.dedupe_seconds
        self.held: set[Question] = set()
        self.answered: set[Question] = set()
        self.failing: set[Question] = set()
        self.silent = False
        self.tail_bytes = 0
        self.asked: list[Question] = []
        self._questions: list[Callable[[], None]] = []
        self._answers: list[Callable[[], None]] = []
        self._untold: list[Stored] = []
        self._feed: Feed | None = None

    # --- what a test does ------------------------------------------------------------------------

    def ask(self) -> None:
        """Ask what was held."""
        questions, self._questions = self._questions, []
        for question in questions:
            question()

    def answer(self) -> None:
        """Hand on the answers that wait."""
        answers, self._answers = self._answers, []
        for answer in answers:
            answer()

    def tell(self) -> None:
        """Let the hub learn what is stored."""
        assert self._feed is not None
        self.silent = False
        untold, self._untold = self._untold, []
        self._feed.committed(untold)

    def forget_untold(self) -> None:
        """Let what is stored and not told be part of what the next epoch begins with."""
        self.silent = False
        self._untold = []

    def store(self, *texts: str, room: str = "lobby", prefix: str = "id") -> list[int]:
        """Store texts under ids made of the prefix and a number; return their numbers."""
        drafts = [Draft(room, f"{prefix}-{n}", "ana", text) for n, text in enumerate(texts)]
        return numbers(_wait(partial(self.inner.submit, drafts)))

    def stored(self, room: str = "lobby") -> Page:
        """Return all that is stored of a room."""
        page = _wait(partial(self.inner.read, room, after=0, limit=10**6, max_bytes=10**9))
        assert isinstance(page, Page)
        return page

    # --- the feed --------------------------------------------------------------------------------

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        assert self._feed is not None
        if not self.silent:
            self._feed.opened(epoch, head)

    def committed(self, messages: Sequence[Stored]) -> None:
        assert self._feed is not None
        if self.silent:
            self._untold += messages
        else:
            self._feed.committed(messages)

    # --- the journal -----------------------------------------------------------------------------

    def start(self, feed: Feed) -> None:
        self._feed = feed
        self.tail_bytes = feed.tail_bytes
        self.inner.start(self)

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        done(_wait(lambda answer: self.inner.submit(drafts, answer, still_valid)))

    def read(
        self,
        room: str,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        question = partial(
            self.inner.read,
            room,
            after=after,
            before=before,
            after_at=after_at,
            before_at=before_at,
            limit=limit,
            max_bytes=max_bytes,
        )
        self._put("read", question, deliver)

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        self._put("seek", partial(self.inner.seek, room, back, before, after=after), deliver)

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        deliver(_wait(partial(self.inner.head, room)))

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        self._put("rooms", partial(self.inner.rooms, after=after, prefix=prefix, limit=limit), deliver)

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        deliver(_wait(partial(self.inner.remove_room, room)))

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        self._put("reach", partial(self.inner.reach, room, seq), deliver)

    def close(self) -> None:
        self.inner.close()

    def _put(
        self,
        name: Question,
        question: Callable[[Callable[[T | Unavailable], None]], None],
        deliver: Callable[[T | Unavailable], None],
    ) -> None:
        self.asked.append(name)

        def ask() -> None:
            answer = Unavailable(2.0) if name in self.failing else _wait(question)
            if name in self.answered:
                self._answers.append(lambda: deliver(answer))
            else:
                deliver(answer)

        if name in self.held:
            self._questions.append(ask)
        else:
            ask()


def _wait(ask: Callable[[Callable[[T], None]], None]) -> T:
    answers: list[T] = []
    answered = threading.Event()

    def take(answer: T) -> None:
        answers.append(answer)
        answered.set()

    ask(take)
    assert answered.wait(DEADLINE), "no answer"
    assert len(answers) == 1, "more than one answer"
    return answers[0]


_: type[Journal] = WaitingJournal
__: type[Feed] = WaitingJournal
