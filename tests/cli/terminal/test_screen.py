"""The line that is being typed: keys go in, lines come out."""

import asyncio
import io
from collections.abc import Callable, Sequence

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output import DummyOutput, Output
from prompt_toolkit.output.vt100 import Vt100_Output

from chatcore.errors import UsageError
from cli.terminal.completion import Candidate
from cli.terminal.painter import Fragments
from cli.terminal.screen import Screen
from tests.cli.pty import ENTER, paste

CTRL_C, CTRL_D = "\x03", "\x04"
ALT_ENTER = "\x1b\r"
UP = "\x1b[A"


class Notes:
    """A conversation that only notes what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.focus: list[bool] = []
        self.above: Fragments = []
        self.drawn = asyncio.Event()

    def prompt(self) -> Fragments:
        self.drawn.set()
        return [("", "> ")]

    def status(self) -> Fragments:
        return self.above

    def completions(self, before: str) -> list[Candidate]:
        return [
            Candidate(f"{name} ", len(before), name) for name in ("/nick", "/nod") if name.startswith(before)
        ]

    def take_line(self, text: str) -> None:
        self.lines.append(text)

    def take_focus(self, focused: bool) -> None:
        self.focus.append(focused)

    def take_key(self) -> None:
        """Take no note of it."""


class Recording(io.StringIO):
    """What reached the terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


def typed(keys: str, *, before: Sequence[str] = (), talk: Notes | None = None) -> tuple[list[str], int]:
    """Type some keys and Ctrl-D; return the lines that came out and the exit code."""
    talk = talk or Notes()
    with (
        create_pipe_input() as pipe,
        create_app_session(input=pipe, output=DummyOutput()),
    ):
        pipe.send_text(keys + CTRL_D)
        exit_code = asyncio.run(Screen(talk).run(before))
    return talk.lines, exit_code


def test_enter_gives_the_line_away() -> None:
    assert typed(f"hello{ENTER}{ENTER}there{ENTER}") == (["hello", "", "there"], 0)


def test_ctrl_c_clears_a_line_that_is_not_empty() -> None:
    assert typed(f"never mind{CTRL_C}hello{ENTER}") == (["hello"], 0)


def test_ctrl_c_on_an_empty_line_ends_with_130() -> None:
    assert typed(f"hello{ENTER}{CTRL_C}") == (["hello"], 130)


def test_ctrl_d_does_not_end_a_line_that_is_not_empty() -> None:
    assert typed(f"hello{CTRL_D}{ENTER}") == (["hello"], 0)


def test_alt_enter_makes_several_lines_which_are_asked_about_once() -> None:
    assert typed(f"one{ALT_ENTER}two{ENTER}{ENTER}") == (["one\ntwo"], 0)


def test_a_paste_is_one_line_that_is_asked_about_if_it_has_several() -> None:
    assert typed(paste("one\r\ntwo\rthree\n") + ENTER + ENTER) == (["one\ntwo\nthree"], 0)
    assert typed(paste("just one\n") + ENTER) == (["just one"], 0)


def test_a_change_takes_the_question_back() -> None:
    assert typed(paste("one\ntwo") + ENTER + "!" + ENTER + CTRL_C) == ([], 0)
    assert typed(paste("one\ntwo") + ENTER + "!" + ENTER + ENTER) == (["one\ntwo!"], 0)


def test_a_paste_leaves_out_what_a_message_cannot_have() -> None:
    assert typed(paste("\x1b[1;31mred\x1b[0m\x07\x85\ttab") + ENTER) == (["red\ttab"], 0)


def test_tab_completes_what_the_conversation_knows() -> None:
    assert typed(f"/ni\tbob{ENTER}/no\t{ENTER}x\t{ENTER}") == (["/nick bob", "/nod ", "x"], 0)


def test_alt_and_a_number_goes_to_a_room_and_leaves_the_draft_alone() -> None:
    assert typed(f"half \x1b2a line{ENTER}") == (["/2", "half a line"], 0)


def test_the_focus_is_told_and_types_nothing() -> None:
    talk = Notes()
    assert typed(f"a\x1b[Ob\x1b[Ic{ENTER}", talk=talk) == (["abc"], 0)
    assert talk.focus == [False, True]


def test_the_up_key_brings_back_what_was_typed_in_earlier_times() -> None:
    assert typed(f"{UP}{UP}{ENTER}", before=["one", "two"]) == (["one"], 0)


def during(act: Callable[[Screen], None], talk: Notes | None = None) -> str:
    """Do something while somebody has typed half a line; return all output."""
    out = Recording()
    output = Vt100_Output(out, lambda: Size(rows=24, columns=80), term="xterm-256color")

    async def main() -> None:
        notes = talk or Notes()
        screen = Screen(notes)
        typing = asyncio.create_task(screen.run())
        await notes.drawn.wait()
        act(screen)
        screen.stop(3)
        screen.flush()
        assert await typing in (0, 3)
        screen.flush()

    with create_pipe_input() as pipe, create_app_session(input=pipe, output=output):
        pipe.send_text("half a line")
        asyncio.run(main())
    return out.getvalue()


def test_all_that_was_printed_is_out_at_the_end() -> None:
    def act(screen: Screen) -> None:
        for number in range(3_000):
            screen.print([("", f"line {number}\n")])

    written = during(act)
    assert all(f"line {number}\r\n" in written for number in range(3_000))


def test_an_escape_does_not_pass_even_if_it_was_not_drawn_inert() -> None:
    assert "\x1b[2J" not in during(lambda screen: screen.print([("", "\x1b[2J\n")]))


def test_the_terminal_tells_of_the_focus_for_as_long_as_there_is_a_prompt() -> None:
    written = during(lambda screen: screen.print([("", "a line\n")]))
    assert ">" in written.partition("\x1b[?1004h")[0]  # not before the system has ceased to echo
    assert written.count("\x1b[?1004h") == written.count("\x1b[?1004l") == 1


def test_the_rows_above_the_prompt_are_the_conversation_s() -> None:
    talk = Notes()
    talk.above = [("reverse", "offline"), ("", "\n")]
    assert "offline" in during(lambda screen: screen.redraw(), talk)


def test_a_windows_terminal_that_is_no_console_is_an_error_of_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoConsoleScreenBufferError(Exception):
        pass

    class Mintty:
        @property
        def output(self) -> Output:
            raise NoConsoleScreenBufferError

    monkeypatch.setattr("cli.terminal.screen.get_app_session", Mintty)
    with pytest.raises(UsageError, match="winpty chat client"):
        Screen(Notes())
