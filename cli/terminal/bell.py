"""The terminal's bell, which does not ring all the time."""

__all__ = ["Bell"]

QUIET_SECONDS = 5.0
"""How long the bell is silent after it has rung: somebody has turned round by then, or is not there."""


class Bell:
    """Decides whether to ring."""

    def __init__(self) -> None:
        self._silent_until = float("-inf")

    def rings(self, now: float) -> bool:
        """Return whether to ring now, and take it that this is done."""
        if now < self._silent_until:
            return False
        self._silent_until = now + QUIET_SECONDS
        return True
