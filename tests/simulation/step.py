"""What may happen next, and what must never happen."""

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
    """Raise `Violation` unless something holds; the story, put together only then, says what went wrong."""
    if not holds:
        raise Violation(" ".join(map(str, story)))
