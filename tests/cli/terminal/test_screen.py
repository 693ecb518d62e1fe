"""The prompt: keys go in, lines come out."""

import asyncio
import io
import re
from collections.abc import Callable, Sequence

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput, Output
from prompt_toolkit.output.vt100 import Vt100_Output

from chatcore import UsageError
from cli.terminal.completion import Candidate
from cli.terminal.painter import Fragments
from cli.terminal.screen import Screen
from tests.cli.pty import ENTER, paste

CTRL_C, CTRL_D = "\x03", "\x04"
ALT_ENTER = "\x1b\r"
UP = "\x1b[A"


class Notes:
    """A conversation that only records its input."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.focus: list[bool] = []
        self.covered: list[bool] = []
        self.uncovered = asyncio.Event()
        self.warnings: list[str] = []
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
        """Do nothing."""

    def cover(self, covered: bool) -> None:
        self.covered.append(covered)
        if not covered:
            self.uncovered.set()

    def warn(self, message: str) -> None:
        self.warnings.append(message)


class Recording(io.StringIO):
    """What reached the terminal."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 1


def typed(
    keys: str,
    *,
    before: Sequence[str] = (),
    controller: Notes | None = None,
    bound: dict[str, str | list[str]] | None = None,
) -> tuple[list[str], int]:
    """Type keys and Ctrl-D; return the entered lines and the exit code. ``bound`` are keys of actions."""
    controller = controller or Notes()
    with (
        create_pipe_input() as pipe,
        create_app_session(input=pipe, output=DummyOutput()),
    ):
        pipe.send_text(keys + CTRL_D)
        exit_code = asyncio.run(Screen(controller, keys=bound).run(before))
    return controller.lines, exit_code


def edited(command: str, monkeypatch: pytest.MonkeyPatch, *, stop: bool = False) -> tuple[Notes, str, int]:
    """Open the editor with a draft; return the controller, what is in the prompt then, and the exit code."""
    monkeypatch.setenv("VISUAL", command)
    notes = Notes()

    async def steps() -> tuple[str, int]:
        screen = Screen(notes)
        running = asyncio.create_task(screen.run())
        await notes.drawn.wait()
        screen.put_back("draft")
        screen.edit("/edit ")
        if stop:
            screen.stop(3)
        await asyncio.wait_for(notes.uncovered.wait(), 10)
        if not stop:
            screen.stop()
        return screen.draft, await running

    with create_pipe_input() as pipe, create_app_session(input=pipe, output=DummyOutput()):
        text, code = asyncio.run(steps())
    return notes, text, code


def test_the_result_of_the_editor_is_in_the_prompt_and_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, text, _ = edited("sed -i -e 's/draft/result\\n\\x1b[31m!/'", monkeypatch)
    assert text == "/edit result\n!"
    assert notes.covered == [True, False]
    assert notes.lines == notes.warnings == []


