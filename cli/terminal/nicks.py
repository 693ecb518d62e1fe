"""Who may be meant in a room: those who are there or have spoken, the latest first."""

from collections import OrderedDict
from collections.abc import Iterable

from chatcore.names import fold

__all__ = ["KnownNicks"]

MOST = 2_000
"""Nicks that are remembered for completion; a room may have any number of members."""


class KnownNicks:
    """The nicks of one room, as far as they were heard of."""

    def __init__(self) -> None:
        self._nicks: OrderedDict[str, str] = OrderedDict()  # by folded nick, the latest speaker last

    def came(self, nicks: Iterable[str]) -> None:
        """Learn that somebody is here who has not spoken yet."""
        for nick in nicks:
            if len(self._nicks) < MOST and fold(nick) not in self._nicks:
                self._nicks[fold(nick)] = nick
                self._nicks.move_to_end(fold(nick), last=False)

    def went(self, nicks: Iterable[str]) -> None:
        """Learn that somebody has left."""
        for nick in nicks:
            self._nicks.pop(fold(nick), None)

    def spoke(self, nick: str) -> None:
        """Learn that somebody has spoken."""
        self._nicks[fold(nick)] = nick
        self._nicks.move_to_end(fold(nick))
        if len(self._nicks) > MOST:
            self._nicks.popitem(last=False)

    def matching(self, prefix: str) -> list[str]:
        """Return the nicks that begin so, however they are spelled, the latest speaker first."""
        folded = fold(prefix)
        return [nick for name, nick in reversed(self._nicks.items()) if name.startswith(folded)]
