"""The question for a terminal's background: its answer is found, and no key is lost for it."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.input import DummyInput
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress

from cli.terminal.background import BackgroundInput, can_be_asked
from tests.cli.processes import CHAT, ChatServer, chat_server
from tests.cli.pty import Pty, in_terminal

LIGHT_ANSWER = "\x1b]11;rgb:fdfd/f6f6/e3e3\x1b\\"
QUESTION = b"\x1b]11;?\x1b\\"


class Keyboard(DummyInput):
    """Keys that come in pieces, parsed as those of a terminal are."""

    def __init__(self) -> None:
        self._keys: list[KeyPress] = []
        self._parser = Vt100Parser(self._keys.append)

    def send(self, text: str) -> None:
        self._parser.feed(text)

    def read_keys(self) -> list[KeyPress]:
        keys = self._keys[:]
        self._keys.clear()
        return keys

    def flush_keys(self) -> list[KeyPress]:
        self._parser.flush()
        return self.read_keys()


def read(*pieces: str, flush: bool = False, expects: bool = True) -> tuple[str, list[str]]:
    """Return what was typed, and the backgrounds that were found; ``flush`` is a pause after each piece."""
    found: list[str] = []
    keyboard = Keyboard()
    keys = BackgroundInput(keyboard, found.append)
    if expects:
        keys.expect()
    typed: list[KeyPress] = []
    for piece in pieces:
        keyboard.send(piece)
        typed += keys.read_keys()
        typed += keys.flush_keys() if flush else []
    typed += keys.flush_keys()
    return "".join(key.data for key in typed), found


@pytest.mark.parametrize(
    ("answer", "background"),
    [
        ("\x1b]11;rgb:0000/0000/0000\x1b\\", "dark"),
        ("\x1b]11;rgb:1e/1e/2E\x07", "dark"),
        ("\x1b]11;rgb:f/f/f\x1b\\", "light"),
        (LIGHT_ANSWER, "light"),
        ("\x1b]11;rgba:ffff/ffff/ffff/8000\x1b\\", "light"),
    ],
)
def test_an_answer_is_found_between_keys(answer: str, background: str) -> None:
    assert read(f"he{answer}llo") == ("hello", [background])


@pytest.mark.parametrize("cut", range(1, len(LIGHT_ANSWER)))
def test_an_answer_may_come_in_two_pieces(cut: int) -> None:
    assert read(f"a{LIGHT_ANSWER[:cut]}", f"{LIGHT_ANSWER[cut:]}b") == ("ab", ["light"])


def test_a_pause_in_an_answer_does_not_end_it() -> None:
    assert read(LIGHT_ANSWER[:9], LIGHT_ANSWER[9:], flush=True) == ("", ["light"])


def test_only_the_first_of_several_answers_counts() -> None:
    assert read(LIGHT_ANSWER, "\x1b]11;rgb:0/0/0\x07", "x") == ("x", ["light"])


@pytest.mark.parametrize(
    "keys",
    [
        "\x1b",
        "\x1b]",
        "\x1b]1x",
        "\x1b\x1b]112",
        "\x1b[A\x1b[1;3D\x1bOP",
        "\x1b]11;rgb:0/0/0 ",
        "\x1b]10;rgb:0/0/0\x07",
        "\x1b]11;" + "0" * 40,
        "\x1b[200~paste \x1b]11;rgb:0/0/0\x07\x1b[201~",
    ],
)
@pytest.mark.parametrize("flush", [False, True])
def test_what_is_no_answer_goes_through(keys: str, flush: bool) -> None:
    asked, found = read(keys, flush=flush)
    assert (asked, found) == (read(keys, flush=flush, expects=False)[0], [])


@given(
    st.lists(st.text(alphabet="\x1b]1;rgb:/0f\\\x07a", max_size=8), max_size=8).filter(
        lambda pieces: ";rgb" not in "".join(pieces)
    )
)
def test_no_key_is_lost(pieces: list[str]) -> None:
    assert read(*pieces, "..", flush=True)[0].replace(".", "") == "".join(pieces).replace(".", "")


@pytest.mark.parametrize(
    ("term", "asked"),
    [
        ("xterm-256color", True),
        ("tmux-256color", True),
        ("screen", True),
        ("linux", False),
        ("vt100", False),
        ("dumb", False),
        ("", False),
        (None, False),
    ],
)
def test_terminals_that_would_show_the_question_are_not_asked(term: str | None, asked: bool) -> None:
    assert can_be_asked(term) is asked


# --- the real client -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[ChatServer]:
    """A server, for all clients here."""
    with chat_server() as running:
        yield running


PATIENT = """
import sys
from cli.terminal import screen
screen.ANSWER_SECONDS = 20.0
from cli.__main__ import main
sys.exit(main())
"""
"""A client whose first lines wait for the background however slow the machine is."""


@contextmanager
def running(program: tuple[str, ...], server: ChatServer, *options: str, **env: str) -> Iterator[Pty]:
    argv = (*program, "client", server.url, "--nick", "ada", "--forget", *options)
    with in_terminal(*argv, columns=80, rows=24, **{"COLORTERM": "", **env}) as terminal:
        yield terminal


def client(server: ChatServer, *options: str, **env: str) -> AbstractContextManager[Pty]:
    return running((CHAT,), server, *options, **env)


def colour_of_prompt(terminal: Pty) -> str:
    """Return the colour of what stands after the nick in the row of the cursor."""
    screen = terminal.screen
    return str(screen.buffer[screen.cursor.y]["ada@".index("@")].fg)


def test_a_terminal_that_answers_gets_the_colours_for_its_background(server: ChatServer) -> None:
    with running((sys.executable, "-c", PATIENT), server) as terminal:
        terminal.wait_until(lambda: QUESTION in terminal.raw, "the question")
        terminal.type(f"typed{LIGHT_ANSWER}")
        terminal.wait_line("ada@lobby> typed")
        terminal.wait_until(lambda: colour_of_prompt(terminal) == "626262", "the light set")
        assert "rgb" not in "".join(terminal.everything)
        terminal.wait("you are in lobby")
        first = next(y for y in range(24) if terminal.screen.row(y).startswith("* you are in lobby"))
        assert terminal.screen.buffer[first][0].fg == "626262"  # it waited for the answer


def test_a_terminal_that_does_not_answer_shows_nothing_and_loses_no_time(server: ChatServer) -> None:
    with client(server) as terminal:
        terminal.wait_line("ada@lobby>")
        terminal.wait_until(lambda: colour_of_prompt(terminal) == "878787", "the set for both")
        assert terminal.raw.count(QUESTION) == 1
        assert not any("]11;" in row for row in terminal.everything)


@pytest.mark.parametrize(
    ("options", "env"),
    [
        (["--background", "dark"], {}),
        (["--plain"], {}),
        ([], {"NO_COLOR": "1"}),
        ([], {"TERM": "linux"}),
    ],
)
def test_it_is_not_asked_for_nothing(server: ChatServer, options: list[str], env: dict[str, str]) -> None:
    with client(server, *options, **env) as terminal:
        terminal.wait("lobby")
        terminal.wait("you")
        assert QUESTION not in terminal.raw
        if options[:1] == ["--background"]:
            terminal.wait_line("ada@lobby>")
            terminal.wait_until(lambda: colour_of_prompt(terminal) == "a8a8a8", "the dark set")