@pytest.mark.parametrize(
    ("command", "problem"),
    [
        ("false", "false has failed (1); the draft is as it was"),
        ("/nowhere/vi", "cannot start /nowhere/vi: No such file or directory"),
        ("vi '", "VISUAL is not a command: No closing quotation"),
        ("rm", "the draft cannot be edited: No such file or directory"),
    ],
)
def test_an_editor_that_fails_is_one_line_and_keeps_the_draft(
    command: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes, text, _ = edited(command, monkeypatch)
    assert (text, notes.warnings) == ("/edit draft", [problem])


def test_without_an_editor_a_line_says_what_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDITOR", raising=False)
    notes, _, _ = edited(" ", monkeypatch)
    assert notes.warnings == ["there is no editor: set VISUAL or EDITOR to yours"]


def test_the_end_waits_for_the_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    _, text, code = edited("sed -i s/draft/result/", monkeypatch, stop=True)
    assert (text, code) == ("/edit result", 3)


def test_what_comes_while_the_editor_runs_is_printed_after_it_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cli.terminal.screen.MOST_HELD", 1_000)
    monkeypatch.setenv("VISUAL", "true")
    out = Recording()

    def print_much(screen: Screen) -> None:
        screen.edit("")
        for number in range(10_000):
            screen.print([("", f"line {number}"), ("", "\n")])
        screen.flush()
        assert "line 9999" not in out.getvalue()

    _, _, written = during(print_much, out=out).partition("/back has it")
    numbers = [int(number) for number in re.findall(r"line (\d+)", written)]
    assert 500 < len(numbers) <= 1_000
    assert numbers == list(range(10_000 - len(numbers), 10_000))


def test_a_second_ctrl_c_on_an_empty_line_quits_and_a_key_in_between_calls_it_off() -> None:
    assert typed(f"hello{ENTER}{CTRL_C}{CTRL_C}not read") == (["hello"], 130)
    assert typed(f"{CTRL_C}x{CTRL_C}{CTRL_C}") == ([], 0)


def test_keys_do_what_the_user_has_chosen() -> None:
    swapped: dict[str, str | list[str]] = {"send": "alt-enter", "newline": ["enter", "ctrl-x n"]}
    assert typed(f"a{ENTER}b\x18nc{ALT_ENTER}{ALT_ENTER}", bound=swapped) == (["a\nb\nc"], 0)
    assert typed("\x1bOP", bound={"room-3": "f1"}) == (["/3"], 0)
    assert typed(f"\x0f{ENTER}", bound={"older": "ctrl-o"}, before=["earlier"]) == (["earlier"], 0)
    assert typed(f"ab{ENTER}\x14\x14", bound={"cancel": "ctrl-t"}) == (["ab"], 130)


def test_enter_enters_the_line() -> None:
    assert typed(f"hello{ENTER}{ENTER}there{ENTER}") == (["hello", "", "there"], 0)


def test_ctrl_c_clears_a_line_that_is_not_empty() -> None:
    assert typed(f"never mind{CTRL_C}hello{ENTER}") == (["hello"], 0)


def test_ctrl_d_on_a_line_that_is_not_empty_does_nothing() -> None:
    assert typed(f"hello{CTRL_D}{ENTER}") == (["hello"], 0)


def test_several_lines_are_confirmed_once() -> None:
    assert typed(f"one{ALT_ENTER}two{ENTER}{ENTER}") == (["one\ntwo"], 0)


def test_a_paste_is_one_message_and_confirmed_if_it_has_several_lines() -> None:
    assert typed(paste("one\r\ntwo\rthree\n") + ENTER + ENTER) == (["one\ntwo\nthree"], 0)
    assert typed(paste("just one\n") + ENTER) == (["just one"], 0)


def test_editing_cancels_the_confirmation() -> None:
    assert typed(paste("one\ntwo") + ENTER + "!" + ENTER + CTRL_C) == ([], 0)
    assert typed(paste("one\ntwo") + ENTER + "!" + ENTER + ENTER) == (["one\ntwo!"], 0)


@pytest.mark.parametrize(
    ("clear", "cancel"),
    [
        (lambda screen, pipe: pipe.send_text(CTRL_C), "ctrl-c"),
        (lambda screen, pipe: pipe.send_text("\x14"), "ctrl-t"),
        (lambda screen, pipe: screen.take_draft(), "ctrl-c"),
    ],
    ids=["Ctrl-C", "another key", "another room"],
)
def test_the_question_goes_with_the_lines(clear: Callable[[Screen, PipeInput], object], cancel: str) -> None:
    out = Recording()

    async def main() -> None:
        notes = Notes()
        screen = Screen(notes, keys={"cancel": cancel})
        typing = asyncio.create_task(screen.run())
        pipe.send_text(f"one{ALT_ENTER}two{ENTER}")
        await drawn_until(notes, lambda: "to send these 2 lines" in out.getvalue())
        clear(screen, pipe)
        await drawn_until(notes, lambda: not screen.draft)
        before = len(out.getvalue())
        screen.print([("", "a line above the prompt, which is drawn again\n")])
        await drawn_until(notes, lambda: "drawn again" in out.getvalue())
        screen.stop()
        await typing
        assert "again to send" not in out.getvalue()[before:]

    output = Vt100_Output(out, lambda: Size(rows=24, columns=80), term="xterm-256color")
    with create_pipe_input() as pipe, create_app_session(input=pipe, output=output):
        asyncio.run(main())


async def drawn_until(notes: Notes, condition: Callable[[], bool]) -> None:
    """Wait until the prompt was drawn again, and a condition holds."""
    async with asyncio.timeout(10):
        while True:
            notes.drawn.clear()
            await notes.drawn.wait()
            if condition():
                return


def test_control_characters_are_removed_from_a_paste() -> None:
    text = "\x1b]0;title\x07\x1b[1;31mred\x1b[0m\x07\x85\ttab"
    assert typed(paste(text) + ENTER) == (["red\ttab"], 0)


def test_tab_completes_candidates_of_the_conversation() -> None:
    assert typed(f"/ni\tbob{ENTER}/no\t{ENTER}x\t{ENTER}") == (["/nick bob", "/nod ", "x"], 0)


def test_alt_and_a_number_goes_to_a_room_and_keeps_the_draft() -> None:
    assert typed(f"half \x1b2a line{ENTER}") == (["/2", "half a line"], 0)


def test_reports_of_the_focus_are_not_typed() -> None:
    controller = Notes()
    assert typed(f"a\x1b[Ob\x1b[Ic{ENTER}", controller=controller) == (["abc"], 0)
    assert controller.focus == [False, True]


def test_the_up_key_brings_back_input_of_earlier_sessions() -> None:
    assert typed(f"{UP}{UP}{ENTER}", before=["one", "two"]) == (["one"], 0)


def during(
    act: Callable[[Screen], None], controller: Notes | None = None, out: Recording | None = None
) -> str:
    """Do something while half a line is typed; return all output."""
    out = out or Recording()
    output = Vt100_Output(out, lambda: Size(rows=24, columns=80), term="xterm-256color")

    async def main() -> None:
        notes = controller or Notes()
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


def test_flush_prints_everything_before_the_end() -> None:
    def act(screen: Screen) -> None:
        for number in range(3_000):
            screen.print([("", f"line {number}\n")])

    written = during(act)
    assert all(f"line {number}\r\n" in written for number in range(3_000))


def test_an_escape_is_not_printed_even_if_it_was_not_sanitized() -> None:
    assert "\x1b[2J" not in during(lambda screen: screen.print([("", "\x1b[2J\n")]))


def test_the_focus_is_reported_while_there_is_a_prompt() -> None:
    written = during(lambda screen: screen.print([("", "a line\n")]))
    assert ">" in written.partition("\x1b[?1004h")[0]  # not before the system has stopped to echo
    assert written.count("\x1b[?1004h") == written.count("\x1b[?1004l") == 1


def test_status_rows_are_those_of_the_conversation() -> None:
    controller = Notes()
    controller.above = [("reverse", "offline"), ("", "\n")]
    assert "offline" in during(lambda screen: screen.redraw(), controller)


def test_a_windows_terminal_without_a_console_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoConsoleScreenBufferError(Exception):
        pass

    class Mintty:
        @property
        def output(self) -> Output:
            raise NoConsoleScreenBufferError

    monkeypatch.setattr("cli.terminal.screen.get_app_session", Mintty)
    with pytest.raises(UsageError, match="winpty chat client"):
        Screen(Notes())
