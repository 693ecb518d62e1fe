"""Joins, leaves and new names: the net of many events, as one line.

Events are collected for some seconds. Someone who joins and leaves within them is not mentioned, and a
hundred people who reconnect after a restart of the server are one line. What is collected is bounded: a
server can name any number of people.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from chatcore import Presence, fold

__all__ = ["PresenceDigest"]

T = TypeVar("T")

DIGEST_SECONDS = 5.0
"""How long events are collected, unless one of the people in them speaks earlier."""

MOST_NAMES = 8
"""Names in one line."""

MOST_COLLECTED = 1_000
"""Names that are collected; all beyond these are "others"."""


class PresenceDigest:
    """The changes in one room that were not shown yet.

    ``due`` is when they are to be shown, on the clock of ``now``; ``None`` if there are none.
    """

    def __init__(self) -> None:
        self.due: float | None = None
        self._joined: dict[str, str] = {}  # spellings by folded nick, as in the next two
        self._left: dict[str, str] = {}
        self._renamed: dict[str, tuple[str, str]] = {}  # by the new nick: the old and the new one
        self._others = False
        self._count = 0

    def add(self, event: Presence, own: str, now: float) -> None:
        """Collect an event, without what it says of our ``own`` nick."""
        self._count = event.count
        self._others |= event.more
        for pair in event.renamed:
            self._rename(pair.old, pair.new, fold(own))
        self._move(event.joined, self._left, self._joined, fold(own))
        self._move(event.left, self._joined, self._left, fold(own))
        if self.due is None and (self._joined or self._left or self._renamed or self._others):
            self.due = now + DIGEST_SECONDS

    def concerns(self, nick: str) -> bool:
        """Tell whether someone is in the digest, so that it must be shown before their message."""
        return any(fold(nick) in group for group in (self._joined, self._left, self._renamed))

    def take(self) -> str:
        """Return the line to show, empty if the changes cancel each other out; start over."""
        parts = [f"{_names(list(self._joined.values()))} joined"] if self._joined else []
        parts += [f"{_names(list(self._left.values()))} left"] if self._left else []
        renamed = [f"{old} is now {new}" for old, new in self._renamed.values()]
        parts += renamed[:MOST_NAMES]
        if self._others or len(renamed) > MOST_NAMES:
            parts.append("others joined, left or changed their names")
        line = f"{', '.join(parts)} ({self._count:,} here)" if parts else ""
        self.due, self._others = None, False
        for group in (self._joined, self._left, self._renamed):
            group.clear()
        return line

    def _move(self, nicks: Iterable[str], undone: dict[str, str], done: dict[str, str], own: str) -> None:
        for nick in nicks:
            folded = fold(nick)
            if undone.pop(folded, None) is None and folded != own:
                self._collect(done, folded, nick)

    def _rename(self, old: str, new: str, own: str) -> None:
        if fold(new) == own:
            return
        if self._joined.pop(fold(old), None) is not None:
            self._collect(self._joined, fold(new), new)
            return
        first, _ = self._renamed.pop(fold(old), (old, ""))
        if first != new:
            self._collect(self._renamed, fold(new), (first, new))

    def _collect(self, group: dict[str, T], key: str, value: T) -> None:
        if len(group) < MOST_COLLECTED:
            group[key] = value
        else:
            self._others = True


def _names(nicks: Sequence[str]) -> str:
    """Return a few names and the number of the rest, in words."""
    shown = [*nicks[:MOST_NAMES]]
    if len(nicks) > MOST_NAMES:
        shown.append(f"{len(nicks) - MOST_NAMES:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
