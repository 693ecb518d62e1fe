"""When a client that has lost its server tries again."""

import random
from dataclasses import dataclass
from typing import Literal

__all__ = ["Backoff", "Offline", "Online"]

FIRST = 0.5
LONGEST = 30.0


@dataclass(frozen=True, slots=True)
class Offline:
    """The connection is gone, and will be tried again in ``retry_in`` seconds.

    ``reason`` is that of the server's last word, the code of its refusal, or ``lost``.
    """

    reason: str
    retry_in: float
    type: Literal["offline"] = "offline"


@dataclass(frozen=True, slots=True)
class Online:
    """The connection is back. The rooms follow, each from where it was read up to."""

    type: Literal["online"] = "online"


class Backoff:
    """Exponential back-off with full jitter, so that those who were cut off together come back apart.

    The first try comes within ``first`` seconds; that doubles with every failure, up to ``longest``.
    Each client needs one of its own.
    """

    __slots__ = ("_attempt", "_first", "_longest", "_random")

    def __init__(
        self, rng: random.Random | None = None, *, first: float = FIRST, longest: float = LONGEST
    ) -> None:
        self._random = rng or random.Random()
        self._first = first
        self._longest = longest
        self._attempt = 0

    def next(self, at_least: float = 0.0) -> float:
        """Return the seconds to wait before the next try."""
        longest = min(self._first * 2**self._attempt, self._longest)
        self._attempt = min(self._attempt + 1, 16)
        return at_least + self._random.uniform(0.0, longest)

    def reset(self) -> None:
        """Begin again: the last try went well."""
        self._attempt = 0
