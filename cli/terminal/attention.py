"""Whether somebody looks at the screen, and from where on what is on it is new to them.

A terminal that can tell says when its window gets and loses the focus. With one that never did, somebody who
has pressed no key for a while is taken to be away.
"""

__all__ = ["Attention"]

AWAY_SECONDS = 180.0
"""How long nobody presses a key who is taken to be away, where the terminal does not tell."""


class Attention:
    """One person's attention. Times are seconds of any clock that does not go back."""

    def __init__(self, now: float) -> None:
        self._focused: bool | None = None  # None: this terminal has not told yet
        self._last_key = now
        self._marked = False

    def focus(self, focused: bool, now: float) -> None:
        """Learn that the window has got the focus, or has lost it."""
        self._focused = focused
        self.key(now)

    def key(self, now: float) -> None:
        """Learn that a key was pressed. Without the focus that was a paste from elsewhere, or a report."""
        self._last_key = now
        if self._focused is not False:
            self._marked = False

    def is_away(self, now: float) -> bool:
        """Tell whether what is drawn now is probably not seen."""
        if self._focused is None:
            return now - self._last_key > AWAY_SECONDS
        return not self._focused

    @property
    def is_certain(self) -> bool:
        """Whether somebody looks at the window, and the terminal says so."""
        return self._focused is True

    def needs_mark(self, now: float) -> bool:
        """Return whether the next message is the first one that is not seen, and take it that it is marked.

        The mark stays where it is until somebody comes back.
        """
        if self._marked or not self.is_away(now):
            return False
        self._marked = True
        return True
