"""When a client that has lost its server connects again, and the two events that tell its user.

A server that restarts loses all of its clients at the same moment. If they came back together it would fall
over again, so each waits for a random time, and longer after every failure.
"""

import random
from dataclasses import dataclass
from typing import Literal

__all__ = ["Backoff", "Offline", "Online"]

FIRST = 0.5
"""Seconds: the longest first wait. A short break goes unnoticed by a person."""

LONGEST = 30.0
"""Seconds: the longest wait. A server that was down for an hour is found again within this time."""

SPREAD = 1.0
"""Seconds: the longest wait before another node is tried, where all clients of one may do that together."""

_DOUBLINGS = 16  # beyond any sensible `longest`, and far from what a float can hold


@dataclass(frozen=True, slots=True)
class Offline:
    """An event: the connection is lost, and will be tried again in ``retry_in`` seconds.

    ``reason`` is the ``reason`` of the server's `Closing` frame if it sent one, the ``code`` of its refusal
    if it did not let us back in, ``"timeout"`` if it fell silent, ``"untrusted"`` if its certificate is not
    one that we trust, or our key would go in the clear to another machine, and ``"lost"`` otherwise. Every
    failed try is one more such event, and with several addresses the next try is at another. What you post
    meanwhile waits for the next connection.
    """

    reason: str
    retry_in: float
    type: Literal["offline"] = "offline"


@dataclass(frozen=True, slots=True)
class Online:
    """An event: the connection is back.

    Our rooms follow, each with a `Joined` and then what we missed. What is no longer available is a `Gap`.
    """

    type: Literal["online"] = "online"


class Backoff:
    """Exponential backoff with full jitter, so that clients that were cut off together come back apart.

    The wait before a try is a random time between 0 and a bound. The bound is ``first`` seconds, doubles
    with every failure, and stays at ``longest`` seconds. A successful connection starts it over. With several
    addresses, a failure is a whole round of them.

    Give one to ``connect(backoff=...)`` to choose these times. It has state, so each client needs its own.
    ``rng`` is for tests that want the same waits every time.
    """

    __slots__ = ("_failures", "_first", "_longest", "_random")

    def __init__(
        self, rng: random.Random | None = None, *, first: float = FIRST, longest: float = LONGEST
    ) -> None:
        self._random = rng or random.Random()
        self._first = first
        self._longest = longest
        self._failures = 0

    def next(self, at_least: float = 0.0) -> float:
        """Return the seconds to wait before the next try, and count that try as a failure until `reset`.

        ``at_least`` is added to it: the time that a server which is closing asks for.
        """
        bound = min(self._first * 2**self._failures, self._longest)
        self._failures = min(self._failures + 1, _DOUBLINGS)
        return at_least + self._random.uniform(0.0, bound)

    def spread(self) -> float:
        """Return the seconds to wait before the next address is tried, after a node was lost by everybody."""
        return self._random.uniform(0.0, min(SPREAD, self._longest))

    def reset(self) -> None:
        """Start over: the last try succeeded."""
        self._failures = 0
