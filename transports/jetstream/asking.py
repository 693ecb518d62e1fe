"""Who wants to know how far a stream goes: all who ask while a question is on its way get one answer."""

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["Questions"]


class Questions:
    """Those who wait for the last position of a stream. For the loop of its log."""

    def __init__(self, is_over: Callable[[], bool]) -> None:
        self._is_over = is_over
        self._waiting: list[Callable[[int | None], None]] = []
        self._asked = asyncio.Event()

    def add(self, deliver: Callable[[int | None], None], *, connected: bool) -> None:
        """Take a question, which cannot be answered without a connection."""
        self._waiting.append(deliver)
        if connected:
            self._asked.set()
        else:
            self.refuse()

    def refuse(self) -> None:
        """Say that nobody knows."""
        self._deliver(self._take(), None)

    async def answer(self, ask: Callable[[], Awaitable[int | None]]) -> None:
        """Ask a server again and again, whenever somebody wants to know."""
        while True:
            await self._asked.wait()
            self._asked.clear()
            if waiting := self._take():
                last: int | None = None
                try:
                    last = await ask()
                finally:
                    self._deliver(waiting, last)

    def _take(self) -> list[Callable[[int | None], None]]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _deliver(self, waiting: list[Callable[[int | None], None]], last: int | None) -> None:
        if not self._is_over():
            for deliver in waiting:
                deliver(last)
