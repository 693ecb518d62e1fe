"""What the program that embeds a hub reads of its rooms: its subscriptions.

- `Subscription` is the face: it says who may wait, and how. `RoomReader` does the reading, and knows no
  subscription, so that one which is dropped can be collected.
- A subscription that is collected cannot end its reader: collecting happens in any thread, with any lock
  held. It hands the reader over, and the next call of `Subscriptions.open` ends it.
- This is the one file of the core that knows of event loops: the program's own loop runs `__anext__`, and is
  woken through asyncio. It is imported there, so that threaded programs never load it.
"""

import contextlib
import threading
import time
import warnings
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Self

from chatcore.arguments import checked_timeout
from chatcore.errors import ClosedError, MisuseError
from chatcore.messages import Join, Position
from chatcore.server.room_reader import RoomEvent, RoomReader

if TYPE_CHECKING:
    from chatcore.server.hub import Hub

__all__ = ["Subscription", "Subscriptions"]


class Subscription:
    """What happens in one room, for the program that embeds the hub; `Hub.subscribe` makes it. ::

        with hub.subscribe("lobby") as subscription:
            for event in subscription:  # or, in an ``async with``: async for event in subscription
                if isinstance(event, Message):
                    print(event.nick, event.text)

    It reads the room as a member does, and is none: nobody sees it. First comes `Joined`, which says where
    reading begins, and comes again if the log is replaced. Then come `Message`, `Gap` where messages are not
    available, and `Presence` for members who came, left or have another nick. Its own program's posts come
    too. When the room is removed, `Left` comes, and then `Joined` again.

    Events are taken by iterating, in a thread or in any event loop, or by `receive`. One consumer at a time
    may wait; a second raises `MisuseError`. What nobody takes stays in the log and costs nothing, until it
    expires there and becomes a `Gap`.

    An iteration ends after `close`, by whatever thread, and when the hub is closed.

    One that is dropped without `close` ends later, and warns with `ResourceWarning`.
    """

    def __init__(
        self, reader: RoomReader, close: Callable[[RoomReader], None], drop: Callable[[RoomReader], None]
    ) -> None:
        self._reader = reader
        self._close = close
        self._drop = drop
        self._consumer = threading.Lock()  # held by whoever takes events

    def __repr__(self) -> str:
        state = "closed" if self.closed else f"position={self.position}"
        return f"<Subscription {self.room} {state}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self.close()

    def __del__(self, _warn: Callable[..., None] = warnings.warn) -> None:
        if not self.closed:
            self._drop(self._reader)
            _warn(f"{self!r} was not closed", ResourceWarning, source=self)

    @property
    def room(self) -> str:
        """The room's name, in lower case."""
        return self._reader.room

    @property
    def position(self) -> Position | None:
        """How far you have taken its events: ``subscribe(room, after=position)`` resumes there.

        Until `Joined` was taken it is the position that you gave, if any. Store it once you have dealt with
        an event, as ``str(position)``; `Position.parse` reads it back.
        """
        return self._reader.position

    @property
    def closed(self) -> bool:
        """Whether it is over: after `close`, or after that of the hub."""
        return self._reader.closed

    def receive(self, timeout: float | None = None) -> RoomEvent:
        """Block until there is the next event; raises `TimeoutError` if none comes within so many seconds.

        Nothing is lost by a timeout. Raises `ClosedError` after `close`, `MisuseError` while another consumer
        waits. In an event loop use ``anext(subscription)``.
        """
        wait = checked_timeout(timeout)
        deadline = None if wait is None else time.monotonic() + wait
        reader = self._reader
        with self._claim():
            while (event := reader.take()) is None:
                reader.news.clear()
                if not reader.fetch():
                    self._wait(deadline, timeout)
        return event

    def __iter__(self) -> Iterator[RoomEvent]:
        """Iterate over the events, by `receive`."""
        return self

    def __next__(self) -> RoomEvent:
        try:
            return self.receive()
        except ClosedError:
            raise StopIteration from None

    def __aiter__(self) -> AsyncIterator[RoomEvent]:
        """Iterate over the events in an event loop. A step that was cancelled loses nothing."""
        return self

    async def __anext__(self) -> RoomEvent:
        try:
            return await self._receive_in_loop()
        except ClosedError:
            raise StopAsyncIteration from None

    def close(self) -> None:
        """Take no more events. Callable from any thread; ends a consumer that waits. Idempotent."""
        self._close(self._reader)

    # --- waiting ---------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _claim(self) -> Iterator[None]:
        """Let nobody else take events meanwhile: two consumers would each get some of them, at random."""
        if not self._consumer.acquire(blocking=False):
            raise MisuseError("two consumers wait for the events of one subscription; open another one")
        try:
            yield
        finally:
            self._consumer.release()

    def _wait(self, deadline: float | None, timeout: float | None) -> None:
        """Return when there may be news; raises `TimeoutError` where the caller's time is over."""
        patience = self._reader.patience()
        left = None if deadline is None else deadline - time.monotonic()
        if left is not None and left <= 0:
            raise TimeoutError(f"no event came within {timeout:g} s")
        limits = [seconds for seconds in (patience, left) if seconds is not None]
        with contextlib.suppress(TimeoutError):
            self._reader.news.waiter().result(min(limits, default=None))

    async def _receive_in_loop(self) -> RoomEvent:
        import asyncio

        reader = self._reader
        with self._claim():
            while (event := reader.take()) is None:
                reader.news.clear()
                if reader.fetch():
                    await asyncio.sleep(0)  # a long backlog must not keep the loop from everything else
                    continue
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(reader.patience()):
                        await asyncio.wrap_future(reader.news.waiter())
        return event


class Subscriptions:
    """All subscriptions of a hub, so that they end with it. Thread-safe."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._lock = threading.Lock()  # guards the rest, and is held while nothing else is taken
        self._readers: set[RoomReader] = set()
        self._closed = False
        self._dropped: deque[RoomReader] = deque()  # whose subscription was collected

    def __len__(self) -> int:
        return len(self._readers)

    def open(self, join: Join) -> Subscription:
        """Begin to read a room; raises `ClosedError` after `close`."""
        self._end_dropped()
        reader = RoomReader(self._hub, join)
        with self._lock:
            if not self._closed:
                self._readers.add(reader)
        if reader not in self._readers:
            reader.close()
            raise ClosedError("the hub is closed")
        return Subscription(reader, self._end, self._dropped.append)

    def close(self) -> None:
        """End all of them, and open no more. Idempotent."""
        with self._lock:
            self._closed = True
            readers = list(self._readers)
        for reader in readers:
            self._end(reader)

    def _end(self, reader: RoomReader) -> None:
        with self._lock:
            self._readers.discard(reader)
        reader.close()

    def _end_dropped(self) -> None:
        with self._lock:
            dropped = [self._dropped.popleft() for _ in range(len(self._dropped))]
        for reader in dropped:
            self._end(reader)
