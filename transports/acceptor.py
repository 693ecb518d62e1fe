"""How servers accept connections, on every transport alike.

- When the system has no room for more (descriptors, memory, threads), nothing is accepted for `PAUSE`
  seconds. Connections wait at the listener meanwhile. To try again immediately would keep a core busy.
- Such a time is logged in one line, and that at most once in `LOG_SECONDS`.
- `RESERVED` descriptors are not for connections: a journal that recovers from a failure opens files.
- A connection that broke before it was accepted is passed over. That is no shortage of anything.
- The core says how long a connection waits before it is opened, or that it is turned away: so many come from
  its address, or there is no room for it to wait (`Waiting`). Neither costs more than accepting it does.
"""

import contextlib
import errno
import os
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

from chatcore.address import Peer
from transports.log_events import listener_paused
from transports.sockets import tune
from transports.waiting import Held, Waiting

__all__ = ["PAUSE", "SLICE", "Acceptor", "Delay", "Trust"]

Delay = Callable[[Peer, bool], float | None]
"""Seconds until a connection may be opened, given whether it can wait; ``None`` turns it away."""

Trust = Callable[[socket.socket, Peer], bool]
"""Whether what comes from this peer to this listener is for others, for whom it speaks."""

PAUSE = 0.5
"""Seconds in which no connection is accepted after the system had no room for one."""

SLICE = 2
"""Connections that are accepted before a server does its other work: each may cost the start of a thread."""

LOG_SECONDS = 60.0
"""How long a shortage that lasts, or comes again, is not logged again."""

RESERVED = 16
"""Descriptors that connections leave free, or an eighth of all if that is less."""

# What `accept` reports of the connection that it would have returned. Linux passes on every network error.
_BROKEN = {
    getattr(errno, name)
    for name in (
        "ECONNABORTED",
        "ECONNRESET",
        "EHOSTDOWN",
        "EHOSTUNREACH",
        "ENETDOWN",
        "ENETUNREACH",
        "ENONET",
        "ENOPROTOOPT",
        "EOPNOTSUPP",
        "EPERM",
        "EPROTO",
        "ETIMEDOUT",
    )
    if hasattr(errno, name)
}


class Acceptor:
    """Accepts for all listeners of one server, in one thread.

    ``delay`` is that of its `chatcore.transport.Endpoint`, which is not asked about proxies that it trusts:
    the core asks for whom they speak. ``clock`` gives seconds that never go back.
    """

    def __init__(
        self,
        delay: Delay,
        clock: Callable[[], float] = time.monotonic,
        *,
        trusts: Trust = lambda listener, peer: False,
    ) -> None:
        self._delay = delay
        self._trusts = trusts
        self._clock = clock
        self._waiting = Waiting()
        self._again: float | None = None  # when the last pause ends
        self._logged: float | None = None

    def __repr__(self) -> str:
        return f"<Acceptor pausing={self.pause_left() > 0} waiting={len(self._waiting)}>"

    def pause_left(self) -> float:
        """Return for how many seconds nothing is to be accepted; 0 is the usual answer."""
        return 0.0 if self._again is None else max(self._again - self._clock(), 0.0)

    def has_room(self, listener: socket.socket) -> bool:
        """Tell whether the system has a descriptor for a connection; without one, a pause begins."""
        if _descriptors() is None:
            return True
        try:
            lowest = os.dup(listener.fileno())
        except OSError as error:
            self.pause(error)
            return False
        os.close(lowest)
        return self._is_for_connections(lowest)

    def accept(self, listener: socket.socket) -> Iterator[tuple[socket.socket, Peer]]:
        """Yield connections that wait at a listener, at most `SLICE`; they are the caller's to close.

        The listener must not block. Where the system has no room, a pause begins and it yields no more. Those
        that are to be opened later are for `due`.
        """
        for _ in range(SLICE):
            if self.pause_left() or not self.has_room(listener):
                return
            try:
                sock, address = listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                self.note(error)
            else:
                yield from self.admit(sock, address, listener)

    def due(self) -> Iterator[Held]:
        """Yield connections that have waited long enough, at most `SLICE`; they are the caller's to close."""
        return self._waiting.due(self._clock(), SLICE)

    def due_in(self) -> float | None:
        """Return in how many seconds `due` has the next one, or ``None`` if none waits."""
        when = self._waiting.next_due()
        return None if when is None else max(when - self._clock(), 0.0)

    def close(self) -> None:
        """Close those that wait. Idempotent."""
        self._waiting.close()

    def admit(
        self, sock: socket.socket, address: Any, listener: socket.socket
    ) -> Iterator[tuple[socket.socket, Peer]]:
        """Yield a connection that was just accepted, set up, unless it is of no use or has to wait."""
        with contextlib.ExitStack() as unused:
            unused.callback(sock.close)
            if len(address or ()) < 2 or not self._is_for_connections(sock.fileno()):
                return  # some systems know no address of a peer that is gone already
            peer = Peer(address[0], address[1])
            if self._trusts(listener, peer):
                seconds: float | None = 0.0
            else:
                seconds = self._delay(peer, self._waiting.has_room(peer, _descriptors()))
            if seconds is None:
                return
            try:
                sock.setblocking(False)
                tune(sock)
            except OSError:  # it is gone already
                return
            unused.pop_all()
        if seconds:
            self._waiting.hold(Held(sock, peer, listener), self._clock() + seconds)
        else:
            yield sock, peer

    def note(self, error: OSError) -> None:
        """Take what ``accept`` has raised: a pause begins, unless it was about one connection only."""
        if error.errno not in _BROKEN:
            self.pause(error)

    def pause(self, error: Exception) -> None:
        """Accept nothing for a while, because of an error."""
        now = self._clock()
        self._again = now + PAUSE
        if self._logged is None or now - self._logged >= LOG_SECONDS:
            self._logged = now
            reason = error.strerror if isinstance(error, OSError) else None
            listener_paused.log(error=reason or str(error))

    def _is_for_connections(self, descriptor: int) -> bool:
        """Tell whether a descriptor is below the reserve; otherwise a pause begins."""
        limit = _descriptors()
        if limit is None or descriptor < limit - min(RESERVED, limit // 8):
            return True
        self.pause(OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
        return False


def _descriptors() -> int | None:
    """Return how many descriptors this process may have, or ``None`` if there is no such number."""
    try:
        import resource
    except ImportError:  # Windows sets no such limit
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return None if soft == resource.RLIM_INFINITY else soft
