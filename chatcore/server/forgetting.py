"""How a table forgets what it need not know: a little whenever something new comes, and never all of it."""

from collections.abc import Callable, Hashable
from typing import TypeVar

__all__ = ["forget_some"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_LOOKED_AT = 2
"""Entries that are looked at: more than the one that comes, so that a table does not grow for good."""


def forget_some(table: dict[K, V], is_over: Callable[[V], bool]) -> None:
    """Look at the first entries of a table: drop those that are over, and put the others last."""
    for _ in range(min(_LOOKED_AT, len(table))):
        key = next(iter(table))
        value = table.pop(key)
        if not is_over(value):
            table[key] = value
