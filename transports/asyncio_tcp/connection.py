"""A client session, driven by the running loop.

`Connection` is the protocol of one socket after another, and does all that the session asks for in
`Connection._update`, after every call and every input. It knows no `Chat`, so that one which is dropped can
be collected while the loop still holds its connection. Nothing here is thread-safe.
"""

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable
from functools import partial
from typing import TypeVar, cast

from chatcore import Event, MisuseError, UsageError
from chatcore.arguments import checked_timeout
from chatcore.client.requests import Request
from chatcore.client.session import ClientSession
from transports.asyncio_tcp.dialing import dial
from transports.asyncio_tcp.secured import Secured
from transports.nodes import Nodes
from transports.sockets import (
    FLUSH_SECONDS,
    FORKED,
    GOODBYE_SECONDS,
    tune,
)

__all__ = ["Connection"]

A = TypeVar("A")

log = logging.getLogger("chat.client")


class Connection(asyncio.Protocol):
    """The socket on one side, the session on the other; one socket after another, if they are lost."""

    _transport: asyncio.Transport

    def __init__(self, session: ClientSession, nodes: Nodes) -> None:
        self._session = session
        self._nodes = nodes
        self._address = ""
        self._loop = asyncio.get_running_loop()
        self._process = os.getpid()
        self._news = asyncio.Event()  # there are events, or there will be no more
        self._flushed = asyncio.Event()  # every post is answered, or none will be any more
        self._ended = asyncio.Event()  # the session is closed
        self._lost = asyncio.Event()  # there is no socket now
        self._lost.set()
        self._writing = True
        self._reading = True
        self._timer: asyncio.TimerHandle | None = None
        self._redialing: asyncio.Task[None] | None = None

    # --- for the chat ----------------------------------------------------------------------------

    @property
    def forked(self) -> bool:
        """Whether this is the copy of a connection that a fork has made: the socket is the parent's."""
        return os.getpid() != self._process

    @property
    def address(self) -> str:
        """Where we are connected, or were last, for people."""
        return self._address

    async def dial(self) -> None:
        """Connect; raises what `transports.asyncio_tcp.dialing.dial` does."""
        await dial(self._nodes, self, shows_key=self._session.identity.shows_key)
        self._address = self._nodes.address

    def ask(self, make: Callable[[], Request[A]]) -> "asyncio.Future[A]":
        """Ask something of the session; return a future that has the answer. Raises `MisuseError`."""
        self._check_place()
        request = make()
        future: asyncio.Future[A] = self._loop.create_future()

        def settle() -> None:
            if future.done():  # its user has cancelled it
                return
            if request.error is not None:
                future.set_exception(request.error)
                future.exception()  # it need not be looked at: posts may be fired and forgotten
            else:
                future.set_result(request.result())

        request.when_done(settle)
        self._update()
        return future

    async def receive(self, timeout: float | None) -> Event:
        """Return the next event; raises `TimeoutError`, `MisuseError`, and what ended the session."""
        wait = checked_timeout(timeout)
        self._check_place()
        self._session.events.claim()
        try:
            if (event := self._next_event()) is not None:
                return event
            async with asyncio.timeout(wait):
                await self._wait_for_event()
        except TimeoutError:
            raise TimeoutError(f"no event came within {timeout:g} s") from None
        finally:
            self._session.events.release()
        event = self._next_event()  # taken after the last chance to be cancelled, so it is never lost
        assert event is not None
        return event

    def _next_event(self) -> Event | None:
        session, was_full = self._session, self._session.events.is_full
        event = session.next_event()
        if session.has_output or was_full != session.events.is_full:  # it asks for more
            self._update()
        return event

    async def flush(self) -> None:
        """Wait until every post is answered; raises `MisuseError`, and what ended the session."""
        self._check_place()
        while self._session.unacknowledged:
            self._flushed.clear()
            await self._flushed.wait()
        self._session.raise_if_closed()

    async def close(self, *, flush: bool = True) -> None:
        """Have posts answered, end our stream, wait a moment for the server to end its own, and let go.

        Without ``flush``, posts are not waited for. Raises `MisuseError`.
        """
        if self.forked or (self._session.closed and self._lost.is_set() and self._redialing is None):
            return
        self._check_place()
        try:
            await self._end(FLUSH_SECONDS if flush else 0.0)
            await self._say_goodbye()
        except asyncio.CancelledError:
            self._let_go()
            raise

    async def _end(self, within: float) -> None:
        """End the session once all posts are answered, or after a time."""
        session = self._session
        session.finish(session.clock() + within)
        self._update()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within):
                await self._ended.wait()
        session.close()

    async def _say_goodbye(self) -> None:
        if self._redialing is not None:
            self._redialing.cancel()
            await asyncio.wait([self._redialing])
        self._update()
        if not self._lost.is_set():
            try:
                self._transport.write_eof()
                async with asyncio.timeout(GOODBYE_SECONDS):
                    await self._lost.wait()
            except OSError:  # it takes too long, or the server was gone before
                self._transport.abort()
                await self._lost.wait()

    def abandon(self) -> None:
        """Have the loop end all this soon, since nobody will close it; callable from any thread."""
        with contextlib.suppress(RuntimeError):  # the loop is closed, and runs nothing any more
            self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        self._session.close()
        if self._redialing is not None:
            self._redialing.cancel()
        self._update()
        if not self._lost.is_set():
            self._abort()

    def _abort(self) -> None:
        """Let go of the socket. What the server sees is the end of our stream, as it is without TLS."""
        if isinstance(self._transport, Secured):
            self._transport.end()
        self._transport.abort()

    def _check_place(self) -> None:
        """Raise `MisuseError` where nothing would ever come of a call."""
        if self.forked:
            raise MisuseError(FORKED)
        try:
            here = asyncio.get_running_loop() is self._loop
        except RuntimeError:
            here = False
        if not here:
            raise MisuseError(
                "this Chat belongs to another event loop, the one in which it was connected; "
                "from elsewhere, asyncio.run_coroutine_threadsafe can call it there"
            )

    async def _wait_for_event(self) -> None:
        """Return when there is an event; raises what ended the session."""
        session = self._session
        while not session.events:
            session.raise_if_closed()
            self._news.clear()
            self._update()
            await self._news.wait()

    # --- the session's wishes --------------------------------------------------------------------

    def _update(self) -> None:
        """Do whatever the session's state asks for; MUST be called after anything was done with it."""
        self._do(self._keep_up)

    def _keep_up(self) -> None:
        session = self._session
        if session.events or session.closed:
            self._news.set()
        if session.closed:
            self._ended.set()
        if not session.unacknowledged:
            self._flushed.set()
        if not self._lost.is_set():
            self._update_socket()
        self._set_timer()

    def _update_socket(self) -> None:
        session, transport = self._session, self._transport
        if not session.online and not session.closed_by_us:
            self._abort()
            return
        while self._writing and (data := session.data_to_send()):
            transport.write(data)
        if session.want_data != self._reading and not transport.is_closing():
            self._reading = not self._reading
            transport.resume_reading() if self._reading else transport.pause_reading()

    def _set_timer(self) -> None:
        when = self._session.next_deadline()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if when is not None and self._redialing is None and (self._session.online or self._lost.is_set()):
            delay = max(when - self._session.clock(), 0.0)
            self._timer = self._loop.call_later(delay, self._handle_deadline)

    def _handle_deadline(self) -> None:
        self._timer = None
        session = self._session
        self._do(lambda: session.handle_deadline(session.clock()))
        due = session.dial_at is not None and session.dial_at <= session.clock()
        if due and self._lost.is_set() and self._redialing is None:
            self._redialing = self._loop.create_task(self._dial_again())
            self._update()

    async def _dial_again(self) -> None:
        outcome: Callable[[], None] = self._update
        try:
            await self.dial()
        except (OSError, UsageError) as error:
            outcome = partial(self._session.connection_failed, self._nodes.reason_of(error))
        except Exception as error:  # nobody looks at this task, so whatever it is must reach those who wait
            outcome = partial(self._session.fail, error)
        finally:
            self._redialing = None
        self._do(outcome)

    def _do(self, step: Callable[[], None]) -> None:
        """Take a step of the session that nobody waits for, and bring everything up to date.

        An exception is a bug, here or in a backoff of the user's. It ends the session, since nobody may wait
        for one that has failed.
        """
        try:
            step()
            if step != self._keep_up:
                self._keep_up()
        except Exception as error:
            self._fail(error)
            log.exception("the client has failed")

    def _fail(self, error: Exception) -> None:
        """End everything, and rely on nothing more of the session than that it ends."""
        self._session.fail(error)
        for event in (self._news, self._flushed, self._ended):
            event.set()
        if not self._lost.is_set():
            # Not now: the standard library's loop may be in the middle of a write, and loses twice what is
            # given up there.
            self._loop.call_soon(self._transport.abort)

    # --- called by the loop ----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one by type
        self._lost.clear()
        self._writing = self._reading = True
        self._do(self._begin)

    def _begin(self) -> None:
        self._session.connection_made()
        with contextlib.suppress(OSError):  # it is gone already, which the loop reports next
            tune(self._transport.get_extra_info("socket"))

    def data_received(self, data: bytes) -> None:
        self._do(lambda: self._session.receive_data(data))

    def eof_received(self) -> None:
        self._do(self._session.receive_eof)

    def pause_writing(self) -> None:
        self._writing = False

    def resume_writing(self) -> None:
        self._writing = True
        self._do(self._session.data_drained)

    def connection_lost(self, exc: Exception | None) -> None:
        self._lost.set()
        self._do(self._session.receive_eof)
