"""The allowance that each connection gets, and the one that all connections from an address share.

- Whatever a connection sends is paid from both. What costs far more than the line that asks for it is paid
  from the shared one too: reads of the journal, lists of members, and what all readers of a room get of a
  post or a new nick.
- The shared one outlives connections: otherwise whoever connects again and again would begin with a full one
  each time.
- Where the shared one is used up, its connections go on one after the other, a line at a time: each reserves
  its next line, and whoever asks later waits longer. So those who send little wait little, too.
- It is as large as those of a few of the connections that an address may have (`SHARE`).
- There is none without ``connections_per_address``: then addresses do not tell peers apart.
"""

import threading
from collections.abc import Callable, MutableMapping
from weakref import WeakValueDictionary

from chatcore.limits import Limits
from chatcore.server.allowance import Allowance, Rates
from chatcore.server.forgetting import forget_some

__all__ = ["SHARE", "Allowances"]

SHARE = 8
"""An address may send as much as 1/8 of its permitted connections could. In an office, few people paste at
the same time."""

LEAST = 16.0
"""At least as much as 16 connections: one person may post to rooms that many read."""


class Allowances:
    """Gives each connection its allowance. Callable from any thread.

    It knows the addresses that have connections, and those whose allowance is not full again. One that is
    full is forgotten once no connection holds it; if it is used before that, it is remembered again.
    """

    __slots__ = ("_in_use", "_lock", "_rates", "_recent", "_shared_rates")

    def __init__(self, limits: Limits) -> None:
        self._rates, self._shared_rates = _rates(limits)
        self._lock = threading.Lock()
        self._in_use: MutableMapping[str, _Shared] = WeakValueDictionary() if self._shared_rates else {}
        self._recent: dict[str, _Shared] = {}  # those that are not full, held or not, and some that are

    def __len__(self) -> int:
        return len(self._in_use)

    def give(self, address: str, now: float) -> Allowance | None:
        """Return the allowance of a new connection; ``None`` is no limit."""
        rates, shared = self._rates, self._shared_rates
        if rates is None or shared is None:
            return None if rates is None else Allowance(rates, now)
        return _Both(rates, now, self._of(address, shared, now))

    def _of(self, address: str, rates: Rates, now: float) -> "_Shared":
        with self._lock:
            forget_some(self._recent, lambda shared: shared.may_be_forgotten(now))
            shared = self._in_use.get(address)
            if shared is None:
                shared = self._in_use[address] = _Shared(rates, now, address, self._remember)
            return shared

    def _remember(self, shared: "_Shared") -> None:
        with self._lock:
            self._recent[shared.address] = shared


def _rates(limits: Limits) -> tuple[Rates | None, Rates | None]:
    """Return what one connection may send, and what all from one address may; ``None`` is no limit."""
    per_second, connections = limits.frames_per_second, limits.connections_per_address
    if per_second is None or connections is None:
        return None if per_second is None else Rates.of(limits, per_second), None
    times = max(connections / SHARE, LEAST)
    return Rates.of(limits, per_second), Rates.of(limits, per_second, times)


class _Shared(Allowance):
    """The allowance of an address. Callable from any thread.

    ``remember`` is called, without a lock, when it is used for the first time and after it was forgotten.
    """

    __slots__ = ("__weakref__", "_is_remembered", "_lock", "_remember", "address")

    def __init__(self, rates: Rates, now: float, address: str, remember: "Callable[[_Shared], None]") -> None:
        super().__init__(rates, now)
        self.address = address
        self._remember = remember
        self._is_remembered = False
        self._lock = threading.Lock()

    def take(self, lines: int, size: int, now: float) -> None:
        with self._lock:
            super().take(lines, size, now)
            was_remembered, self._is_remembered = self._is_remembered, True
        if not was_remembered:
            self._remember(self)

    def wait(self, now: float) -> float:
        with self._lock:
            return super().wait(now)

    def may_be_forgotten(self, now: float) -> bool:
        """Tell whether it is full. If so, its next use remembers it again."""
        with self._lock:
            self._is_remembered = not self.is_full(now)
            return not self._is_remembered

    def reserve(self, now: float) -> float:
        """Pay for a line in advance; return the seconds until it may be read."""
        self.take(1, 0, now)
        with self._lock:
            rates = self._rates
            return max(-self._lines / rates.lines_per_second, -self._bytes / rates.bytes_per_second, 0.0)


class _Both(Allowance):
    """The allowance of a connection, together with that of its address."""

    __slots__ = ("_reserved_at", "_shared")

    def __init__(self, rates: Rates, now: float, shared: _Shared) -> None:
        super().__init__(rates, now)
        self._shared = shared
        self._reserved_at: float | None = None  # when the line may be read that is paid for in advance

    def take(self, lines: int, size: int, now: float) -> None:
        super().take(lines, size, now)
        if lines and self._reserved_at is not None:
            self._reserved_at = None
            lines -= 1
        self._shared.take(lines, size, now)

    def charge(self, lines: int, now: float) -> None:
        self._shared.take(lines, 0, now)

    def wait(self, now: float) -> float:
        if wait := super().wait(now):
            return wait
        if self._reserved_at is None and self._shared.wait(now):
            self._reserved_at = now + self._shared.reserve(now)
        return 0.0 if self._reserved_at is None else max(self._reserved_at - now, 0.0)

    @property
    def turn(self) -> int:
        return min(super().turn, self._shared.turn) if self._reserved_at is None else 1
