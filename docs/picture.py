"""Draws docs/conversation.svg: somebody in a terminal, in the evening and the next morning.

A real client runs in a pseudo-terminal against a real server until that is closed, and starts again when the
server has been away too. pyte keeps the screens, and what they show at the end is drawn as text with colours.
Only the times are invented: those of messages by the journal's clock, and when the rooms were read last.
"""

import re
import signal
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from html import escape
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from pyte.screens import Char

from chatcore import Hub, MemoryJournal
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal
from tests.cli.terminal.remembering import load, store
from transports.threaded_tcp import Chat, connect, serve

__all__ = ["main"]

PICTURE = Path(__file__).with_name("conversation.svg")

COLUMNS, ROWS = 62, 16
ROOMS = ("lobby", "ops")
CELL_WIDTH, CELL_HEIGHT = 8.4, 19  # of a monospaced face at 14 px
MARGIN, TITLE, GAP = 14, 30, 20

TODAY = datetime.now(UTC).date()
YESTERDAY = TODAY - timedelta(days=1)
SHOWN_DAYS = {YESTERDAY: "Wednesday, 2026-11-25", TODAY: "Thursday, 2026-11-26"}
MISSED = 142
DRAFT = "I'll look at it in the morn"

BACKGROUND, FOREGROUND, FRAME, QUIET = "#16181d", "#d8dade", "#2b2f38", "#878787"


class Clock:
    """What the journal takes for the time."""

    def __init__(self) -> None:
        self._now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self._now

    def turn(self, days_ago: int, hour: int, minute: int) -> None:
        """Set it."""
        self._now = datetime.combine(TODAY - timedelta(days_ago), time(hour, minute), UTC)


def main() -> None:
    """Let somebody talk, go, miss something and come back, and draw what they see."""
    clock = Clock()
    with (
        closing(Hub(journal=MemoryJournal(now=clock))) as hub,
        TemporaryDirectory() as directory,
        ExitStack() as first,
    ):
        state = Path(directory)
        url = str(first.enter_context(serve("chat://127.0.0.1:0", hub=hub)).listening[0])
        with _alice(url, state, *(f"--room={room}" for room in ROOMS)) as alice:
            _talk(url, alice, clock)
            evening = _cells(alice)
            alice.kill(signal.SIGHUP)  # her terminal is closed
            alice.wait_exit()
        first.close()
        _note_when_she_left(url, state)
        with (
            serve(url, hub=hub),
            connect(url, nick="bob", rooms=ROOMS) as bob,
            connect(url, nick="carol", rooms=ROOMS) as carol,
        ):
            _miss_something(bob, carol, clock)
            with _alice(url, state) as alice:
                alice.wait(f"2:ops {MISSED}!")
                alice.wait_line(f"alice@lobby> {DRAFT}")
                shown = [("alice, in the evening", evening), ("the next morning", _cells(alice))]
    PICTURE.write_text(_svg([(name, _without_varying_parts(rows)) for name, rows in shown]))


@contextmanager
def _alice(url: str, state: Path, *options: str) -> Iterator[Pty]:
    argv = (CHAT, "client", url, "--nick", "alice", "--quiet", "--background", "dark", *options)
    where = {"XDG_STATE_HOME": str(state), "CHAT_CLIENT_REMEMBER": "1", "COLORTERM": ""}
    with in_terminal(*argv, columns=COLUMNS, rows=ROWS, **where) as terminal:
        terminal.wait("you are also in ops")
        yield terminal


def _talk(url: str, alice: Pty, clock: Clock) -> None:
    with connect(url, nick="bob", rooms=ROOMS) as bob:
        clock.turn(1, 17, 58)
        bob.post("who broke the build?", room="lobby")
        alice.wait("bob: who broke")
        alice.type(f"not me, I was asleep. What does it say?{ENTER}")
        alice.wait("alice: not me")
        clock.turn(1, 18, 2)
        bob.post("FAILED test_tail.py::test_wraps\nassert 41 == 42", room="lobby")
        alice.wait("assert 41")
        bob.post("alice, is that yours?", room="lobby")
        alice.wait("is that yours?")
        alice.type(DRAFT)
        alice.wait_line(f"alice@lobby> {DRAFT}")


def _note_when_she_left(url: str, state: Path) -> None:
    left_at = datetime.combine(YESTERDAY, time(18, 2), UTC)
    marks = load(url, state, "alice").in_order()
    store(url, state, *(replace(mark, read_at=left_at).record() for mark in marks), nick="alice")


