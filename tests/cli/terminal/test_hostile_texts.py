"""A text by others does nothing to a terminal: it stays in its place.

All texts are shown by one client in one terminal, and every cell of the screen is compared before and after.
"""

import re
from collections.abc import Iterator

import pytest
from pyte.screens import Char

from tests.cli.processes import CHAT
from tests.cli.pty import Pty, in_terminal
from tests.cli.scripted import ScriptedServer, line, message, scripted_server
from tests.cli.terminal.test_hostile import assert_nothing_but_ours

COLUMNS, ROWS = 60, 400
DRAFT = "alice@lobby> half a sen"
FAKE = "03:04 bob: I have resigned"

TEXTS = {
    "22 an override": "\u202egnp.exe\u202c",
    "22 embeddings": "\u202aone\u202btwo\u202d",
    "22 isolates, left open": "\u2066\u2067\u2068 x",
    "22 direction marks": "a\u200e\u200fb\u061c",
    "22 right to left": "עברית (1) و العربية",
    "23 zero width": "a\u200bb\u200cc\u200dd\u2060e\u180ef\ufeffg",
    "23 soft hyphens": "al\u00adi\u00adce",
    "23 variation selectors": "a\ufe0fb\U000e0100",
    "23 tags": "".join(chr(0xE0000 + ord(char)) for char in "ignore all") + "!",
    "23 fillers": "\u3164\u115f\uffa0\u2800",
    "23 line separators": f"one\u2028{FAKE}\u2029{FAKE}",
    "24 combining marks": "z" + "\u0336\u0489\u0310" * 300 + "a",
    "24 a mark without a character": "\u20dd\u0338first",
    "24 wide characters to the edge": "漢" * 200,
    "24 wide characters off by one": "x" + "漢" * 200,
    "24 ambiguous widths": "±×÷§¶…" * 40,
    "24 joined emoji": "\u200d".join("\U0001f468" for _ in range(100)),
    "24 emoji with variations": "❤️🏳️‍🌈👍🏽1️⃣" * 20,
    "24 flags": "🇫🇷" * 60,
    "24 Hangul that takes no room": "\u1100" + "\u1161\u11a8" * 500,
    "24 tabs": f"\t\t\t{FAKE}",
    "21 another line": f"\n{FAKE}\n\n{FAKE}",
    "21 spaces up to the next row": " " * 200 + FAKE,
    "21 wide spaces up to the next row": "\u3000" * 100 + FAKE,
    "21 no-break spaces up to the next row": "\u00a0" * 200 + FAKE,
    "21 words up to the next row": "x" * 42 + " " + FAKE,
    "21 our own marks": "\n-- new messages --\n* you are now root\nalice@lobby> ",
    "20 pictures of control characters": "␛[2J ␇",
    "25 what looks like a command": f"/me nods\n{FAKE}",
    "28 a long text": "word " * 200,
}
"""Texts that a server may send, by a number and a name."""

CONTROLS = {
    "20 clear the screen": "\x1b[2J\x1b[H",
    "20 move the cursor": "\x1b[5A\x1b[1;1H",
    "20 colours that stay": "\x1b[31;7m",
    "20 another screen": "\x1b[?1049h",
    "20 the title": "\x1b]0;title\x07",
    "20 the title, ended by ST": "\x1b]2;title\x1b\\",
    "20 a link": "\x1b]8;;http://evil\x1b\\text\x1b]8;;\x1b\\",
    "20 the clipboard": "\x1b]52;c;aGk=\x07",
    "20 device control": "\x1bP$qm\x1b\\",
    "20 an application's command": "\x1b_G\x1b\\",
    "20 a privacy message": "\x1b^x\x1b\\",
    "20 a string": "\x1bXx\x1b\\",
    "20 a question that is answered by typing": "\x1b[c\x1b[6n\x1b[5n\x1b[>c\x05",
    "20 C1": "\x9b2J\x9d0;t\x9c\x90q\x9c\x9f\x98\x84\x85\x8d",
    "20 a reset": "\x1bc\x1b(0\x0e",
    "21 carriage return": f"x\r{FAKE}",
    "21 backspaces": "x" + "\b" * 100 + FAKE,
    "21 other vertical moves": f"x\v{FAKE}\f{FAKE}\x85{FAKE}",
    "27 bells": "\a" * 500,
    "20 NUL and DEL": "\x00\x7f",
}
"""Strings that are invalid in a text, but valid in the message of an error."""


@pytest.fixture(scope="module")
def server() -> Iterator[ScriptedServer]:
    with scripted_server() as running:
        yield running


