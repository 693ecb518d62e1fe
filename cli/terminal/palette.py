"""Which colour a nick is drawn in.

A nick keeps its colour for as long as the program runs. The first choice is made by the nick alone, so it
is mostly the same one tomorrow and on another machine; only a nick that is new while its colour belongs to
somebody who has just spoken gets another one. So up to eight people who talk with one another have eight
colours.
"""

from collections import OrderedDict
from zlib import crc32

from chatcore.names import fold

__all__ = ["COLOURS", "Palette"]

COLOURS = ("#ff5f00", "#af87af", "#5f87ff", "#af5f5f", "#5f5f00", "#005faf", "#af0087", "#8700ff")
"""Colours of xterm's 256, found by search: each has a contrast of at least 3 on black as on white, and the
two that are most alike are as far apart as can be, whether one sees all colours, or no red, green or blue.
"""

MOST_NICKS = 2_000
"""Nicks whose colours are remembered; a server can invent any number of them."""


class Palette:
    """The colours that were given away."""

    def __init__(self) -> None:
        self._given: OrderedDict[str, str] = OrderedDict()  # by folded nick, the latest one last
        self._speakers: list[str] = []  # the colours of those who spoke last, the latest one last

    def colour(self, nick: str) -> str:
        """Return a nick's colour, which is one of `COLOURS`."""
        folded = fold(nick)
        if folded not in self._given:
            self._given[folded] = self._choose(folded)
        self._given.move_to_end(folded)
        if len(self._given) > MOST_NICKS:
            self._given.popitem(last=False)
        return self._given[folded]

    def speaks(self, nick: str) -> str:
        """Return the colour of somebody whose words are drawn next."""
        colour = self.colour(nick)
        self._speakers = [each for each in self._speakers if each != colour][-len(COLOURS) + 2 :]
        self._speakers.append(colour)
        return colour

    def _choose(self, folded: str) -> str:
        number = crc32(folded.encode(errors="replace"))
        step = 2 * (number // len(COLOURS)) + 1  # odd, so all of the eight get their turn
        order = [COLOURS[(number + turn * step) % len(COLOURS)] for turn in range(len(COLOURS))]
        return next((colour for colour in order if colour not in self._speakers), order[0])
