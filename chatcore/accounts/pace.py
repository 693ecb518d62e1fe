"""How often somebody may change what is in the file: it is written and read again, and concerns everybody."""

import threading
from typing import Final

__all__ = ["BURST", "GAP", "Pace"]

BURST: Final = 30
"""Changes that an account may ask for at once."""

GAP: Final = 2.0
"""Seconds in which it may ask for one more."""

_ACCOUNTS: Final = 1_000
"""Accounts that are remembered before those are forgotten that may ask for all again."""


class Pace:
    """Counts the changes that each account asks for, from any thread.

    Time is an input: seconds that never go back.
    """

    def __init__(self, gap: float = GAP) -> None:
        self._gap = gap
        self._lock = threading.Lock()  # guards the rest
        self._paid_at: dict[str, float] = {}  # when the last change of an account is paid back

    def take(self, account: str, now: float) -> float:
        """Let an account ask for a change; return 0.0, or the seconds that it has to wait."""
        with self._lock:
            paid_at = max(self._paid_at.get(account, now), now)
            wait = paid_at - now - (BURST - 1) * self._gap
            if wait > 0:
                return wait
            self._paid_at[account] = paid_at + self._gap
            if len(self._paid_at) > _ACCOUNTS:
                self._paid_at = {name: paid for name, paid in self._paid_at.items() if paid > now}
            return 0.0
