"""What may happen next, and what must never have happened."""

from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Step", "Violation", "expect"]


class Step(NamedTuple):
    """Something that could happen now. ``run`` does it and returns a line for the log."""

    weight: float
    run: Callable[[], str]


class Violation(AssertionError):
    """The core broke a promise."""


def expect(holds: bool, *story: object) -> None:
    """Demand that something holds; the story, put together only if it does not, says what went wrong."""
    if not holds:
        raise Violation(" ".join(map(str, story)))
