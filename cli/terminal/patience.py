"""Says what the user waits for before there is a prompt, once that takes long."""

import asyncio
from collections.abc import Callable

__all__ = ["Patience"]

LATE_SECONDS = 1.0
"""After so long a line says what we wait for."""

STALLED_SECONDS = 3.0
"""After so long without an answer a line says that there is none."""


class Patience:
    """Waits for one thing after the other, in one event loop. ``say`` shows a line."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._timers: list[asyncio.TimerHandle] = []

    def begin(self, what: str) -> None:
        """Wait for something else from now on, as in "entering lobby"."""
        self.close()
        call_later = asyncio.get_running_loop().call_later
        self._timers = [
            call_later(LATE_SECONDS, self._say, f"{what} ..."),
            call_later(STALLED_SECONDS, self._say, "the server does not answer"),
        ]

    def close(self) -> None:
        """Wait for nothing. Idempotent."""
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
