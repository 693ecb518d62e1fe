"""Both clients behind one synchronous face, on which every call has a deadline."""

import asyncio
import inspect
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from chatcore import Ack, Event, Joined, Left, Message, NickFrame, Page, Position
from tests.transports.peers import DEADLINE
from transports import asyncio_tcp, threaded_tcp

__all__ = ["CLIENTS", "Visitor"]

A = TypeVar("A")


class Visitor:
    """A connected client. What the two kinds do not share is how a call is begun."""

    def begin(self, method: str, *args: Any, **options: Any) -> "Future[Any]":
        """Begin to call a method of the chat, or to read a property; the future has what that returns."""
        raise NotImplementedError

    def close(self) -> None:
        """Close the chat, and whatever it runs in. Idempotent."""
        raise NotImplementedError

    def do(self, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the chat."""
        return self.begin(method, *args, **options).result(DEADLINE)

    @property
    def nick(self) -> str:
        """The nick that the server knows the client by."""
        return str(self.do("nick"))

    def join(self, room: str, **options: Any) -> Joined:
        """Enter a room."""
        joined: Joined = self.do("join", room, **options)
        return joined

    def leave(self, room: str) -> Left:
        """Leave a room."""
        left: Left = self.do("leave", room)
        return left

    def post(self, text: str, **options: Any) -> Ack:
        """Post, and wait until it is stored."""
        ack: Ack = self.do("post", text, **options)
        return ack

    def post_nowait(self, text: str, **options: Any) -> "Future[Ack]":
        """Post without waiting."""
        return self.begin("post_nowait", text, **options)

    def history(self, room: str | None = None, **options: Any) -> Page:
        """Return a page of a room's log."""
        page: Page = self.do("history", room, **options)
        return page

    def who(self, room: str | None = None) -> tuple[str, ...]:
        """Return who is in a room."""
        nicks: tuple[str, ...] = self.do("who", room)
        return nicks

    def ping(self) -> float:
        """Ask for a sign of life."""
        seconds: float = self.do("ping")
        return seconds

    def set_nick(self, nick: str) -> NickFrame:
        """Take another nick."""
        frame: NickFrame = self.do("set_nick", nick)
        return frame

    def position(self, room: str | None = None) -> Position:
        """Return how far the events of a room were taken."""
        position: Position = self.do("position", room)
        return position

    def receive(self, timeout: float | None = None) -> Event:
        """Return the next event."""
        event: Event = self.do("receive", timeout)
        return event

    def next_event(self) -> Event | None:
        """Take a step of the iteration over events; return ``None`` when the chat was closed."""
        event: Event | None = self.do("next_event")
        return event

    def take_all(self) -> list[Event]:
        """Return all events up to the end; raises what ended the connection."""
        return list(iter(self.next_event, None))

    def next_message(self) -> Message | None:
        """Take a step of the iteration over messages; return ``None`` when the chat was closed."""
        message: Message | None = self.do("next_message")
        return message


class _Threaded(Visitor):
    """The blocking client: each call in a thread of its own, so that none can hang a test."""

    def __init__(self, url: str, **options: Any) -> None:
        options.setdefault("reconnect", False)  # most tests want to see the end of a connection
        self._chat = _in_thread(lambda: threaded_tcp.connect(url, **options)).result(DEADLINE)
        self._events = self._chat.events()
        self._messages = iter(self._chat)

    def begin(self, method: str, *args: Any, **options: Any) -> "Future[Any]":
        match method:
            case "post_nowait":
                return self._chat.post_nowait(*args, **options)
            case "ask":
                return _in_thread(lambda: self._chat.ask_nowait(*args).result())
            case "next_event":
                return _in_thread(lambda: next(self._events, None))
            case "next_message":
                return _in_thread(lambda: next(self._messages, None))
            case _:
                return _in_thread(lambda: self._call(method, args, options))

    def close(self) -> None:
        _in_thread(self._chat.close).result(DEADLINE)

    def _call(self, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        found = getattr(self._chat, method)
        return found(*args, **options) if callable(found) else found


class _Asyncio(Visitor):
    """The client for asyncio, in a loop in a thread."""

    def __init__(self, url: str, **options: Any) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="test-loop", daemon=True)
        self._thread.start()
        try:
            self._chat = self._run(self._open(url, options)).result(DEADLINE)
        except BaseException:
            self._end_loop()
            raise
        self._events = self._chat.events()
        self._messages = aiter(self._chat)

    def begin(self, method: str, *args: Any, **options: Any) -> "Future[Any]":
        return self._run(self._call(method, args, options))

    def close(self) -> None:
        if self._thread.is_alive():
            self.do("close")
            self._end_loop()

    async def _open(self, url: str, options: dict[str, Any]) -> asyncio_tcp.Chat:
        options.setdefault("reconnect", False)
        return await asyncio_tcp.connect(url, **options)

    async def _call(self, method: str, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
        match method:
            case "ask":
                return await self._chat.ask_nowait(*args)
            case "next_event":
                return await anext(self._events, None)
            case "next_message":
                return await anext(self._messages, None)
            case _:
                found = getattr(self._chat, method)
                result = found(*args, **options) if callable(found) else found
                return await result if inspect.isawaitable(result) else result

    def _run(self, coroutine: Coroutine[Any, Any, A]) -> "Future[A]":
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)

    async def _wind_up(self) -> set["asyncio.Task[Any]"]:
        await self._loop.shutdown_asyncgens()
        await self._loop.shutdown_default_executor()
        return asyncio.all_tasks() - {task for task in [asyncio.current_task()] if task}

    def _end_loop(self) -> None:
        tasks = self._run(self._wind_up()).result(DEADLINE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE)
        self._loop.close()
        assert not tasks, f"{tasks} are left"


def _in_thread(call: Callable[[], A]) -> "Future[A]":
    future: Future[A] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="test-call", daemon=True).start()
    return future


CLIENTS: dict[str, Callable[..., Visitor]] = {"client-threaded": _Threaded, "client-asyncio": _Asyncio}
"""Both clients, by name: called with a URL and what ``connect`` takes."""
