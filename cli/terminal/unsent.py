"""Messages that the user sent and the server has not acknowledged yet.

They are shown above the prompt once they take long, and given back for copying if the program ends first.
"""

from collections.abc import Callable

from cli.state.remembered import UnsentLine

__all__ = ["PATIENCE", "Unsent"]

PATIENCE = 1.0
"""Seconds after which a message without an acknowledgement is shown as not sent yet."""


class Unsent:
    """Lines by their ids, in the order in which they were typed.

    ``begin`` and ``end`` are called with the id of each line for which the server owes an answer.
    """

    def __init__(
        self, clock: Callable[[], float], begin: Callable[[str], None], end: Callable[[str], None]
    ) -> None:
        self._clock = clock
        self._begin = begin
        self._end = end
        self._lines: dict[str, tuple[UnsentLine, float]] = {}

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, line: UnsentLine) -> None:
        """Note that a line is on its way."""
        self._lines[line.id] = line, self._clock()
        self._begin(line.id)

    def remove(self, line: UnsentLine) -> None:
        """Note that a line was acknowledged, or refused for good, or that its owner decides. Idempotent."""
        self._lines.pop(line.id, None)
        self._end(line.id)

    @property
    def texts(self) -> list[str]:
        """All texts, as they were typed."""
        return [line.shown for line, _ in self._lines.values()]

    def waiting(self, *, all_of_them: bool) -> list[str]:
        """Return the texts that take longer than usual, or all of them."""
        late = self._clock() - PATIENCE
        return [line.shown for line, at in self._lines.values() if all_of_them or at <= late]
