"""A page that is made in a thread, for all who wait for it.

- One thread at a time makes it. Who asks meanwhile waits for the next one, which is made for all of them: so
  nobody gets what is older than the question, and who asks often costs no more than who asks seldom.
- After one was made, nothing happens for `SHARE` times the processor time that it took. So however often it
  is asked for, other threads have most of the time.
- Whatever hangs while it is made, everybody gets an answer within a time, and no thread is added.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Generic, TypeVar

__all__ = ["SHARE", "Page"]

T = TypeVar("T")

SHARE = 4
"""How much longer nothing is made than was worked."""


class Page(Generic[T]):
    """Something that is made again whenever it is asked for. For one event loop."""

    def __init__(self, make: Callable[[], T], seconds: float) -> None:
        self._make = make
        self._seconds = seconds
        self._next: asyncio.Task[T] | None = None  # that has not begun
        self._current: asyncio.Future[T] | None = None
        self._not_before = 0.0

    async def get(self) -> T:
        """Return it as it is now; raises `TimeoutError`, and what making it raised."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_task(self._make_next())
            self._next.add_done_callback(_look_at)
        making = self._next
        done, _ = await asyncio.wait([making], timeout=self._seconds)
        if not done:
            raise TimeoutError
        return making.result()

    async def _make_next(self) -> T:
        if self._current is not None:
            await asyncio.wait([self._current])
        await asyncio.sleep(max(self._not_before - time.monotonic(), 0.0))
        self._next = None
        loop = asyncio.get_running_loop()
        made: asyncio.Future[T] = loop.create_future()
        self._current = made
        cost: list[float] = []
        # A daemon: one that hangs must not keep the process from its end.
        work = threading.Thread(
            target=_run, args=(self._make, loop, made, cost), name="chat-metrics", daemon=True
        )
        work.start()
        try:
            return await made
        finally:
            self._not_before = time.monotonic() + SHARE * sum(cost)


def _look_at(made: "asyncio.Task[T]") -> None:
    """Look at what was raised: it may be that nobody waits for it any more."""
    if not made.cancelled():
        made.exception()


def _run(
    make: Callable[[], T], loop: asyncio.AbstractEventLoop, made: "asyncio.Future[T]", cost: list[float]
) -> None:
    """Settle a future, and say how much processor time that took. In a thread that does nothing else."""
    try:
        settle: Callable[[], None] = partial(made.set_result, make())
    except Exception as error:
        settle = partial(made.set_exception, error)

    cost.append(time.thread_time())

    def settle_once() -> None:
        if not made.done():  # it was cancelled
            settle()

    with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
        loop.call_soon_threadsafe(settle_once)
