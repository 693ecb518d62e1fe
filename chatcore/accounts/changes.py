"""Changes to the file on their way to the thread that makes them, and to their answers."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatcore.accounts.statements import AccountsFile

__all__ = ["Change", "ChangeQueue"]


@dataclass(frozen=True, slots=True)
class Change:
    """A change: how it is made within a transaction, and what takes its result, or the refusal.

    ``make`` raises `Refused` if it is not to be. ``revises`` says of its result whether everybody has to be
    looked at, because somebody may have lost a right, or may speak again.
    """

    make: Callable[[AccountsFile, float], Any]
    deliver: Callable[[Any], None]
    revises: Callable[[Any], bool] = lambda _: False


class ChangeQueue:
    """A bounded queue: any thread puts, one thread takes. What was put is taken, also after `close`."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._changed = threading.Condition()  # guards the rest
        self._queue: deque[Change] = deque()
        self._open = True

    def put(self, change: Change) -> bool:
        """Add a change; return whether it will be taken."""
        with self._changed:
            taken = self._open and len(self._queue) < self._size
            if taken:
                self._queue.append(change)
                self._changed.notify()
            return taken

    def take(self, most: int, patience: float) -> list[Change] | None:
        """Wait for changes, but not for longer; ``None`` means that there will be no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._queue or not self._open, patience)
            if not self._queue and not self._open:
                return None
            return [self._queue.popleft() for _ in range(min(most, len(self._queue)))]

    def close(self) -> None:
        """Take no more. Idempotent."""
        with self._changed:
            self._open = False
            self._changed.notify()
