"""The asyncio transport: one event loop for all connections, uvloop's where it is installed.

A program that has a loop uses `serve` and `connect` in it. ``chat server`` has none, so
`AsyncioTransport` runs a server in a loop in a thread of its own.

- `client`: `connect` and `Chat`.
- `connection`: what drives a client.
- `dialing`: how a client connects.
- `server`: `serve` and `Server`.
- `listeners`: what a server accepts from.
- `secured`: what is between the loop and a connection that is encrypted, on either side.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future

from chatcore.transport import Host, Listen, ServerStatistics, Transport
from transports.asyncio_tcp.client import Chat, connect
from transports.asyncio_tcp.server import Server, serve

__all__ = ["AsyncioTransport", "Chat", "Server", "connect", "new_event_loop", "serve", "transport"]

_Started = tuple[Server, asyncio.AbstractEventLoop, asyncio.Event]


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a loop of uvloop's where that is installed, and one of the standard library's otherwise.

    The caller closes it.
    """
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()


class AsyncioTransport:
    """A `Transport` that runs each `Server` in a loop in a thread of its own.

    ``new_event_loop`` makes that loop, in that thread.
    """

    name = "asyncio"
    applies_channels = True
    takes_descriptors = True
    summary = "one event loop for all connections (uvloop with the extra 'fast')"

    def __init__(self, new_event_loop: Callable[[], asyncio.AbstractEventLoop] = new_event_loop) -> None:
        self._new_event_loop = new_event_loop

    def start(self, hub: Host, listens: Sequence[Listen]) -> "_Running":
        """Listen and return, once the loop runs; raises `OSError`, and then leaves no thread behind."""
        return _Running(hub, listens, self._new_event_loop)


class _Running:
    """A server whose loop runs in a thread."""

    def __init__(
        self,
        hub: Host,
        listens: Sequence[Listen],
        new_event_loop: Callable[[], asyncio.AbstractEventLoop],
    ) -> None:
        started: Future[_Started] = Future()
        self._ended: Future[None] = Future()
        self._thread = threading.Thread(
            target=self._run,
            args=(hub, listens, new_event_loop, started, self._ended),
            name="chat-asyncio",
            daemon=True,
        )
        self._thread.start()
        try:
            self._server, self._loop, self._stopping = started.result()
        except BaseException:
            self._thread.join()
            raise

    @property
    def listening(self) -> Sequence[Listen]:
        """Where it listens, with the ports that it really got."""
        return self._server.listening

    def statistics(self) -> ServerStatistics:
        """Return how late the loop is. Callable from any thread."""
        return self._server.statistics()

    def close(self) -> None:
        """Drain and stop; returns when the thread is gone. Idempotent, and callable from any other thread.

        Raises what ended the server before, if it has failed.
        """
        with contextlib.suppress(RuntimeError):  # the loop is closed already
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._ended.result()

    @staticmethod
    def _run(
        hub: Host,
        listens: Sequence[Listen],
        new_event_loop: Callable[[], asyncio.AbstractEventLoop],
        started: "Future[_Started]",
        ended: "Future[None]",
    ) -> None:
        async def main() -> None:
            stopping = asyncio.Event()
            server = Server(hub, listens, on_failure=stopping.set)
            await server.start()
            started.set_result((server, asyncio.get_running_loop(), stopping))
            await stopping.wait()
            await server.close()

        try:
            with asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(main())
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
                return
            ended.set_exception(error)
            raise
        ended.set_result(None)


transport: Transport = AsyncioTransport()
