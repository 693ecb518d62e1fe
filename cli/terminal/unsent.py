"""Messages that the user sent and the server has not acknowledged yet.

They are shown above the prompt once they take long, and given back for copying if the program ends first.
"""

import asyncio
from collections.abc import Callable

from chatcore import Ack

__all__ = ["PATIENCE", "Unsent"]

PATIENCE = 1.0
"""Seconds after which a message without an acknowledgement is shown as not sent yet."""


class Unsent:
    """Texts by the futures of their acknowledgements, in the order in which they were sent."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._posts: dict[asyncio.Future[Ack], tuple[str, float]] = {}

    def add(self, future: "asyncio.Future[Ack]", text: str) -> None:
        """Note that a text is on its way."""
        self._posts[future] = text, self._clock()

    def remove(self, future: "asyncio.Future[Ack]") -> None:
        """Note that a text was acknowledged, or refused for good."""
        del self._posts[future]

    @property
    def texts(self) -> list[str]:
        """All texts."""
        return [text for text, _ in self._posts.values()]

    def waiting(self, *, all_of_them: bool) -> list[str]:
        """Return the texts that take longer than usual, or all of them."""
        late = self._clock() - PATIENCE
        return [text for text, at in self._posts.values() if all_of_them or at <= late]
