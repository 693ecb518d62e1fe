"""The terminal's bell, which rings once for many mentions in a row."""

__all__ = ["Bell"]

QUIET_SECONDS = 5.0
"""How long the bell is silent after it rang. By then the user has looked, or is not there."""


class Bell:
    """Decides whether to ring. Times are seconds on a clock that never goes back."""

    def __init__(self) -> None:
        self._silent_until = float("-inf")

    def rings(self, now: float) -> bool:
        """Return whether to ring now. The caller must ring then: the silence begins here."""
        if now < self._silent_until:
            return False
        self._silent_until = now + QUIET_SECONDS
        return True