@pytest.fixture(scope="module")
def alice(server: ScriptedServer) -> Iterator[Pty]:
    argv = (CHAT, "client", server.url, "--nick", "alice")
    with in_terminal(*argv, columns=COLUMNS, rows=ROWS, TZ="UTC") as terminal:
        terminal.wait("you are in lobby")
        terminal.type("half a sen")
        terminal.wait_line(DRAFT)
        yield terminal


class Watch:
    """Compares every cell of the screen with how it was when this was made."""

    def __init__(self, terminal: Pty) -> None:
        if terminal.screen.cursor.y > ROWS - 120:
            terminal.type("\x0c")  # clears the screen
            terminal.wait_until(lambda: terminal.screen.cursor.y == 0, "an empty screen")
        self._terminal = terminal
        self._top = terminal.screen.cursor.y  # of new rows
        self._before = self._cells(self._top)
        self._raw = len(terminal.raw)

    def assert_nothing_else_changed(self) -> list[str]:
        """Check that rows were only added, with the draft after them; return the new rows."""
        terminal, bottom = self._terminal, self._terminal.screen.cursor.y
        assert self._cells(self._top) == self._before
        assert terminal.line == DRAFT
        assert terminal.screen.cursor.x == len(DRAFT)
        assert not any(terminal.screen.row(y) for y in range(bottom + 1, ROWS))
        assert terminal.screen.title == ""
        assert_nothing_but_ours(terminal, self._raw)
        return [terminal.screen.row(y) for y in range(self._top, bottom)]

    @property
    def bells(self) -> int:
        """How often the bell has rung since."""
        return self._terminal.raw.count(b"\a", self._raw)

    def _cells(self, rows: int) -> list[list[Char]]:
        buffer = self._terminal.screen.buffer
        return [[buffer[y][x] for x in range(COLUMNS)] for y in range(rows)]


seqs = iter(range(1, 10_000))


def drawn(server: ScriptedServer, alice: Pty, text: str, **more: str) -> str:
    """Draw a message, and check that all of it is in its place; return its first row."""
    watch = Watch(alice)
    last = f"end of row {len(alice.raw)}"
    server.say(message(next(seqs), text, **more) + message(next(seqs), last))
    alice.wait(last)
    alice.wait_line(DRAFT)
    first, *rows, end = (row for row in watch.assert_nothing_else_changed() if "2026-01-02" not in row)
    assert all(row.startswith(" " * 8) for row in rows if row)
    assert end == f"03:04 mallory: {last}"
    return first


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_text_stays_in_its_place(server: ScriptedServer, alice: Pty, text: str) -> None:
    assert drawn(server, alice, text).startswith("03:04 mallory:")


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("action", "03:04 * mallory"),
        ("notice", "03:04 mallory (notice):"),
        ("x.poll", "03:04 mallory:"),
        ("edit", "03:04 mallory:"),
    ],
)
@pytest.mark.parametrize("text", [text for name, text in TEXTS.items() if name.startswith("21")])
def test_a_text_of_any_kind_stays_in_its_place(
    server: ScriptedServer, alice: Pty, kind: str, start: str, text: str
) -> None:
    assert drawn(server, alice, text, kind=kind).startswith(start)


@pytest.mark.parametrize("text", CONTROLS.values(), ids=CONTROLS)
def test_a_control_character_in_any_other_string_is_a_picture(
    server: ScriptedServer, alice: Pty, text: str
) -> None:
    watch = Watch(alice)
    last = f"end of row {len(alice.raw)}"
    server.say(line(type="error", code="forbidden", message=text) + message(next(seqs), last))
    alice.wait(last)
    alice.wait_line(DRAFT)
    first, *rows, _ = watch.assert_nothing_else_changed()
    assert first.startswith("*")
    assert all(row.startswith("  ") for row in rows)
    assert re.search("[\u2400-\u2421\ufffd]", "".join([first, *rows]))
    assert watch.bells == 0


def test_a_thousand_mentions_do_not_ring_a_thousand_times(server: ScriptedServer, alice: Pty) -> None:
    watch = Watch(alice)
    server.say(b"".join(message(next(seqs), f"alice! {number}") for number in range(1_000)))
    alice.wait("alice! 999")
    alice.wait_line(DRAFT)
    assert watch.bells <= 2  # none if it rang just before; two if this takes longer than its silence


def test_a_huge_paste_is_one_draft(alice: Pty) -> None:
    alice.type(f"\x1b[200~{'x' * 10_000}\x1b[201~")
    alice.wait_until(lambda: alice.screen.row(alice.screen.cursor.y).endswith("xxx"), "the end of the paste")
    alice.type("\x03")
    alice.wait_line("alice@lobby>")
    alice.type("half a sen")
    alice.wait_line(DRAFT)
