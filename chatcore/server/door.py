"""Which addresses may connect: none that the gate forbids, and none from which too many hellos were refused.

- A `hello` that is refused as ``unauthorized`` or ``forbidden`` counts, and nothing else does. An address has
  ``refusals_per_minute`` of them together, and gets them back within a minute.
- Beyond that its new connections are closed before they begin, so that they cost next to nothing. Those that
  it has are left alone. Two minutes after the last refused hello at the latest it may connect again.
- What is remembered is bounded: the addresses that were refused last.
- Everything that is refused is logged within a minute: hellos, and connections that were closed. One line for
  an address and minute says how much it was since the line before; the first one comes as soon as the door is
  shut. Nothing in it was chosen by a peer, so a program may act on it.

A limit for each address says nothing where addresses do not tell peers apart, as behind a proxy. So there is
none without ``connections_per_address``.

All methods run under the hub's lock, but for `report`. Whoever has counted something calls `collect` when
`next_report` has come.
"""

from collections import OrderedDict
from threading import Lock
from typing import Final

from chatcore.address import Peer, address_of
from chatcore.errors import ErrorCode
from chatcore.limits import Limits
from chatcore.server.guarded_gate import GuardedGate
from chatcore.server.log_events import door_refused
from chatcore.server.timers import Timers

__all__ = ["ADDRESSES", "Door"]

ADDRESSES: Final = 4_096
"""Addresses that are remembered: those that were refused last."""

_COUNTED: Final = frozenset({"unauthorized", "forbidden"})

_MINUTE: Final = 60.0

_ROUNDING: Final = 1e-6
"""Seconds: what was paid back in many steps is paid back."""


class _Refused:
    """What an address was refused: when that is paid back, and what is not reported yet."""

    __slots__ = ("paid_at", "reported_at", "unreported")

    def __init__(self, now: float) -> None:
        self.paid_at = now
        self.reported_at = now - _MINUTE
        self.unreported = 0

    def count(self) -> None:
        """Count one more."""
        self.unreported += 1

    def charge(self, now: float, seconds: float) -> None:
        """Have it pay for a refused hello."""
        self.paid_at = min(max(self.paid_at, now) + seconds, now + 2 * _MINUTE)

    def may_be_reported(self, now: float) -> bool:
        """Tell whether the last report is a minute old."""
        return now >= self.reported_at + _MINUTE

    def take_report(self, now: float) -> int:
        """Return how much is to be reported."""
        number, self.unreported, self.reported_at = self.unreported, 0, now
        return number


class Door:
    """Turns addresses away. Time is an input: seconds that never go back."""

    __slots__ = ("_due", "_gap", "_gate", "_lock", "_refused", "_reports")

    def __init__(self, limits: Limits, gate: GuardedGate) -> None:
        number = limits.refusals_per_minute if limits.connections_per_address is not None else None
        self._gate = gate
        self._gap = None if number is None else _MINUTE / number
        self._refused: OrderedDict[str, _Refused] = OrderedDict()  # the one that was refused last is last
        self._due: Timers[str] = Timers()  # when addresses are to be reported
        self._reports: list[tuple[int, str]] = []
        self._lock = Lock()  # of the reports alone

    def __len__(self) -> int:
        return len(self._refused)

    def permits(self, peer: Peer, now: float) -> bool:
        """Tell whether a connection may begin; one that may not is counted."""
        address = address_of(peer)
        if self._gate.may_connect(peer) and not self._is_shut(address, now):
            return True
        self._count(address, now)
        self._report_soon(address, now)
        return False

    def note_refusal(self, peer: Peer, code: ErrorCode, now: float) -> None:
        """Note that a `hello` was refused."""
        if self._gap is None or code not in _COUNTED:
            return
        address = address_of(peer)
        self._count(address, now).charge(now, self._gap)
        if self._is_shut(address, now):
            self._report_soon(address, now)
        else:
            self._due.advance(address, now + _MINUTE)

    @property
    def next_report(self) -> float | None:
        """When something is to be reported that is not yet."""
        return self._due.next()

    def collect(self, until: float, now: float) -> None:
        """Report what is due until a time, which may be infinite."""
        for address in self._due.pop_due(until):
            self._report(address, self._refused[address], now)

    @property
    def has_reports(self) -> bool:
        """Whether there is something to `report`."""
        return bool(self._reports)

    def report(self) -> None:
        """Log what is to be logged. Not under the hub's lock."""
        with self._lock:
            reports, self._reports = self._reports, []
        for number, address in reports:
            door_refused.log(count=number, address=f"{address}/64" if ":" in address else address)

    def _is_shut(self, address: str, now: float) -> bool:
        refused = self._refused.get(address)
        if refused is None or self._gap is None:
            return False
        return refused.paid_at + self._gap > now + _MINUTE + _ROUNDING

    def _count(self, address: str, now: float) -> _Refused:
        refused = self._refused.pop(address, None) or _Refused(now)
        self._refused[address] = refused
        if len(self._refused) > ADDRESSES:
            self._report(*self._refused.popitem(last=False), now)
        refused.count()
        return refused

    def _report_soon(self, address: str, now: float) -> None:
        """Report an address now, or a minute after its last report."""
        refused = self._refused[address]
        if refused.may_be_reported(now):
            self._report(address, refused, now)
        else:
            self._due.advance(address, refused.reported_at + _MINUTE)

    def _report(self, address: str, refused: _Refused, now: float) -> None:
        self._due.set(address, None)
        if number := refused.take_report(now):
            with self._lock:
                self._reports.append((number, address))