def _miss_something(bob: Chat, carol: Chat, clock: Clock) -> None:
    clock.turn(1, 22, 41)
    carol.post("off by one: it wrapped one column too late", room="lobby")
    for number in range(MISSED):
        carol.post("alice, may I?" if number in (7, 90) else f"deployed to host {number}", room="ops")
    clock.turn(0, 7, 55)
    carol.post("fixed and deployed. Have a look, alice!", room="lobby")
    bob.post("thank you, Carol", room="lobby")


# --- from screens to pictures ------------------------------------------------------------------------


class Row(NamedTuple):
    """The cells of a row, and the column of the cursor if it is in this row."""

    cells: list[Char]
    cursor: int | None


def _cells(terminal: Pty) -> list[Row]:
    screen = terminal.screen
    return [
        Row([screen.buffer[y][x] for x in range(COLUMNS)], screen.cursor.x if y == screen.cursor.y else None)
        for y in range(ROWS)
    ]


def _without_varying_parts(rows: list[Row]) -> list[Row]:
    """Replace what is different each time: the days and the port."""
    return [Row(_rewritten(row.cells), row.cursor) for row in rows]


def _rewritten(cells: list[Char]) -> list[Char]:
    text = "".join(cell.data or "\0" for cell in cells)
    for day, shown in SHOWN_DAYS.items():
        if text.rstrip("\0 ") == f"* {day:%A, %Y-%m-%d}":
            cells, text = [cells[0]] * COLUMNS, f"* {shown}".ljust(COLUMNS)
    text = re.sub(r"(127\.0\.0\.1):\d+(.*?) *$", r"\1:7024\2", text).ljust(COLUMNS)[:COLUMNS]
    return [cell._replace(data=char.strip("\0")) for cell, char in zip(cells, text, strict=True)]


def _svg(screens: list[tuple[str, list[Row]]]) -> str:
    width = COLUMNS * CELL_WIDTH + 2 * MARGIN
    height = ROWS * CELL_HEIGHT + TITLE + MARGIN
    total = len(screens) * width + (len(screens) - 1) * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:g} {height:g}" xml:space="preserve"'
        ' role="img" aria-label="Somebody comes back in the morning, and sees what is new"',
        " font-family=\"ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace\""
        f' font-size="14" fill="{FOREGROUND}">',
    ]
    for number, (name, rows) in enumerate(screens):
        left = number * (width + GAP)
        parts.append(f'<g transform="translate({left:g} 0)">')
        parts.append(
            f'<rect width="{width:g}" height="{height:g}" rx="8" fill="{BACKGROUND}" stroke="{FRAME}"/>'
        )
        parts.append(f'<text x="{width / 2:g}" y="20" text-anchor="middle" fill="{QUIET}">{name}</text>')
        for y, row in enumerate(rows):
            parts += _row(row, TITLE + y * CELL_HEIGHT)
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _row(row: Row, top: float) -> Iterator[str]:
    if row.cursor is not None:
        x = MARGIN + row.cursor * CELL_WIDTH
        yield f'<rect x="{x:g}" y="{top:g}" width="{CELL_WIDTH}" height="{CELL_HEIGHT}" fill="{FOREGROUND}"/>'
    x = 0
    for style, group in groupby(row.cells, key=lambda cell: (cell.fg, cell.bold, cell.reverse)):
        cells = list(group)
        text = "".join(cell.data for cell in cells)
        left = MARGIN + x * CELL_WIDTH
        colour, bold, reverse = style
        if reverse:
            width = len(cells) * CELL_WIDTH
            size = f'width="{width:g}" height="{CELL_HEIGHT}"'
            yield f'<rect x="{left:g}" y="{top:g}" {size} fill="{FOREGROUND}"/>'
            colour = BACKGROUND
        if text.strip():
            yield _text(text, (colour, bold), left, top + CELL_HEIGHT - 5, len(cells))
        x += len(cells)


def _text(text: str, style: tuple[str, bool], x: float, y: float, columns: int) -> str:
    colour, bold = style
    stripped = text.strip()
    x += (len(text) - len(text.lstrip())) * CELL_WIDTH
    columns -= len(text) - len(stripped)
    attributes = "" if colour == "default" else f' fill="{_colour(colour)}"'
    attributes += ' font-weight="bold"' if bold else ""
    # The text takes these cells, whatever the font.
    length = f' textLength="{columns * CELL_WIDTH:g}" lengthAdjust="spacingAndGlyphs"'
    return f'<text x="{x:g}" y="{y:g}"{length}{attributes}>{escape(stripped)}</text>'


def _colour(colour: str) -> str:
    return f"#{colour}" if re.fullmatch("[0-9a-f]{6}", colour) else colour


if __name__ == "__main__":
    main()
