"""A client session, driven by a thread of its own.

`Connection` is the session, its lock, and the thread that moves bytes between it and one socket after
another. Callers change the session under the lock and wake the thread, which then does all that the session
asks for, in `Connection._update`.

- ``_lock`` guards the session, and is held during no system call but the one that wakes.
- The thread answers futures while it holds the lock, so their callbacks run there. They may ask, but not
  wait.
- The thread knows no `Chat`, so that one which is dropped can be collected. It learns of that by a flag:
  collecting happens in any thread, at any time, with any lock held.
"""

import contextlib
import logging
import os
import selectors
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

from chatcore import Event, MisuseError, UsageError
from chatcore.arguments import checked_timeout
from chatcore.client.requests import Request
from chatcore.client.session import ClientSession
from transports.nodes import Nodes
from transports.sockets import FLUSH_SECONDS, FORKED, GOODBYE_SECONDS, LONGEST_WAIT
from transports.threaded_tcp.dialing import dial
from transports.threaded_tcp.stream import Stream

__all__ = ["Connection"]

A = TypeVar("A")

log = logging.getLogger("chat.client")

WAKES = 4 * 1024
"""Calls to wake up that are taken at once."""


class _Answer(Future[A]):
    """A future that the client's thread settles, and in that thread refuses to wait for itself."""

    def __init__(self, connection: "Connection") -> None:
        super().__init__()
        self._connection = connection
        self.set_running_or_notify_cancel()

    def settle(self, request: Request[A]) -> None:
        """Take the answer of a request that is done."""
        if request.error is not None:
            self.set_exception(request.error)
        else:
            self.set_result(request.result())

    def result(self, timeout: float | None = None) -> A:
        self._check()
        try:
            return super().result(checked_timeout(timeout))
        finally:
            del self  # what is raised holds this frame, which would hold what is raised

    def exception(self, timeout: float | None = None) -> BaseException | None:
        self._check()
        return super().exception(checked_timeout(timeout))

    def _check(self) -> None:
        if not self.done():
            self._connection.check_may_wait()


