"""What was said and is not acknowledged yet."""

import asyncio
from collections.abc import Callable

from chatcore.client.session import Ack

__all__ = ["PATIENCE", "Unsent"]

PATIENCE = 1.0
"""Seconds for which nobody wonders where a line is that they have just sent."""


class Unsent:
    """Texts by the futures of their acknowledgements, in the order in which they were said."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._said: dict[asyncio.Future[Ack], tuple[str, float]] = {}

    def add(self, future: "asyncio.Future[Ack]", text: str) -> None:
        """Note that a text is on its way."""
        self._said[future] = text, self._clock()

    def remove(self, future: "asyncio.Future[Ack]") -> None:
        """Note that a text has arrived, or never will."""
        del self._said[future]

    @property
    def texts(self) -> list[str]:
        """All of them."""
        return [text for text, _ in self._said.values()]

    def waiting(self, *, all_of_them: bool) -> list[str]:
        """Return those that somebody may wonder about."""
        late = self._clock() - PATIENCE
        return [text for text, at in self._said.values() if all_of_them or at <= late]
