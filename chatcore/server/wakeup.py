"""What one consumer waits for, in a thread or in an event loop, and any thread gives.

The consumer clears it, looks whether there is something to do, and waits only if there is nothing. So what
comes between the look and the wait is not missed.
"""

import threading
from concurrent.futures import Future

__all__ = ["Wakeup"]


class Wakeup:
    """A flag that can be waited for through a future, which both kinds of program know how to wait for."""

    __slots__ = ("_is_set", "_lock", "_waiter")

    def __init__(self) -> None:
        self._lock = threading.Lock()  # held for these few lines only, and while nothing else is taken
        self._is_set = False
        self._waiter: Future[None] | None = None

    def set(self) -> None:
        """Wake the consumer, now or when it waits next. Callable from any thread; never blocks."""
        with self._lock:
            self._is_set = True
            waiter, self._waiter = self._waiter, None
        _finish(waiter)

    def clear(self) -> None:
        """Begin to look. For the consumer."""
        with self._lock:
            self._is_set = False

    def waiter(self) -> "Future[None]":
        """Return what is done once there was a wake-up since `clear`. It may be cancelled.

        For the consumer; the last one counts.
        """
        waiter: Future[None] = Future()
        with self._lock:
            if not self._is_set:
                self._waiter = waiter
                return waiter
        _finish(waiter)
        return waiter


def _finish(waiter: "Future[None] | None") -> None:
    if waiter is not None and waiter.set_running_or_notify_cancel():
        waiter.set_result(None)
