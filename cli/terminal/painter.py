"""How a conversation looks: messages and notes as lines of styled text.

Only the client's own parts of a line ever start at the left edge of the screen. A text of several lines, or
one that is wider than the screen, continues after an indent, so nobody can write a line that looks like
someone else's message. `cli.wrap` breaks lines, and says when a link stays whole.

Everything that a stranger wrote goes through `cli.sanitize` here, and nowhere else.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo

from cli.sanitize import sanitize, sanitize_lines
from cli.terminal.hits import hits
from cli.terminal.mentions import mentions
from cli.terminal.palette import Palette
from cli.terminal.times import describe_time
from cli.wrap import break_head, cut, indent_for, width_of, wrap

__all__ = ["MOST_CHARS", "MOST_LINES", "Fragments", "Painter"]

Fragments = list[tuple[str, str]]
"""Pairs of a style and a text that has it; always whole lines, the last newline included."""

NOTE = "* "

MIN_DRAFT = 16
"""Cells that a long nick and room leave beside them for what is typed."""

MOST_CHARS = 32 * 1024
MOST_LINES = 500
"""How much of one text is drawn. Servers accept half as many characters by default, but a hostile server can
send anything, and a member can send a text full of newlines."""

_QUIET = "class:quiet"
_MENTION = "class:mention reverse"
_HIT = "bold underline"


class Painter:
    """Draws messages and notes for a screen of ``columns()`` cells.

    Without ``colour``, nicks are bold. With ``words``, marks and styles are replaced by words, for screen
    readers and terminals without styles. ``zone`` is the time zone; ``None`` is the local one.
    """

    def __init__(
        self,
        *,
        colour: bool = True,
        words: bool = False,
        columns: Callable[[], int] = lambda: 80,
        zone: tzinfo | None = None,
    ) -> None:
        self._colour = colour
        self._words = words
        self._columns = columns
        self._zone = zone
        self._palette = Palette()
        self._day = datetime.now(UTC).astimezone(zone).date()  # of the last message

    def message(
        self,
        at: datetime,
        nick: str,
        text: str,
        *,
        kind: str | None = None,
        replay: bool = False,
        mentioned: Sequence[str] = (),
    ) -> Fragments:
        """Return a message; one of an unknown ``kind`` is drawn as its text.

        Every mention of the names ``mentioned`` is in reverse video. If the message is of another day than
        the last one, a line with the day comes first.
        """
        local = self._local(at)
        return self._new_day(local) + self._message(_clock(local), nick, text, kind, replay, mentioned)

    def found(
        self,
        at: datetime,
        room: str,
        nick: str,
        text: str,
        *,
        kind: str | None = None,
        number: int | None = None,
        mentioned: Sequence[str] = (),
        query: str = "",
    ) -> Fragments:
        """Return a message with its day and its room; a result of a search has a ``number``.

        What a ``query`` has asked for is underlined.
        """
        lead = "" if number is None else f"#{number} "
        when = f"{lead}{self.moment(at)} [{sanitize(room)}]"
        return self._message(when, nick, text, kind, False, mentioned, query)

    def moment(self, at: datetime) -> str:
        """Return a day and a time of day, as ``/back`` takes them."""
        local = self._local(at)
        return f"{local:%Y-%m-%d} {_clock(local)}" if local else _clock(local)

    def since(self, at: datetime) -> str:
        """Return a moment as people say it: the day only if it is not today."""
        return describe_time(at, datetime.now(UTC), self._zone)

    def mark(self) -> Fragments:
        """Return the mark that stands before the first unseen message."""
        return (
            self.note("new messages")
            if self._words
            else [("class:mark reverse", "-- new messages --"), ("", "\n")]
        )

    def note(self, text: str) -> Fragments:
        """Return a quiet line of the client's own. Parts by others are sanitized."""
        return self._note(text, _QUIET if self._colour else "")

    def warning(self, text: str) -> Fragments:
        """Return a line of the client's own that is hard to overlook."""
        return self._note(text, "class:warning bold")

    def copy(self, text: str) -> Fragments:
        """Return a text of the user's own, for copying: nothing is added, and the terminal folds it."""
        return [("", f"{line}\n") for line in sanitize_lines(text)]

    def prompt(self, nick: str, room: str | None) -> Fragments:
        """Return the prompt before the line that is being typed."""
        space = max(self._columns() - MIN_DRAFT, MIN_DRAFT)
        name = cut(sanitize(nick), space)
        where = f"@{cut(sanitize(room), max(space - width_of(name), 4))}" if room is not None else ""
        style = self._palette.own_colour(nick) if self._colour else "bold"
        return [(style, name), (_QUIET if self._colour else "", f"{where}> ")]

    def _note(self, text: str, style: str) -> Fragments:
        rows = self._rows(_bounded(text), len(NOTE), len(NOTE))
        return [(style, f"{NOTE if first else ' ' * len(NOTE)}{row}\n") for first, row in _with_first(rows)]

    def _message(
        self,
        when: str,
        nick: str,
        text: str,
        kind: str | None,
        replay: bool,
        mentioned: Sequence[str],
        query: str = "",
    ) -> Fragments:
        quiet = _QUIET if self._colour else ""
        body = quiet if replay else ""
        name, lines = sanitize(nick), _bounded(text)
        is_action = kind == "action"
        has_mention = any(mentions(line, *mentioned) for line in lines)
        remark = self._remark(kind, replay, has_mention)
        lead = f"{when}{'~' if replay and not self._words else ' '}{'* ' if is_action else ''}"
        separator = f"{remark} " if is_action else f"{remark}: "
        style = self._palette.next_speaker(nick) if self._colour else "bold"
        columns = self._columns()
        head, used = break_head([(quiet, lead), (style, name), (body, separator)], columns)
        indent = indent_for(columns)
        rows = self._rows(lines, used, indent)
        first = next(rows)
        drawn = [*head[:-1], (body, head[-1][1] if first else head[-1][1].rstrip())]
        drawn += [*_highlighted(first, mentioned, query, body), (body, "\n")]
        for row in rows:
            drawn += [(body, " " * indent), *_highlighted(row, mentioned, query, body), (body, "\n")]
        return drawn

    def _remark(self, kind: str | None, replay: bool, has_mention: bool) -> str:
        remarks = ["notice"] if kind == "notice" else []
        remarks += ["replayed"] if replay and self._words else []
        remarks += ["mentions you"] if has_mention and self._words else []
        return f" ({', '.join(remarks)})" if remarks else ""

    def _local(self, at: datetime) -> datetime | None:
        try:
            return at.astimezone(self._zone)
        except (OverflowError, ValueError, OSError):  # a time that no calendar here can show
            return None

    def _new_day(self, local: datetime | None) -> Fragments:
        if local is None or local.date() == self._day:
            return []
        self._day = local.date()
        return self.note(f"{local:%A}, {self._day.isoformat()}")

    def _rows(self, lines: list[str], head: int, indent: int) -> Iterator[str]:
        columns = self._columns()
        width = max(columns - indent, 2)
        for number, line in enumerate(lines):
            yield from wrap(line, width if number else columns - head, width)


def _bounded(text: str) -> list[str]:
    """Return the lines of a text, each sanitized, and only the start of one that is too long."""
    lines = text[:MOST_CHARS].split("\n")[:MOST_LINES]
    hidden = len(text) - sum(map(len, lines)) - len(lines) + 1
    shown = [sanitize(line) for line in lines]
    return [*shown, f"({hidden:,} more characters are not shown)"] if hidden else shown


def _clock(local: datetime | None) -> str:
    return f"{local:%H:%M}" if local else "--:--"


def _highlighted(row: str, mentioned: Sequence[str], query: str, style: str) -> Iterator[tuple[str, str]]:
    """Yield a row with mentions in reverse video, and what was searched for underlined."""
    done = 0
    marks = [(*span, _MENTION) for span in mentions(row, *mentioned)]
    marks += [(*span, _HIT) for span in hits(row, query)]
    for start, end, mark in sorted(marks):
        if start >= done:
            yield from ((style, row[done:start]), (f"{style} {mark}".lstrip(), row[start:end]))
            done = end
    if done < len(row):
        yield style, row[done:]


def _with_first(rows: Iterator[str]) -> Iterator[tuple[bool, str]]:
    first = True
    for row in rows:
        yield first, row
        first = False
