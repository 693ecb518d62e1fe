"""Which colour a nick has.

A nick keeps its colour for as long as the program runs. The first choice depends on the nick alone, so it is
usually the same tomorrow and on another machine. A new nick gets another colour only if someone has its
first choice, or, once all colours are taken, if someone who spoke recently has it, or the user. So up to
eight people, the user among them, have eight different colours.
"""

from collections import OrderedDict
from zlib import crc32

from chatcore import fold
from cli.terminal.colours import NICKS

__all__ = ["COLOURS", "Palette"]

COLOURS = tuple(f"class:nick{index}" for index in range(NICKS))
"""The colours that nicks have, as styles: which ones these are depends on the background."""

MOST_NICKS = 2_000
"""Nicks whose colours are remembered, since a server can invent any number of nicks."""


class Palette:
    """The colours of all nicks so far."""

    def __init__(self) -> None:
        self._colours: OrderedDict[str, str] = OrderedDict()  # by folded nick, the latest one last
        self._speakers: list[str] = []  # the colours of the last speakers, the latest one last
        self._own = ""  # the user's nick, folded

    def colour(self, nick: str) -> str:
        """Return a nick's colour, which is one of `COLOURS`."""
        folded = fold(nick)
        if folded not in self._colours:
            self._colours[folded] = self._choose(folded)
        self._colours.move_to_end(folded)
        if len(self._colours) > MOST_NICKS:
            self._colours.popitem(last=False)
        return self._colours[folded]

    def own_colour(self, nick: str) -> str:
        """Return the colour of the user's own nick, and note that it is theirs."""
        self._own = fold(nick)
        return self.colour(nick)

    def next_speaker(self, nick: str) -> str:
        """Return the colour of the person who speaks next, and note that they speak."""
        colour = self.colour(nick)
        self._speakers = [*(each for each in self._speakers if each != colour), colour]
        return colour

    def _choose(self, folded: str) -> str:
        number = crc32(folded.encode(errors="replace"))
        step = 2 * (number // len(COLOURS)) + 1  # odd, so that each of the eight gets its turn
        order = [COLOURS[(number + turn * step) % len(COLOURS)] for turn in range(len(COLOURS))]
        used = set(self._colours.values())
        if len(used) == len(COLOURS):
            used = self._prominent()
        return next(colour for colour in order if colour not in used)

    def _prominent(self) -> set[str]:
        """Return all colours but one, those of the user and of the latest speakers before others."""
        colours = [self._colours.get(self._own, ""), *reversed(self._speakers), *COLOURS]
        return set(list(dict.fromkeys(filter(None, colours)))[: len(COLOURS) - 1])
