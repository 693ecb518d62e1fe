"""Long messages, of which only the start is drawn at first.

Whoever pastes a log into a room would otherwise push everything else off the screen. The whole text is there
by a number, for as long as not too many others were folded since.
"""

from collections import OrderedDict
from collections.abc import Callable

from chatcore import Message
from cli.terminal.painter import Fragments

__all__ = ["Folds"]

MOST_ROWS = 20
"""Rows of a message that are drawn if it has many more; fewer on a screen that is low."""

OTHER_ROWS = 4
"""Rows of a screen that it leaves to everything else."""

LEAST_ROWS = 4
"""Rows that are drawn on any screen."""

SPARED_ROWS = 4
"""Rows for which it is not worth the line that says so."""

MOST_FOLDED = 100
"""Folded messages that are there by a number."""


class Folds:
    """The folded messages of this run, for a screen of ``rows()``."""

    def __init__(self, rows: Callable[[], int]) -> None:
        self._rows = rows
        self._messages: OrderedDict[int, Message] = OrderedDict()
        self._count = 0

    def fold(self, drawn: Fragments, message: Message) -> tuple[Fragments, str | None]:
        """Return what is drawn of a message, and what to say of the rest if there is one."""
        ends = [index + 1 for index, (_, text) in enumerate(drawn) if text.endswith("\n")]
        most = max(min(MOST_ROWS, self._rows() - OTHER_ROWS), LEAST_ROWS)
        hidden = len(ends) - most
        if hidden <= SPARED_ROWS:
            return drawn, None
        number = self._add(message)
        return drawn[: ends[most - 1]], f"... {hidden:,} more rows, /show {number}"

    def get(self, number: int | None) -> Message | None:
        """Return a folded message; without a number the last one."""
        if number is None:
            number = self._count
        return self._messages.get(number)

    def _add(self, message: Message) -> int:
        self._count += 1
        self._messages[self._count] = message
        if len(self._messages) > MOST_FOLDED:
            self._messages.popitem(last=False)
        return self._count
