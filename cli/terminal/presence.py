"""Who came and who went: the net of many events, as one line.

Events are gathered for a moment. Somebody who came and went within it did nothing that anybody needs to know,
and a hundred people who come back after a restart are one line.
"""

from collections.abc import Iterable, Sequence
from typing import TypeVar

from chatcore.messages import Presence
from chatcore.names import fold

__all__ = ["PresenceDigest", "names"]

T = TypeVar("T")

FOLD_SECONDS = 5.0
"""How long events are gathered, unless somebody of them speaks before."""

MOST_NAMES = 8
"""Names in one line."""

MOST_KEPT = 1_000
"""Names that are gathered; beyond these there are only others."""


class PresenceDigest:
    """The comings and goings of one room that were not told yet."""

    def __init__(self) -> None:
        self.due: float | None = None  # when to tell
        self._joined: dict[str, str] = {}  # spellings by folded nick, as in the next two
        self._left: dict[str, str] = {}
        self._renamed: dict[str, tuple[str, str]] = {}  # by the new nick: the old and the new one
        self._others = False
        self._count = 0

    def add(self, event: Presence, own: str, now: float) -> None:
        """Gather an event; what it says of ourselves is no news."""
        self._count = event.count
        self._others |= event.more
        for pair in event.renamed:
            self._rename(pair.old, pair.new, fold(own))
        self._move(event.joined, self._left, self._joined, fold(own))
        self._move(event.left, self._joined, self._left, fold(own))
        if self.due is None and (self._joined or self._left or self._renamed or self._others):
            self.due = now + FOLD_SECONDS

    def concern(self, nick: str) -> bool:
        """Tell whether somebody is among them, so that it is to be told before they speak."""
        return any(fold(nick) in group for group in (self._joined, self._left, self._renamed))

    def take(self) -> str:
        """Return what is to be told, which is nothing if it has come to nothing; begin anew."""
        parts = [f"{names(list(self._joined.values()))} joined"] if self._joined else []
        parts += [f"{names(list(self._left.values()))} left"] if self._left else []
        renamed = [f"{old} is now {new}" for old, new in self._renamed.values()]
        parts += renamed[:MOST_NAMES]
        if self._others or len(renamed) > MOST_NAMES:
            parts.append("others came, went or changed their names")
        told = f"{', '.join(parts)} ({self._count:,} here)" if parts else ""
        self.due, self._others = None, False
        for group in (self._joined, self._left, self._renamed):
            group.clear()
        return told

    def _move(self, nicks: Iterable[str], undone: dict[str, str], done: dict[str, str], own: str) -> None:
        for nick in nicks:
            folded = fold(nick)
            if undone.pop(folded, None) is None and folded != own:
                self._keep(done, folded, nick)

    def _rename(self, old: str, new: str, own: str) -> None:
        if fold(new) == own:
            return
        if self._joined.pop(fold(old), None) is not None:
            self._keep(self._joined, fold(new), new)
            return
        first, _ = self._renamed.pop(fold(old), (old, ""))
        if first != new:
            self._keep(self._renamed, fold(new), (first, new))

    def _keep(self, group: dict[str, T], key: str, value: T) -> None:
        if len(group) < MOST_KEPT:
            group[key] = value
        else:
            self._others = True


def names(nicks: Sequence[str]) -> str:
    """Return a few names and the number of the rest, as words."""
    shown = [*nicks[:MOST_NAMES]]
    if len(nicks) > MOST_NAMES:
        shown.append(f"{len(nicks) - MOST_NAMES:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
