"""The listening sockets of a server, watched by its pump."""

import selectors
import socket
from collections.abc import Iterator, Sequence

from chatcore.address import Peer
from chatcore.transport import Layers
from transports.acceptor import Acceptor, Delay

__all__ = ["Listeners"]


class Listeners:
    """What the pump accepts from. Only the pump calls it, once it runs. ``delay`` is for the `Acceptor`."""

    def __init__(self, selector: selectors.BaseSelector, delay: Delay) -> None:
        self._selector = selector
        self._acceptor = Acceptor(delay, trusts=lambda at, peer: self._layers[at].wire.trusts(peer))
        self._layers: dict[socket.socket, Layers] = {}
        self._watched = False

    def add(self, sockets: Sequence[socket.socket], layers: Layers) -> None:
        """Take listening sockets, which are closed with this, and what is spoken there."""
        self._layers.update(dict.fromkeys(sockets, layers))

    def accept(self, listener: socket.socket) -> Iterator[tuple[socket.socket, Peer, Layers]]:
        """Yield some of the connections that wait at a listener; they are the caller's to close."""
        for sock, peer in self._acceptor.accept(listener):
            yield sock, peer, self._layers[listener]

    def due(self) -> Iterator[tuple[socket.socket, Peer, Layers]]:
        """Yield connections that have waited to be opened; they are the caller's to close."""
        for sock, peer, listener in self._acceptor.due():
            yield sock, peer, self._layers[listener]

    def due_in(self) -> float | None:
        """Return in how many seconds the next of these is due, or ``None`` if none waits."""
        return self._acceptor.due_in()

    def pause(self, error: Exception) -> None:
        """Accept nothing for a while, because of an error, which is logged."""
        self._acceptor.pause(error)

    def pause_left(self) -> float | None:
        """Return for how many seconds nothing is accepted, or ``None`` if there is no pause to be ended."""
        return self._acceptor.pause_left() if self._layers and not self._watched else None

    def watch(self) -> None:
        """Watch the listeners, unless there is a pause."""
        wanted = not self._acceptor.pause_left()
        if wanted != self._watched:
            self._watched = wanted
            for listener in self._layers:
                if wanted:
                    self._selector.register(listener, selectors.EVENT_READ)
                else:
                    self._selector.unregister(listener)

    def close(self) -> None:
        """Accept nothing more. Idempotent."""
        self._acceptor.close()
        for listener in self._layers:
            if self._watched:
                self._selector.unregister(listener)
            listener.close()
        self._layers.clear()
