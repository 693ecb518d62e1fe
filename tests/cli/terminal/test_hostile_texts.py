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
from tests.hostile import CONTROLS, TEXTS

COLUMNS, ROWS = 60, 400
DRAFT = "alice@lobby> half a sen"
DAY = "2026-01-02"


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
        """Check that rows were only added, with the draft after them; return the new ones.

        That of the day is left out: it stands before the first message, whichever test brings that.
        """
        terminal, bottom = self._terminal, self._terminal.screen.cursor.y
        assert self._cells(self._top) == self._before
        assert terminal.line == DRAFT
        assert terminal.screen.cursor.x == len(DRAFT)
        assert not any(terminal.screen.row(y) for y in range(bottom + 1, ROWS))
        assert terminal.screen.title == ""
        assert_nothing_but_ours(terminal, self._raw)
        return [row for row in map(terminal.screen.row, range(self._top, bottom)) if DAY not in row]

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
    first, *rows, end = watch.assert_nothing_else_changed()
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
