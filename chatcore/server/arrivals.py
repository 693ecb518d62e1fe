"""When connections begin: so many from each address together, and so many a second after that.

This is a rate limit for each address: a token bucket, kept as the time at which it is full again.

What a connection costs before it has said anything is paid by its address. One that comes too soon is not
refused: it is opened later, in the order in which they came. Where that would be later than `LONGEST_WAIT`,
it is turned away, so that what waits is bounded.

Each request through a proxy is a connection of its own to us, while browsers ask for many on one. So requests
have a rate `REQUESTS` times as high, and are new connections only if they open a socket.

A limit for each address says nothing where addresses do not tell peers apart, as behind a proxy. So there is
none without ``connections_per_address``.

All methods run under the hub's lock.
"""

from chatcore.limits import Limits
from chatcore.server.forgetting import forget_some

__all__ = ["LONGEST_WAIT", "REQUESTS", "Arrivals"]

LONGEST_WAIT = 5.0
"""Seconds that a connection waits at most: half of what a peer has for its `hello`."""

REQUESTS = 8
"""Requests through a proxy for each connection that could begin: a page has some fifty files, which a browser
fetches over six connections."""


class Arrivals:
    """The rate of new connections from each address, or of what may come ``times`` as often.

    Time is an input: seconds that never go back.
    """

    __slots__ = ("_ahead", "_gap", "_settled_at")

    def __init__(self, limits: Limits, times: int = 1) -> None:
        rate = limits.new_connections_per_second if limits.connections_per_address is not None else None
        self._gap = None if rate is None else 1.0 / (rate * times)
        self._ahead = 0.0 if self._gap is None else (limits.new_connections_burst * times - 1) * self._gap
        # When each address has its full burst again.
        self._settled_at: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._settled_at)

    def take(self, address: str, now: float, longest: float = LONGEST_WAIT) -> float | None:
        """Count a connection in; return the seconds until it may begin.

        ``None`` turns it away, uncounted: it would have to wait for more than ``longest``.
        """
        if self._gap is None:
            return 0.0
        forget_some(self._settled_at, lambda settled_at: settled_at <= now)
        settled_at = max(self._settled_at.get(address, now), now)
        wait = settled_at - self._ahead - now
        if wait > longest:
            return None
        self._settled_at[address] = settled_at + self._gap
        return max(wait, 0.0)
