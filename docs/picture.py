"""Draws docs/conversation.svg: two people in their terminals, as they really see it.

Two real clients run in pseudo-terminals against a real server. pyte keeps their screens, and what it shows at
the end is drawn as text with colours. Only the time of day is invented.
"""

import re
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from html import escape
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from pyte.screens import Char

from chatcore.server.hub import Hub
from tests.cli.processes import CHAT
from tests.cli.pty import ENTER, Pty, in_terminal, paste
from transports.threaded_tcp import connect, serve

__all__ = ["main"]

PICTURE = Path(__file__).with_name("conversation.svg")

COLUMNS, ROWS = 62, 18
ROOMS = ("lobby", "ops")
CELL_WIDTH, CELL_HEIGHT = 8.4, 19  # of a monospaced face at 14 px
MARGIN, TITLE, GAP = 14, 30, 20
CLOCK = "10:24"

BACKGROUND, FOREGROUND, FRAME, QUIET = "#16181d", "#d8dade", "#2b2f38", "#878787"


def main() -> None:
    """Let two people talk, restart their server, and draw what they see."""
    with closing(Hub()) as hub, ExitStack() as first:
        url = str(first.enter_context(serve("chat://127.0.0.1:0", hub=hub)).listening[0])
        with _person(url, "alice") as alice, _person(url, "bob") as bob:
            _talk(url, alice, bob)
            first.close()
            _miss_something(hub, url, alice, bob)
            shown = [("alice", _cells(alice)), ("bob", _cells(bob))]
    PICTURE.write_text(_svg([(name, _without_varying_parts(rows)) for name, rows in shown]))


@contextmanager
def _person(url: str, nick: str) -> Iterator[Pty]:
    argv = (CHAT, "client", url, "--nick", nick, "--room", "lobby", "--room", "ops", "--quiet")
    with in_terminal(*argv, columns=COLUMNS, rows=ROWS, COLORTERM="") as terminal:
        terminal.wait("you are also in ops")
        terminal.wait("[1:lobby]  2:ops")
        terminal.wait_line(f"{nick}@lobby>")
        yield terminal


def _talk(url: str, alice: Pty, bob: Pty) -> None:
    _say(bob, "who broke the build?", (alice, bob))
    _say(alice, "not me, I was asleep. It says:", (alice, bob))
    alice.type(paste("FAILED test_tail.py::test_wraps\nassert 41 == 42\n"))
    alice.wait("assert 41")
    alice.type(ENTER)
    alice.wait("Press Enter again")
    alice.type(ENTER)
    for person in (alice, bob):
        person.wait("assert 41")
        person.wait("FAILED")
    with connect(url, nick="carol", rooms=ROOMS) as carol:
        carol.post("alice, the disk is full again", room="ops")
    alice.wait("1!")
    bob.type("/2" + ENTER)
    bob.wait("carol: alice, the disk")
    bob.wait("1:lobby  [2:ops]")


def _miss_something(hub: Hub, url: str, alice: Pty, bob: Pty) -> None:
    """Stop the server and start it again; in between, carol posts through another one on the same hub."""
    for person in (alice, bob):
        person.wait("offline, reconnecting")
    with ExitStack() as stack:
        other = str(stack.enter_context(serve("chat://127.0.0.1:0", hub=hub)).listening[0])
        carol = stack.enter_context(connect(other, nick="carol", rooms=ROOMS))
        carol.post("off by one, fixed. Look, alice!", room="lobby")
        carol.post("and the disk has space again", room="ops")
    with serve(url, hub=hub):
        for person in (alice, bob):
            person.wait("live from here")
        _say(bob, "thank you, Carol", (bob,))
        alice.wait("2:ops 3!")
        bob.wait("1:lobby 1  [2:ops]")
        alice.type("then I am going ba")
        alice.wait_line("alice@lobby> then I am going ba")
        bob.wait_line("bob@ops>")


def _say(speaker: Pty, text: str, listeners: tuple[Pty, ...]) -> None:
    speaker.type(text + ENTER)
    for listener in listeners:
        listener.wait(f": {text}")


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
    """Replace what is different each time: the time of day and the port."""
    return [Row(_rewritten(row.cells), row.cursor) for row in rows]


def _rewritten(cells: list[Char]) -> list[Char]:
    text = "".join(cell.data or "\0" for cell in cells)
    text = re.sub(r"^\d\d:\d\d(?=[ ~])", CLOCK, text)
    text = re.sub(r"(127\.0\.0\.1):\d+(.*?) *$", r"\1:7024\2", text).ljust(COLUMNS)
    return [cell._replace(data=char.strip("\0")) for cell, char in zip(cells, text, strict=True)]


def _svg(screens: list[tuple[str, list[Row]]]) -> str:
    width = COLUMNS * CELL_WIDTH + 2 * MARGIN
    height = ROWS * CELL_HEIGHT + TITLE + MARGIN
    total = len(screens) * width + (len(screens) - 1) * GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {total:g} {height:g}" xml:space="preserve"'
        ' role="img" aria-label="Two people talk in two rooms, and miss nothing while the server is away"',
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