class Connection:
    """The socket on one side, the session on the other, and the thread between them."""

    def __init__(self, nodes: Nodes, session: ClientSession, until: float | None = None) -> None:
        self._nodes = nodes
        self._address = ""
        self._session = session
        self._process = os.getpid()
        self._abandoned = False  # nobody will close this any more
        # Entered by itself and not through the condition: a Ctrl-C that comes while Condition.__enter__ is
        # under way would leave it locked forever.
        self._lock = threading.RLock()
        self._changed = threading.Condition(self._lock)
        self._goodbye_by: float | None = None
        with contextlib.ExitStack() as undo:
            self._selector = undo.enter_context(selectors.DefaultSelector())
            self._waker, self._wakee = map(undo.enter_context, socket.socketpair())
            self._waker.setblocking(False)
            self._wakee.setblocking(False)
            self._selector.register(self._wakee, selectors.EVENT_READ)
            stream = undo.enter_context(self._dial(until))
            self._thread = threading.Thread(target=self._run, args=(stream,), name="chat-client", daemon=True)
            self._thread.start()
            undo.pop_all()

    # --- for the chat ----------------------------------------------------------------------------

    @property
    def forked(self) -> bool:
        """Whether this is the copy of a connection that a fork has made: the thread is the parent's."""
        return os.getpid() != self._process

    @property
    def address(self) -> str:
        """Where we are connected, or were last, for people."""
        return self._address

    def ask(self, make: Callable[[], Request[A]]) -> "Future[A]":
        """Ask something of the session; return a future that has the answer. Raises `MisuseError`."""
        self._check_process()
        answer: _Answer[A] = _Answer(self)
        with self._lock:
            request = make()
            request.when_done(lambda: answer.settle(request))
        self._wake()
        return answer

    def wait(self, make: Callable[[], Request[A]], until: float | None = None) -> A:
        """Ask something of the session and wait for the answer; raises `MisuseError` where that is no use.

        With ``until``, a time of `time.monotonic`, it raises `TimeoutError` then.
        """
        self.check_may_wait()
        return self.ask(make).result(_seconds_until(until))

    def look(self, what: Callable[[], A]) -> A:
        """Return what is to be read of the session while nothing changes. Raises `MisuseError`."""
        self._check_process()
        with self._lock:
            return what()

    def receive(self, timeout: float | None) -> Event:
        """Return the next event; raises `TimeoutError`, `MisuseError`, and what ended the session."""
        wait = checked_timeout(timeout)
        self.check_may_wait()
        session = self._session
        with self._lock:
            session.events.claim()
            was_full = session.events.is_full
            try:
                self._changed.wait_for(lambda: session.events or session.closed, wait)
                event = session.next_event()
            finally:
                session.events.release()
            asks_for_more = session.has_output or was_full != session.events.is_full
        if asks_for_more:
            self._wake()
        if event is None:
            raise TimeoutError(f"no event came within {timeout:g} s")
        return event

    def flush(self) -> None:
        """Wait until every post is answered; raises `MisuseError`, and what ended the session."""
        self.check_may_wait()
        with self._lock:
            self._changed.wait_for(lambda: not self._session.unacknowledged)
            self._session.raise_if_closed()

    def close(self, *, flush: bool = True) -> None:
        """Have posts answered, end our stream, wait a moment for the server to end its own, and let go.

        Without ``flush``, posts are not waited for. In the thread itself, which cannot wait for its own end,
        only what is asked of it is noted.
        """
        if self.forked:
            return
        with self._lock:
            self._session.finish(self._session.clock() + (FLUSH_SECONDS if flush else 0.0))
            self._changed.notify_all()
        self._wake()
        if threading.current_thread() is not self._thread:
            self._join()

    def _join(self) -> None:
        try:
            self._thread.join()
        except BaseException:  # a second Ctrl-C: no more waiting for answers
            self.abandon()
            raise

    def abandon(self) -> None:
        """Have the thread end all this soon, since nobody will close it. Takes no lock."""
        self._abandoned = True
        self._wake()

    def check_may_wait(self) -> None:
        """Raise `MisuseError` where waiting would never end."""
        self._check_process()
        if threading.current_thread() is self._thread:
            raise MisuseError(
                "this call waits for the client's own thread, and was made in it, by a future's callback; "
                "use post_nowait there, or leave the work to another thread"
            )

    def _check_process(self) -> None:
        if self.forked:  # before any lock: the thread that held it at the fork does not exist here
            raise MisuseError(FORKED)

    def _wake(self) -> None:
        """Have the thread look at the session again."""
        try:
            self._waker.send(b"\0")
        except OSError:  # it is full of wakes, or the thread has gone
            log.debug("the thread need not be woken")

    # --- the thread ------------------------------------------------------------------------------

    def _run(self, stream: Stream) -> None:
        try:
            self._converse_on_all(stream)
        except BaseException as error:  # a bug, here or in a backoff of the user's
            with self._lock:
                self._session.fail(error)
                self._keep_up()
            log.exception("the client's thread has failed")

    def _converse_on_all(self, first: Stream) -> None:
        """Be one connection after another."""
        stream: Stream | None = first
        with self._selector, self._waker, self._wakee:
            while stream is not None:
                with stream:
                    self._converse(stream)
                    self._watch(stream, 0)
                stream = self._dial_again()

    def _dial(self, until: float | None = None) -> Stream:
        stream, early = dial(self._nodes, until, shows_key=self._session.identity.shows_key)
        self._goodbye_by = None
        self._address = self._nodes.address
        with self._lock:
            self._session.connection_made()
            self._session.receive_data(early)
        return stream

    def _dial_again(self) -> Stream | None:
        """Return the next stream, however long it takes, or ``None`` at the end."""
        while (wait := self._seconds_to_dial()) is not None:
            if wait > 0:
                self._sleep()
                continue
            try:
                return self._dial()
            except (OSError, UsageError) as error:
                with self._lock:
                    self._session.connection_failed(self._nodes.reason_of(error))
        return None

    def _seconds_to_dial(self) -> float | None:
        session = self._session
        with self._lock:
            now = session.clock()
            session.handle_deadline(now)
            self._keep_up()
            return None if session.dial_at is None else max(session.dial_at - now, 0.0)

    def _sleep(self) -> None:
        """Wait until something is due, or until woken."""
        if self._selector.select(self._seconds_to_deadline()):
            self._wakee.recv(WAKES)

    def _seconds_to_deadline(self) -> float | None:
        with self._lock:
            deadline = self._session.next_deadline()
            if deadline is None:
                return None
            return min(max(deadline - self._session.clock(), 0.0), LONGEST_WAIT)

    def _converse(self, stream: Stream) -> None:
        """Be the connection between a socket and the session, until either ends."""
        while (interest := self._update(stream)) is not None:
            if stream.unsent and not stream.refused:
                self._transfer(stream, selectors.EVENT_WRITE)  # what is taken only later is a sign of life
                continue
            mask, timeout = interest
            self._watch(stream, mask)
            for key, ready in self._selector.select(timeout):
                if key.fileobj is self._wakee:
                    self._wakee.recv(WAKES)
                else:
                    self._transfer(stream, ready)

    def _keep_up(self) -> None:
        """Tell those who wait that something may have changed."""
        if self._abandoned:
            self._session.close()
        self._changed.notify_all()

    def _update(self, stream: Stream) -> tuple[int, float | None] | None:
        """Bring the session up to date; return what to wait for, or ``None`` at the end."""
        session = self._session
        with self._lock:
            now = session.clock()
            session.handle_deadline(now)
            if not stream.unsent:
                stream.give(session.data_to_send())
            self._keep_up()
            if not session.online:
                return self._goodbye(stream, now)
            mask = selectors.EVENT_READ if session.want_data else 0
            return mask | (selectors.EVENT_WRITE if stream.unsent else 0), self._seconds_to_deadline()

    def _goodbye(self, stream: Stream, now: float) -> tuple[int, float | None] | None:
        """End our stream if we have closed; return what to wait for, or ``None`` to close the socket."""
        if not self._session.closed_by_us or (self._goodbye_by is not None and now >= self._goodbye_by):
            return None
        if self._goodbye_by is None:
            self._goodbye_by = now + GOODBYE_SECONDS
        stream.end()
        if stream.ended:
            return None
        mask = selectors.EVENT_READ | (selectors.EVENT_WRITE if stream.unsent else 0)
        return mask, self._goodbye_by - now

    def _transfer(self, stream: Stream, ready: int) -> None:
        """Write and read what the socket takes and has, and give it to the session."""
        drained = bool(ready & selectors.EVENT_WRITE) and stream.send()
        data = stream.receive() if ready & selectors.EVENT_READ and not stream.ended else b""
        with self._lock:
            if drained:
                self._session.data_drained()
            if data:
                self._session.receive_data(data)
            if stream.ended:
                self._session.receive_eof()

    def _watch(self, stream: Stream, mask: int) -> None:
        """Wait for something else of a socket from now on, or for nothing."""
        sock = stream.sock
        watched = self._selector.get_map().get(sock)
        if mask and watched is None:
            self._selector.register(sock, mask)
        elif mask and watched is not None and watched.events != mask:
            self._selector.modify(sock, mask)
        elif not mask and watched is not None:
            self._selector.unregister(sock)


def _seconds_until(end: float | None) -> float | None:
    return None if end is None else end - time.monotonic()
