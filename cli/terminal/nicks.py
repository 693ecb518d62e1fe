"""The nicks that Tab completes in a room: members, and those who have spoken, the latest speaker first.

A room can have any number of members, and a server can invent any number of nicks, so there is a bound.
"""

from collections import OrderedDict
from collections.abc import Iterable

from chatcore import fold

__all__ = ["KnownNicks"]

MOST = 2_000
"""Nicks that are remembered."""


class KnownNicks:
    """The nicks of one room, as far as this client has heard of them."""

    def __init__(self) -> None:
        self._nicks: OrderedDict[str, str] = OrderedDict()  # by folded nick, the latest speaker last

    def add(self, nicks: Iterable[str]) -> None:
        """Add members who have not spoken yet, before all who have."""
        for nick in nicks:
            if len(self._nicks) < MOST and fold(nick) not in self._nicks:
                self._nicks[fold(nick)] = nick
                self._nicks.move_to_end(fold(nick), last=False)

    def remove(self, nicks: Iterable[str]) -> None:
        """Remove members who have left."""
        for nick in nicks:
            self._nicks.pop(fold(nick), None)

    def note_speaker(self, nick: str) -> None:
        """Make someone the latest speaker."""
        self._nicks[fold(nick)] = nick
        self._nicks.move_to_end(fold(nick))
        if len(self._nicks) > MOST:
            self._nicks.popitem(last=False)

    def matching(self, prefix: str) -> list[str]:
        """Return the nicks with a prefix, in any case, the latest speaker first."""
        folded = fold(prefix)
        return [nick for name, nick in reversed(self._nicks.items()) if name.startswith(folded)]
