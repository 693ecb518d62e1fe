"""Connections that are accepted and wait to be opened, since many come from their address.

Nobody reads them meanwhile, so one costs a descriptor and what the system holds for it. There are `MOST` at
most, whatever addresses they are from.
"""

import heapq
import socket
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from chatcore.address import Peer

__all__ = ["MOST", "Held", "Waiting"]

MOST = 256
"""Connections that wait at a time: about as many as come from one address in the longest wait, by default."""


class Held(NamedTuple):
    """A connection, and the listener that it has come to."""

    sock: socket.socket
    peer: Peer
    listener: socket.socket


class Waiting:
    """The connections that wait, by the time at which they are due. Time is an input."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Held]] = []
        self._numbers = count()  # those that are due together come in the order in which they were held

    def __len__(self) -> int:
        return len(self._heap)

    def hold(self, held: Held, until: float) -> None:
        """Take a connection until a time, or close it if there are too many."""
        if len(self._heap) < MOST:
            heapq.heappush(self._heap, (until, next(self._numbers), held))
        else:
            held.sock.close()

    def next_due(self) -> float | None:
        """Return when the next one is due."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, limit: int) -> Iterator[Held]:
        """Yield up to ``limit`` whose time has come; they are the caller's to close."""
        for _ in range(limit):
            if not self._heap or self._heap[0][0] > now:
                return
            _, _, held = heapq.heappop(self._heap)
            if _is_broken(held.sock):
                held.sock.close()
            else:
                yield held

    def close(self) -> None:
        """Close all of them. Idempotent."""
        while self._heap:
            self._heap.pop()[-1].sock.close()


def _is_broken(sock: socket.socket) -> bool:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
