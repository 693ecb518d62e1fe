"""The line that is being typed, and what is printed above it.

A line interface: what was printed belongs to the terminal, with its scrollback, selection and copy.

Printing does not go through prompt_toolkit's `run_in_terminal`. That leaves raw mode for as long as
it prints, and a key that is pressed in that moment is echoed by the system into the middle of the
screen. In raw mode nothing is echoed, so the prompt is erased, the lines are printed and the prompt
is drawn again, all between two keys.
"""

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Iterable

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app_session, run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import Condition, has_focus
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import default_ui_style

from chatcore.errors import UsageError
from cli.report import INTERRUPTED
from cli.terminal.painter import Fragments
from cli.terminal.surface import Controller, Surface

__all__ = ["Screen"]

FLUSH_SECONDS = 0.05
"""How long output is gathered: nobody notices, and a burst is one drawing of the prompt."""

PIECE = 1_000
"""Fragments that are printed in one go, some three hundred messages."""

MOST_PENDING = 5_000
"""Fragments that may wait. Whoever sends faster than can be printed makes us print, not grow."""

BREATH_SECONDS = 0.005
"""How long the keyboard is served between two of these."""

_CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]")  # ECMA-48, section 5.4
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Screen:
    """A prompt at the bottom, and above it a status row where there is something to say.

    Raises `UsageError` where the terminal is none that can be drawn on.
    """

    words = False

    def __init__(self, talk: Controller) -> None:
        self._talk = talk
        self._asking = False  # whether several lines are really meant
        self._focus_told = False  # whether the terminal has been asked to say what becomes of the focus
        self._exit_code = 0
        self._pending: Fragments = []
        self._timer: asyncio.TimerHandle | None = None
        self._suspended: Awaitable[None] | None = None  # what stopped us last; a task needs a reference
        self._output = _output()
        self._history = InMemoryHistory()
        self._session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=_margin,
            key_bindings=self._keys(),
            history=self._history,
            completer=_Completer(talk),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=0,
            erase_when_done=True,
            output=self._output,
        )
        self._buffer = self._session.default_buffer
        self._buffer.on_text_changed += self._think_again
        self._session.app.after_render += self._rendered
        self._session.app.key_processor.before_key_press += lambda _: talk.take_key()

    @property
    def colour(self) -> bool:
        """Whether there are colours, and whether they are wanted."""
        return self._output.get_default_color_depth() is not ColorDepth.DEPTH_1_BIT

    @property
    def columns(self) -> int:
        """The width, now."""
        return self._output.get_size().columns

    @property
    def draft(self) -> str:
        """What is being typed."""
        return self._buffer.text

    async def run(self, typed: Iterable[str] = ()) -> int:
        """Let the user type until the user has had enough or `stop`; return the exit code.

        ``typed`` is what the Up key brings back, the oldest first.
        """
        for text in typed:
            self._history.append_string(text)
        try:
            await self._session.prompt_async()
        except EOFError:
            return 0
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            self._tell_focus(False)
        return self._exit_code

    def stop(self, exit_code: int = 0) -> None:
        """End `run`. Idempotent."""
        app = self._session.app
        if app.is_running and not app.is_done:
            self._exit_code = exit_code
            app.exit(result="")

    def print(self, fragments: Fragments) -> None:
        """Print lines above the prompt, soon."""
        self._pending += fragments
        if len(self._pending) > MOST_PENDING:
            self.flush()
        if fragments:
            self.redraw()

    def redraw(self) -> None:
        """Draw the prompt again, which says something else now; soon, and once for many calls."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._draw_some)

    def flush(self) -> None:
        """Print now all that has been gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._pending:
            self._print_some()

    def ring(self) -> None:
        """Ring the bell."""
        self._output.bell()
        self._output.flush()

    def _draw_some(self) -> None:
        self._timer = None
        if self._pending:
            self._print_some()
        if self._pending:
            self._timer = asyncio.get_running_loop().call_later(BREATH_SECONDS, self._draw_some)
        self._session.app.invalidate()

    def _print_some(self) -> None:
        fragments, self._pending = self._pending[:PIECE], self._pending[PIECE:]
        while self._pending and not fragments[-1][1].endswith("\n"):
            fragments.append(self._pending.pop(0))
        app = self._session.app
        if app.is_running:
            app.renderer.erase()
        print_formatted_text(self._output, FormattedText(fragments), default_ui_style())
        if app.is_running:
            app.invalidate()

    def _rendered(self, _: object) -> None:
        # Only here it is certain that the system echoes nothing: some terminals answer at once.
        self._tell_focus(not self._session.app.is_done)

    def _tell_focus(self, wanted: bool) -> None:
        """Ask the terminal to say when its window gets or loses the focus, or to stop that."""
        if wanted != self._focus_told:
            self._focus_told = wanted
            self._output.write_raw(f"\x1b[?1004{'h' if wanted else 'l'}")
            self._output.flush()

    def _suspend(self) -> None:
        """Go to the background, where nothing is heard of the focus."""

        def stop() -> None:
            self._tell_focus(False)
            os.kill(0, signal.SIGTSTP)  # and whoever stands with us in a pipe

        self._suspended = run_in_terminal(stop)

    def _message(self) -> FormattedText:
        above = self._talk.status()
        if self._asking:
            count = _typed(self._buffer.text).count("\n") + 1
            question = f"Enter again sends these {count} lines as one message, any change goes on editing"
            above = [*above, ("bold", f"{question}\n")]
        return FormattedText([*above, *self._talk.prompt()])

    def _think_again(self, _: object) -> None:
        self._asking = False

    def _enter(self) -> None:
        text = _typed(self._buffer.text)
        if "\n" in text and not self._asking:
            self._asking = True
            return
        self._asking = False
        self._buffer.append_to_history()
        self._buffer.reset()
        self._talk.take_line(text)

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()
        typing = has_focus(DEFAULT_BUFFER)

        @keys.add("enter", filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._enter()

        @keys.add("escape", "enter", filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._buffer.insert_text("\n")

        @keys.add("c-c", filter=typing)
        def _(event: KeyPressEvent) -> None:
            if self._buffer.text:
                self._buffer.reset()
            else:
                event.app.exit(exception=KeyboardInterrupt())

        @keys.add("c-z", filter=typing & Condition(lambda: hasattr(signal, "SIGTSTP")))
        def _(event: KeyPressEvent) -> None:
            self._suspend()

        for number in "123456789":

            @keys.add("escape", number, filter=typing)
            def _(event: KeyPressEvent, number: str = number) -> None:
                self._talk.take_line(f"/{number}")

        # What the terminal says of the focus looks like these keys, pressed at once.
        @keys.add("escape", "[", "I")
        def _(event: KeyPressEvent) -> None:
            self._talk.take_focus(True)

        @keys.add("escape", "[", "O")
        def _(event: KeyPressEvent) -> None:
            self._talk.take_focus(False)

        @keys.add(Keys.BracketedPaste, filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._buffer.insert_text(_pasted(event.data))

        return keys


class _Completer(Completer):
    """Completes what the conversation knows."""

    def __init__(self, talk: Controller) -> None:
        self._talk = talk

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        for candidate in self._talk.completions(document.text_before_cursor):
            yield Completion(candidate.text, start_position=-candidate.length, display=candidate.shown)


_: type[Surface] = Screen


def _typed(text: str) -> str:
    """Return what was meant: a paste often ends in a newline that nobody wants to send."""
    return text.strip("\n")


def _pasted(text: str) -> str:
    """Return a paste without what a message can't have, such as the colours of a program's output."""
    lines = _CONTROL_SEQUENCE.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", lines).rstrip("\n")


def _margin(width: int, _number: int, wraps: int) -> str:
    """Return what stands before a row of the draft that is not the first: a mark where it is a new line."""
    return "" if wraps else f"{'| ':>{width}}"


def _output() -> Output:
    try:
        output = get_app_session().output
    except Exception as error:
        # Its module can be imported on Windows only. mintty is a terminal, but no Windows console.
        if type(error).__name__ != "NoConsoleScreenBufferError":
            raise
        raise UsageError("this terminal is no Windows console; try it as: winpty chat client") from None
    if isinstance(output, Vt100_Output):
        # What asks where the cursor is needs an answer for every flush. Only a bottom toolbar would
        # need it, and the answers of a slow terminal end up in somebody's shell.
        output.enable_cpr = False
    return output
