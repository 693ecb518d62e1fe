"""How a conversation looks: messages and notes as lines of styled text.

Only what is drawn here ever stands at the left edge of the screen. A text of several lines, or one
that is wider than the screen, goes on behind an indent, so nobody can write a line that looks like
somebody else's. One kind of text is left to the terminal to fold: a word of visible ASCII that is
wider than the screen. It has no spaces to look like a line with, and is mostly an address that
somebody wants to click or copy in one piece.
"""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, tzinfo
from zlib import crc32

from prompt_toolkit.utils import get_cwidth

from chatcore.names import fold
from cli.inert import inert, inert_lines

__all__ = ["Fragments", "Painter"]

Fragments = list[tuple[str, str]]
"""Pairs of a style and a text that has it; always whole lines, the last newline included."""

INDENT = 8
NOTE = "* "

# Every one of these can be read on black as well as on white (its luminance is near 0.2), and is one
# of xterm's 256 colours.
_NICK_COLOURS = (
    *("#d75f00", "#d7005f", "#af5fd7", "#5f87ff", "#0087af", "#008787"),
    *("#00875f", "#5f8700", "#af8700", "#af5f5f", "#d75f87", "#8787d7"),
)
_QUIET = "#878787"

_WORDS = re.compile(r"\s+|\S+")
_CLUSTERS = re.compile("(?s:.)(?:[\u200d\ufe0e\ufe0f\u20e3\U0001f3fb-\U0001f3ff]|(?<=\u200d).)*")
_ADDRESS = re.compile(r"[!-~]+")


class Painter:
    """Turns what happens into fragments, for a screen of ``columns()``.

    Without ``colour`` nicks are bold and replayed messages have a mark. ``zone`` is the time zone;
    ``None`` is the local one.
    """

    def __init__(
        self, *, colour: bool = True, columns: Callable[[], int] = lambda: 80, zone: tzinfo | None = None
    ) -> None:
        self._colour = colour
        self._columns = columns
        self._zone = zone
        self._day = datetime.now(UTC).astimezone(zone).date()  # of what is drawn

    def message(
        self, at: datetime, nick: str, text: str, *, room: str | None = None, replay: bool = False
    ) -> Fragments:
        """Return what somebody said. The room is given where there are several."""
        local = self._local(at)
        quiet = _QUIET if self._colour else ""
        mark = "~" if replay and not self._colour else ""
        time = f"{mark}{local:%H:%M} " if local else f"{mark}--:-- "
        where = f"[{inert(room)}] " if room is not None else ""
        name = inert(nick)
        head = get_cwidth(time + where + name) + 2
        rows = self._rows(inert_lines(text), head, INDENT)
        body = quiet if replay else ""
        return [
            *self._new_day(local),
            (quiet, time + where),
            (self._nick_style(nick), name),
            (body, f": {next(rows)}".rstrip() + "\n"),
            *((body, f"{' ' * INDENT}{row}\n") for row in rows),
        ]

    def note(self, text: str) -> Fragments:
        """Return a quiet line of our own; what is a stranger's in it is drawn inert."""
        return self._note(text, _QUIET if self._colour else "")

    def warning(self, text: str) -> Fragments:
        """Return a line of our own that is not to be overlooked."""
        return self._note(text, "bold")

    def copy(self, text: str) -> Fragments:
        """Return a text of the user's own, for copying: nothing is added and the terminal folds it."""
        return [("", f"{line}\n") for line in inert_lines(text)]

    def prompt(self, nick: str, room: str | None) -> Fragments:
        """Return what stands before the line that is being typed."""
        where = f"@{inert(room)}" if room is not None else ""
        return [(self._nick_style(nick), inert(nick)), (_QUIET if self._colour else "", f"{where}> ")]

    def _note(self, text: str, style: str) -> Fragments:
        rows = self._rows(inert_lines(text), len(NOTE), len(NOTE))
        return [(style, f"{NOTE if first else ' ' * len(NOTE)}{row}\n") for first, row in _with_first(rows)]

    def _nick_style(self, nick: str) -> str:
        if not self._colour:
            return "bold"
        return _NICK_COLOURS[crc32(fold(nick).encode(errors="replace")) % len(_NICK_COLOURS)]

    def _local(self, at: datetime) -> datetime | None:
        try:
            return at.astimezone(self._zone)
        except (OverflowError, ValueError, OSError):  # a time at the edge of what can be told
            return None

    def _new_day(self, local: datetime | None) -> Fragments:
        if local is None or local.date() == self._day:
            return []
        self._day = local.date()
        return self.note(f"{local:%A}, {self._day.isoformat()}")

    def _rows(self, lines: list[str], head: int, indent: int) -> Iterator[str]:
        columns = self._columns()
        width = max(columns - indent, 8)
        for number, line in enumerate(lines):
            yield from _wrap(line, width if number else columns - head, width)


def _with_first(rows: Iterator[str]) -> Iterator[tuple[bool, str]]:
    first = True
    for row in rows:
        yield first, row
        first = False


def _wrap(line: str, first: int, width: int) -> Iterator[str]:
    """Break a line into rows: the first has some room, and all that follow have ``width``."""
    row, room = "", first
    for word in _pieces(line.rstrip(), width):
        size = _width(word)
        if size <= room:
            row += word
            room -= size
        else:
            yield row.rstrip()
            row, room = ("", width) if word.isspace() else (word, width - size)
    yield row.rstrip()


def _pieces(line: str, width: int) -> Iterator[str]:
    """Yield words and the space between them, and parts of a word that is too wide to be a row."""
    for word in _WORDS.findall(line):
        if _width(word) <= width or _ADDRESS.fullmatch(word):
            yield word
        else:
            yield from _CLUSTERS.findall(word)


def _width(text: str) -> int:
    """Return how many cells a text takes at most.

    Terminals disagree about joined emoji and about U+FE0F. A row that is counted too wide is a row
    broken early; one that is counted too narrow would be folded by the terminal, at the left edge.
    """
    return get_cwidth(text) + text.count("\ufe0f")
