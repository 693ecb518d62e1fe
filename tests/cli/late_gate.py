"""A gate that lets nobody in at first, as a server does that has just started with others."""

from collections.abc import Callable
from itertools import count

from chatcore.gate import ANYBODY, Claim, OpenGate, Person, Refusal

__all__ = ["LateGate"]


class LateGate(OpenGate):
    """Refuses so many that say hello."""

    def __init__(self, refusals: int) -> None:
        self._refusals = refusals
        self._numbers = count()

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Refuse for a moment, or let in."""
        is_late = next(self._numbers) >= self._refusals
        answer(ANYBODY if is_late else Refusal("unavailable", "not yet", 0.01))
