"""Connections that are accepted and wait to be opened, since many come from their address.

Nobody reads them meanwhile, so one costs a descriptor and what the system holds for it. There are at most
half as many as the process may have descriptors, and never more than `MOST`. One address has at most half of
these places, so that connections from another one can wait, too.
"""

import heapq
import socket
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from chatcore.address import Peer, address_of

__all__ = ["MOST", "Held", "Waiting"]

MOST = 4_096
"""Connections that wait at a time, whatever the system allows: with their buffers, some megabytes."""


class Held(NamedTuple):
    """A connection, and the listener that it has come to."""

    sock: socket.socket
    peer: Peer
    listener: socket.socket


class Waiting:
    """The connections that wait, by the time at which they are due. Time is an input."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Held]] = []
        self._of_address: Counter[str] = Counter()
        self._numbers = count()  # those that are due together come in the order in which they were held

    def __len__(self) -> int:
        return len(self._heap)

    def has_room(self, peer: Peer, descriptors: int | None) -> bool:
        """Tell whether one more may wait, given how many descriptors the process may have."""
        most = MOST if descriptors is None else min(MOST, descriptors // 2)
        return len(self._heap) < most and self._of_address[address_of(peer)] < most / 2

    def hold(self, held: Held, until: float) -> None:
        """Take a connection until a time. The caller has seen that there is room."""
        heapq.heappush(self._heap, (until, next(self._numbers), held))
        self._of_address[address_of(held.peer)] += 1

    def next_due(self) -> float | None:
        """Return when the next one is due."""
        return self._heap[0][0] if self._heap else None

    def due(self, now: float, limit: int) -> Iterator[Held]:
        """Yield up to ``limit`` whose time has come; they are the caller's to close."""
        for _ in range(limit):
            if not self._heap or self._heap[0][0] > now:
                return
            held = self._pop()
            if _is_broken(held.sock):
                held.sock.close()
            else:
                yield held

    def close(self) -> None:
        """Close all of them. Idempotent."""
        while self._heap:
            self._pop().sock.close()

    def _pop(self) -> Held:
        _, _, held = heapq.heappop(self._heap)
        address = address_of(held.peer)
        self._of_address[address] -= 1
        if not self._of_address[address]:
            del self._of_address[address]
        return held


def _is_broken(sock: socket.socket) -> bool:
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
