"""Drafts on their way to the writer of the SQLite journal.

Answers keep the order of submission, refusals too, and what was submitted before a refusal was told
is refused as well. So whoever is refused once knows that nothing of what it sent later was taken,
and what it sends again in order is stored in order. Hence the rules:

- a refusal waits in the queue like any other answer, and the writer tells it;
- from the first one that waits until the last one is told, everything new is refused.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatcore.journal import Draft, Outcome

__all__ = ["DraftQueue", "Submission"]


@dataclass(slots=True)
class Submission:
    """What was submitted at once, and whom to tell what became of it."""

    drafts: Sequence[Draft]
    done: Callable[[Sequence[Outcome]], None]
    refused: bool


class DraftQueue:
    """A bounded queue with one thread that takes; any thread may put.

    ``size`` bounds the drafts that wait to be stored. What is refused waits only to be told so, and a
    session that has too much unanswered is not read from.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._changed = threading.Condition()  # guards the rest
        self._queue: deque[Submission] = deque()
        self._waiting = 0  # drafts that are not refused
        self._untold = 0  # refusals
        self._refusing = False
        self._open = True

    def put(self, drafts: Sequence[Draft], done: Callable[[Sequence[Outcome]], None]) -> bool:
        """Add drafts; return whether they will be answered from here."""
        with self._changed:
            if self._open:
                refused = self._refusing or self._untold > 0 or self._waiting + len(drafts) > self._size
                self._queue.append(Submission(drafts, done, refused))
                if refused:
                    self._untold += 1
                else:
                    self._waiting += len(drafts)
                self._changed.notify()
            return self._open

    def close(self) -> None:
        """Take no more; what is here will still be taken out. Idempotent."""
        with self._changed:
            self._open = False
            self._changed.notify()

    # --- for the thread that takes ---------------------------------------------------------------

    def take(self, size: int, timeout: float | None) -> list[Submission] | None:
        """Wait for something, and take about ``size`` drafts; ``None`` is the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or not self._open, timeout)
            taken: list[Submission] = []
            while self._queue and size > 0:
                asked = self._queue.popleft()
                taken.append(asked)
                size -= len(asked.drafts)
                if not asked.refused:
                    self._waiting -= len(asked.drafts)
            return taken if taken or self._open else None

    def refuse(self, taken: list[Submission]) -> None:
        """Refuse, until `accept`, what was taken and all that waits or comes; it is still to be told."""
        with self._changed:
            self._refusing = True
            self._waiting = 0
            for asked in (*taken, *self._queue):
                self._untold += not asked.refused
                asked.refused = True

    def accept(self) -> None:
        """Refuse no more than one has to."""
        with self._changed:
            self._refusing = False

    def told(self, taken: list[Submission]) -> None:
        """Note that everything taken was answered."""
        with self._changed:
            self._untold -= sum(asked.refused for asked in taken)
