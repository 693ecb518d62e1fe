"""How old lines are that nobody has confirmed: an old one is not sent without its owner.

- A line of an earlier run is as old as the wall clock says, and that may have been set back since: then it
  is old.
- A line of this run is as old as either clock says: the wall clock may be set back, and the other one may
  stand still while the machine sleeps.
"""

import time
from collections.abc import Callable

from cli.state.remembered import UnsentLine

__all__ = ["Ages"]


class Ages:
    """The ages of lines. Times of ``clock`` never go back; ``now`` is the wall clock."""

    def __init__(self, now: Callable[[], float], clock: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._clock = clock
        self._typed: dict[str, float] = {}  # on the clock, by the ids of this run's lines

    def begin(self, line: UnsentLine) -> None:
        """Note that a line is typed now."""
        self._typed[line.id] = self._clock()

    def expire(self, line: UnsentLine) -> None:
        """Note that a line is old, however old it is: its owner decides."""
        self._typed[line.id] = float("-inf")

    def end(self, line: UnsentLine) -> None:
        """Forget a line: nobody asks about it any more. Idempotent."""
        self._typed.pop(line.id, None)

    def is_young(self, line: UnsentLine, seconds: float, before: float) -> bool:
        """Tell whether a line is no older than ``seconds``; for one of an earlier run, ``before`` counts."""
        age = self._now() - line.typed
        typed = self._typed.get(line.id)
        if typed is None:
            return 0 <= age <= before
        return max(age, self._clock() - typed) <= seconds
