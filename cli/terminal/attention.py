"""Whether the user is looking at the screen, and so which messages are new to them.

A terminal that supports it reports when its window gets and loses the focus. Others never do: there, a user
who has pressed no key for a while counts as away.
"""

__all__ = ["Attention"]

AWAY_SECONDS = 180.0
"""Time without a key after which the user counts as away, if the terminal does not report its focus."""


class Attention:
    """The attention of one user. Times are seconds on a clock that never goes back."""

    def __init__(self, now: float) -> None:
        self._focused: bool | None = None  # None: the terminal has reported nothing yet
        self._last_key = now
        self._marked = False
        self._covered = False  # by another program

    def cover(self, covered: bool, now: float) -> None:
        """Note that another program has the screen, or no longer."""
        self._covered = covered
        self.key(now)

    def focus(self, focused: bool, now: float) -> None:
        """Note that the window has got the focus, or has lost it."""
        self._focused = focused
        self.key(now)

    def key(self, now: float) -> None:
        """Note that a key was pressed. Without the focus, it was a paste or a report of the terminal."""
        self._last_key = now
        if self._focused is not False:
            self._marked = False

    def is_away(self, now: float) -> bool:
        """Tell whether the user probably does not see what is drawn now."""
        if self._covered:
            return True
        if self._focused is None:
            return now - self._last_key > AWAY_SECONDS
        return not self._focused

    @property
    def is_certain(self) -> bool:
        """Whether the terminal reports that its window has the focus."""
        return self._focused is True and not self._covered

    def needs_mark(self, now: float) -> bool:
        """Return whether the next message is the first unseen one, and needs the mark before it.

        The caller must draw the mark then: it is asked for only once, until the user comes back.
        """
        if self._marked or not self.is_away(now):
            return False
        self._marked = True
        return True
