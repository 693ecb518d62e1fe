"""What a person learns while a server takes the lines of a pipe more slowly than they come.

A server that is sent more than it allows takes the rest later, so a pipe of many lines may take minutes, and
looks like one that hangs. Once a line has waited for its answer for a second, standard error says so, with
how much is left: in a row that changes on a terminal, elsewhere in a line every few seconds. Another line
says when it is over.
"""

import time
from collections.abc import Callable

from cli.report import complain
from cli.row import Row
from cli.stdin import Left

__all__ = ["Held"]

SECONDS = 1.0
"""How old the oldest line without an answer may get before that is said, and how young it is again at the end
of it: half of that."""

ROW_SECONDS = 0.5
LINE_SECONDS = 5.0
"""How often the row changes, and how often there is a line where there is no terminal."""


class Held:
    """Whether we are held back, and what was said about it. For one thread.

    ``left`` says how much input is left.
    """

    def __init__(
        self, row: Row, left: Callable[[], Left], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._row = row
        self._left = left
        self._clock = clock
        self._not_before: float | None = None  # when to say it again, once it was said

    def note(self, age: float, unanswered: int) -> None:
        """Note how old the oldest of so many messages without an answer is, in seconds."""
        if age < SECONDS / 2:
            self.end()
        elif age >= SECONDS and (self._not_before is None or self._clock() >= self._not_before):
            self._not_before = self._clock() + (ROW_SECONDS if self._row.exists else LINE_SECONDS)
            self._say(f"the server holds us back: {_messages(unanswered)}, {_input(self._left())}")

    def end(self) -> None:
        """Note that everything is answered, or soon will be."""
        if self._not_before is not None:
            self._not_before = None
            self._row.erase()
            complain("the server no longer holds us back")

    def _say(self, text: str) -> None:
        if self._row.exists:
            self._row.show(f"chat: {text}")
        else:
            complain(text)


def _messages(count: int) -> str:
    return "1 message has no answer yet" if count == 1 else f"{count:,} messages have no answer yet"


def _input(left: Left) -> str:
    if left == Left(0, True):
        return "all input is read"
    return f"{'' if left.all else 'at least '}{left.bytes:,} bytes of input are left"
