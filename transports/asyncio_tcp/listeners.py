"""The listening sockets of a server, watched by the running loop.

What they accept is announced by the server, with a task for each that ends as soon as it is. A loop cannot
do this by itself: out of descriptors, the standard library's logs a traceback for each attempt, and libuv
turns away everybody who waits, or stops listening for good.
"""

import asyncio
import socket
from collections.abc import Callable, Sequence

from chatcore.address import Peer
from chatcore.transport import Layers
from transports.acceptor import Acceptor, Delay

__all__ = ["Listeners"]

TICK = 0.001
"""Seconds by which loops count time: one that is due so much earlier is not worth another timer."""


class Listeners:
    """Accepts connections in the running loop, until `close`.

    ``announce`` is called with each connection, which is its to close. ``fail`` is called with an exception
    that is a bug; nothing is accepted after that. ``delay`` is for the `Acceptor`.
    """

    def __init__(
        self,
        announce: Callable[[socket.socket, Peer, Layers], None],
        fail: Callable[[BaseException], None],
        delay: Delay,
    ) -> None:
        self._announce = announce
        self._fail = fail
        self._acceptor = Acceptor(delay, trusts=lambda at, peer: self._layers[at].wire.trusts(peer))
        self._layers: dict[socket.socket, Layers] = {}
        self._watched: list[socket.socket] = []
        self._waiting: list[asyncio.Task[None]] = []  # in a loop that watches no sockets for others
        self._resuming: asyncio.TimerHandle | None = None  # the end of a pause
        self._opening: asyncio.TimerHandle | None = None  # of what waits to be opened

    def add(self, sockets: Sequence[socket.socket], layers: Layers) -> None:
        """Take listening sockets, which are closed with this, and what is spoken there."""
        self._layers.update(dict.fromkeys(sockets, layers))

    def watch(self) -> None:
        """Accept from now on, in the loop that runs."""
        self._loop = asyncio.get_running_loop()
        for listener in self._layers:
            try:
                self._loop.add_reader(listener, self._accept_from, listener)
                self._watched.append(listener)
            except NotImplementedError:  # Windows' own loop
                waiting = self._loop.create_task(self._wait_at(listener))
                waiting.add_done_callback(self._waited)
                self._waiting.append(waiting)

    def close(self) -> None:
        """Accept nothing more. Idempotent."""
        self._unwatch()
        if self._resuming is not None:
            self._resuming.cancel()
        if self._opening is not None:
            self._opening.cancel()
        self._acceptor.close()
        for waiting in self._waiting:
            waiting.cancel()
        for listener in self._layers:
            listener.close()
        self._layers.clear()

    def _accept_from(self, listener: socket.socket) -> None:
        try:
            for sock, peer in self._acceptor.accept(listener):
                self._announce(sock, peer, self._layers[listener])
        except Exception as error:
            self._fail(error)
        self._open_later()
        if pause := self._acceptor.pause_left():
            self._pause(pause)

    def _open_later(self) -> None:
        """Have what waits to be opened when the first of it is due."""
        seconds = self._acceptor.due_in()
        if seconds is None:
            return
        if self._opening is not None:
            if self._opening.when() <= self._loop.time() + seconds + TICK:
                return
            self._opening.cancel()
        self._opening = self._loop.call_later(seconds, self._open_due)

    def _open_due(self) -> None:
        self._opening = None
        try:
            for sock, peer, listener in self._acceptor.due():
                self._announce(sock, peer, self._layers[listener])
        except Exception as error:
            self._fail(error)
        self._open_later()

    def _pause(self, seconds: float) -> None:
        if self._watched:  # else another listener has begun the pause in this turn
            self._unwatch()
            self._resuming = self._loop.call_later(seconds, self.watch)

    def _unwatch(self) -> None:
        for listener in self._watched:
            self._loop.remove_reader(listener)
        self._watched.clear()

    async def _wait_at(self, listener: socket.socket) -> None:
        while True:
            await asyncio.sleep(self._acceptor.pause_left())
            try:
                sock, address = await self._loop.sock_accept(listener)
            except OSError as error:
                self._acceptor.note(error)
            else:
                for accepted, peer in self._acceptor.admit(sock, address, listener):
                    self._announce(accepted, peer, self._layers[listener])
                self._open_later()

    def _waited(self, waiting: "asyncio.Task[None]") -> None:
        if not waiting.cancelled() and (error := waiting.exception()) is not None:
            self._fail(error)
