"""Drafts on their way to the writer of the SQLite journal.

Answers keep the order of submission, refusals too, and what was submitted before a refusal was reported is
refused as well. So a sender that is refused knows that nothing of what it sent later was taken, and what it
sends again in its order is stored in that order. Hence the rules:

- a refusal waits in the queue like any other answer, and the writer reports it;
- from the first refusal that waits until the last one is reported, everything new is refused;
- after that, what was decided on before its sender knew of a refusal is refused by its sender's own word,
  which is asked for here, where no refusal can be reported meanwhile.
"""

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chatcore.journal import Draft, Outcome, always
from chatcore.journal.sqlite.statements import SqliteFile

__all__ = ["DraftQueue", "Submission", "Task"]

Task = Callable[[SqliteFile | None], None]
"""A job that takes its turn among the drafts. It is given the file, or `None` while there is none to use."""


@dataclass(slots=True)
class Submission:
    """What was submitted together, and what to call with the outcomes."""

    drafts: Sequence[Draft]
    done: Callable[[Sequence[Outcome]], None]
    refused: bool

    def refuse(self) -> bool:
        """Refuse all of it; return whether that is new."""
        was_refused, self.refused = self.refused, True
        return not was_refused


class DraftQueue:
    """A bounded queue: any thread puts, one thread takes.

    ``size`` bounds the drafts that wait to be stored. What is refused only waits for its answer, and a
    session that leaves too much unanswered is not read from.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._changed = threading.Condition()  # guards the rest
        self._queue: deque[Submission | Task] = deque()
        self._waiting = 0  # drafts that are not refused
        self._unreported = 0  # refusals
        self._refusing = False
        self._open = True

    def put(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> bool:
        """Add drafts; return whether they will be answered from here, which they are not after `close`."""
        with self._changed:
            if self._open:
                full = self._waiting + len(drafts) > self._size
                refused = self._refusing or self._unreported > 0 or full or not still_valid()
                self._queue.append(Submission(drafts, done, refused))
                if refused:
                    self._unreported += 1
                else:
                    self._waiting += len(drafts)
                self._changed.notify()
            return self._open

    def put_task(self, task: Task) -> bool:
        """Add a task; return whether it will be done, which it is not after `close`."""
        with self._changed:
            if self._open:
                self._queue.append(task)
                self._changed.notify()
            return self._open

    @property
    def waiting(self) -> int:
        """How many drafts wait to be stored."""
        return self._waiting

    @property
    def accepts(self) -> bool:
        """Whether it takes drafts, and does not refuse all of them."""
        return self._open and not self._refusing

    def close(self) -> None:
        """Take no more drafts; those that are here will still be handed out. Idempotent."""
        with self._changed:
            self._open = False
            self._changed.notify()

    # --- for the thread that takes ---------------------------------------------------------------

    def take(self, size: int, timeout: float | None) -> list[Submission] | None:
        """Wait for drafts, at most ``timeout`` seconds, and take about ``size``; ``None`` is the end.

        Drafts that come after a task wait until `take_task` has taken that.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._queue or not self._open, timeout)
            taken: list[Submission] = []
            while self._queue and size > 0:
                submission = self._queue[0]
                if not isinstance(submission, Submission):
                    return taken
                self._queue.popleft()
                taken.append(submission)
                size -= len(submission.drafts)
                if not submission.refused:
                    self._waiting -= len(submission.drafts)
            return taken if taken or self._open else None

    def take_task(self) -> Task | None:
        """Take the task that is next, if one is."""
        with self._changed:
            task = self._queue[0] if self._queue else None
            if task is None or isinstance(task, Submission):
                return None
            self._queue.popleft()
            return task

    def refuse(self, taken: list[Submission]) -> None:
        """Refuse, until `accept`, what was taken and all that waits or comes. It is still to be reported."""
        with self._changed:
            self._refusing = True
            self._waiting = 0
            waiting = [each for each in self._queue if isinstance(each, Submission)]
            self._unreported += sum(submission.refuse() for submission in (*taken, *waiting))

    def accept(self) -> None:
        """Stop refusing everything."""
        with self._changed:
            self._refusing = False

    def reported(self, taken: list[Submission]) -> None:
        """Note that everything that was taken is answered."""
        with self._changed:
            self._unreported -= sum(submission.refused for submission in taken)
