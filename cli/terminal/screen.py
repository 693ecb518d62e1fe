"""A prompt at the bottom of the terminal, and the lines that are printed above it.

This is a line interface, not a full-screen one: what was printed belongs to the terminal, with its
scrollback, selection and copy.

Printing does not use prompt_toolkit's `run_in_terminal`. That leaves raw mode while it prints, and the system
would echo a key that is pressed in that moment into the middle of the screen. In raw mode nothing is echoed.
So the prompt is erased, lines are printed, and the prompt is drawn again, all between two keys.
"""

import asyncio
import os
import re
import signal
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import get_app_session, in_terminal, run_in_terminal
from prompt_toolkit.application.application import attach_winch_signal_handler
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.formatted_text import FormattedText
from prompt_toolkit.history import InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.key_binding.bindings.completion import display_completions_like_readline
from prompt_toolkit.keys import Keys
from prompt_toolkit.output import ColorDepth, Output
from prompt_toolkit.output.vt100 import Vt100_Output
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.search import SearchDirection, start_search
from prompt_toolkit.shortcuts import CompleteStyle
from prompt_toolkit.styles import BaseStyle, DynamicStyle, Style, default_ui_style, merge_styles

from chatcore import UsageError
from cli.escapes import without_escapes
from cli.report import INTERRUPTED
from cli.settings.keys import keys_of, names_of, pressed
from cli.terminal.background import BackgroundInput, can_be_asked, question
from cli.terminal.colours import Background, Theme
from cli.terminal.editor import EditorError, edit
from cli.terminal.notices import Notices
from cli.terminal.painter import Fragments
from cli.terminal.surface import Controller, Surface
from cli.terminal.typeahead import Typeahead

__all__ = ["Screen"]

FLUSH_SECONDS = 0.05
"""How long output is collected. Nobody notices, and the prompt is drawn once for a whole burst."""

ANSWER_SECONDS = 0.2
"""How long the first lines wait for a terminal that may say its background; later ones never do."""

PIECE = 1_000
"""Fragments that are printed in one go: some three hundred messages."""

MOST_PENDING = 5_000
"""Fragments that may wait. Beyond that they are printed immediately, so that memory does not grow."""

MOST_HELD = 50_000
"""Fragments that are kept of what arrives while the editor has the screen: some ten thousand messages."""

DROPPED = "* more came while you were in the editor than is shown here; /back has it\n"

LEAVE_SECONDS = 2.0
"""How long a second Ctrl-C may take."""

BREATH_SECONDS = 0.005
"""Time for the keyboard between two of these."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Screen:
    """A prompt, with status rows above it when there is something to say.

    Raises `UsageError` if this terminal cannot be drawn on.
    """

    words = False

    def __init__(
        self,
        controller: Controller,
        notices: Notices | None = None,
        theme: Theme | None = None,
        keys: Mapping[str, Any] | None = None,
    ) -> None:
        self._controller = controller
        self._notices = notices or Notices("off", {})
        self._theme = theme or Theme()
        self._style = Style.from_dict(self._theme.rules(self._theme.background))
        self._waits = False  # whether nothing is printed yet, because the terminal may say its background
        self._names = names_of(keys or {})
        self._asking = False  # whether to send several lines as one message
        self._leave_by = float("-inf")  # until when one more Ctrl-C quits
        self._editing: asyncio.Task[None] | None = None  # while the editor has the screen
        self._stop_after_editing: int | None = None  # the exit code
        self._focus_requested = False  # whether the terminal was asked to report its focus
        self._exit_code = 0
        self._pending: Fragments = []
        self._timer: asyncio.TimerHandle | None = None
        self._suspended: Awaitable[None] | None = None  # the last suspension; a task needs a reference
        self._output = _output()
        self._input = BackgroundInput(get_app_session().input, self._take_background)
        self._history = InMemoryHistory()
        self._session: PromptSession[str] = PromptSession(
            self._message,
            multiline=True,
            prompt_continuation=_margin,
            key_bindings=self._keys(keys_of(keys or {})),
            history=self._history,
            completer=_Completer(controller),
            complete_while_typing=False,
            complete_style=CompleteStyle.READLINE_LIKE,
            reserve_space_for_menu=0,
            erase_when_done=True,
            style=DynamicStyle(lambda: self._style),
            input=self._input,
            output=self._output,
        )
        self._buffer = self._session.default_buffer
        self._buffer.on_text_changed += self._stop_asking
        self._session.app.after_render += self._rendered
        self._asks = self._theme.background is None and self._can_ask()
        self._session.app.key_processor.before_key_press += lambda _: controller.take_key()

    @property
    def colour(self) -> bool:
        """Whether the terminal has colours, and NO_COLOR is not set."""
        return self._output.get_default_color_depth() is not ColorDepth.DEPTH_1_BIT

    @property
    def columns(self) -> int:
        """The width in cells."""
        return self._output.get_size().columns

    @property
    def rows(self) -> int:
        """The height in cells."""
        return self._output.get_size().rows

    @property
    def draft(self) -> str:
        """The text that is being typed."""
        return self._buffer.text

    def put_back(self, text: str) -> None:
        """Have a text in the prompt, before what is being typed there."""
        self._buffer.text = text + self._buffer.text
        self._buffer.cursor_position = len(self._buffer.text)

    def take_draft(self) -> str:
        """Take the text that is being typed out of the prompt."""
        draft = self._buffer.text
        self._clear()
        self.redraw()
        return draft

    def _clear(self) -> None:
        """Have an empty prompt, which asks nothing. (A reset of the buffer is no change of its text.)"""
        self._asking = False
        self._buffer.reset()

    def edit(self, text: str) -> None:
        """Open the user's editor with a text and what is being typed after it; the result is not sent.

        Until the editor ends nothing is printed, and `stop` waits.
        """
        self.put_back(text)
        if self._editing is None:
            self._editing = asyncio.create_task(self._edit())
            self._editing.add_done_callback(lambda _: self._end_editing())

    async def _edit(self) -> None:
        loop, before = asyncio.get_running_loop(), self._buffer.text
        self._controller.cover(True)
        async with in_terminal():
            self._request_focus(False)
            with attach_winch_signal_handler(lambda: None):
                try:
                    edited = await loop.run_in_executor(None, edit, before)
                except EditorError as error:
                    self._controller.warn(str(error))
                    return
        put_back = self._buffer.text.removesuffix(before)  # meanwhile
        self._buffer.text = put_back + _pasted(edited)
        self._buffer.cursor_position = len(self._buffer.text)

    def _end_editing(self) -> None:
        self._editing = None
        self._controller.cover(False)
        if self._stop_after_editing is not None:
            self.stop(self._stop_after_editing)
        self.redraw()

    async def run(self, typed: Iterable[str] = (), typeahead: Typeahead | None = None) -> int:
        """Let the user type until Ctrl-C, Ctrl-D or `stop`; return the exit code.

        ``typed`` is the input history, oldest first. What was typed ahead is in the prompt.
        """
        for text in typed:
            self._history.append_string(text)
        typeahead = typeahead or Typeahead()
        draft = _pasted(typeahead.take())
        self.flush()  # a prompt in the first row would stay in the scrollback of some terminals
        try:
            await self._session.prompt_async(default=draft)
        except EOFError:
            return 0
        except KeyboardInterrupt:
            return INTERRUPTED
        finally:
            self._request_focus(False)
            typeahead.end()
        return self._exit_code

    def stop(self, exit_code: int = 0) -> None:
        """End `run`. Idempotent."""
        app = self._session.app
        if self._editing is not None:
            self._stop_after_editing = exit_code
        elif app.is_running and not app.is_done:
            self._exit_code = exit_code
            app.exit(result="")

    def print(self, fragments: Fragments) -> None:
        """Print lines above the prompt, soon."""
        self._pending += fragments
        if self._editing is not None:
            self._drop_oldest()
        elif len(self._pending) > MOST_PENDING:
            self.flush()
        if fragments:
            self.redraw()

    def redraw(self) -> None:
        """Draw the prompt and its status rows again: soon, and once for many calls."""
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self._draw_some)

    def flush(self) -> None:
        """Print immediately what has been collected."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._pending and self._editing is None:
            self._print_some()

    def ring(self) -> None:
        """Ring the bell."""
        self._output.bell()
        self._output.flush()

    def notify(self, title: str, text: str) -> None:
        """Show a notice on the desktop, if the terminal can do that."""
        if self._editing is not None:  # the editor writes there too
            return
        self._output.write_raw(self._notices.sequence(title, text))
        self._output.flush()

    def _draw_some(self) -> None:
        self._timer = None
        if self._editing is not None or self._waits:
            return
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
        print_formatted_text(self._output, FormattedText(fragments), self._drawn_style())
        if app.is_running:
            app.invalidate()

    def _drop_oldest(self) -> None:
        """Drop rows that wait for the end of the editor, if there are too many."""
        if len(self._pending) > 2 * MOST_HELD:
            kept = self._pending[-MOST_HELD:]
            start = next(index for index, (_, text) in enumerate(kept) if text.endswith("\n")) + 1
            self._pending = [("", DROPPED), *kept[start:]]

    # --- the background --------------------------------------------------------------------------

    def _can_ask(self) -> bool:
        return isinstance(self._output, Vt100_Output) and self.colour and can_be_asked(os.environ.get("TERM"))

    def _ask_background(self) -> None:
        """Ask, and let what is to be printed wait for the answer, but not for long."""
        if self._asks:
            self._asks = False
            self._waits = True
            self._input.expect()
            self._output.write_raw(question(inside_tmux="TMUX" in os.environ))
            self._output.flush()
            asyncio.get_running_loop().call_later(ANSWER_SECONDS, self._stop_waiting)

    def _take_background(self, background: Background) -> None:
        self._style = Style.from_dict(self._theme.rules(background))
        self._stop_waiting()
        self._session.app.invalidate()

    def _stop_waiting(self) -> None:
        if self._waits:
            self._waits = False
            self.redraw()

    def _drawn_style(self) -> BaseStyle:
        return merge_styles([default_ui_style(), self._style])

    # --- what the terminal does ------------------------------------------------------------------

    def _rendered(self, _: object) -> None:
        # Only now is it certain that the system echoes nothing: some terminals answer immediately.
        if not self._session.app.is_done:
            self._ask_background()
        self._request_focus(not self._session.app.is_done)

    def _request_focus(self, wanted: bool) -> None:
        """Ask the terminal to report its focus, or to stop reporting it."""
        if wanted != self._focus_requested:
            self._focus_requested = wanted
            self._output.write_raw(f"\x1b[?1004{'h' if wanted else 'l'}")
            self._output.flush()

    def _suspend(self) -> None:
        """Go to the background, where the terminal must not report its focus."""
        if not hasattr(signal, "SIGTSTP"):
            return

        def stop() -> None:
            self._request_focus(False)
            os.kill(0, signal.SIGTSTP)  # and the other programs of our pipe

        self._suspended = run_in_terminal(stop)

    def _message(self) -> FormattedText:
        above = self._controller.status()
        if self._asking:
            count = _typed(self._buffer.text).count("\n") + 1
            question = f"Press {self._names['send']} again to send these {count} lines as one message"
            above = [*above, ("bold", f"{question}, or keep editing\n")]
        if time.monotonic() < self._leave_by:
            above = [*above, ("bold", f"Press {self._names['cancel']} again to quit\n")]
        return FormattedText([*above, *self._controller.prompt()])

    def _stop_asking(self, _: object) -> None:
        self._asking = False
        self._leave_by = float("-inf")

    def _interrupt(self) -> None:
        """Clear the line, or quit if it is empty and the user means it."""
        if self._buffer.text:
            self._clear()
        elif time.monotonic() < self._leave_by:
            self._session.app.exit(exception=KeyboardInterrupt())
        else:
            self._leave_by = time.monotonic() + LEAVE_SECONDS
            asyncio.get_running_loop().call_later(LEAVE_SECONDS, self.redraw)

    def _enter(self) -> None:
        text = _typed(self._buffer.text)
        if "\n" in text and not self._asking:
            self._asking = True
            return
        self._buffer.append_to_history()
        self._clear()
        self._controller.take_line(text)

    def _keys(self, keys_of_actions: Mapping[str, Sequence[str]]) -> KeyBindings:
        keys = KeyBindings()
        typing = has_focus(DEFAULT_BUFFER)
        for action, do in self._actions().items():
            for each in keys_of_actions[action]:
                keys.add(*pressed(each), filter=typing)(do)

        @keys.add(Keys.SIGINT)
        def _(event: KeyPressEvent) -> None:
            if self._editing is None:  # otherwise it was for the editor
                event.app.exit(exception=KeyboardInterrupt())

        # The reports of the focus look like these keys, pressed together.
        @keys.add("escape", "[", "I")
        def _(event: KeyPressEvent) -> None:
            self._controller.take_focus(True)

        @keys.add("escape", "[", "O")
        def _(event: KeyPressEvent) -> None:
            self._controller.take_focus(False)

        @keys.add(Keys.BracketedPaste, filter=typing)
        def _(event: KeyPressEvent) -> None:
            self._buffer.insert_text(_pasted(event.data))

        return keys

    def _actions(self) -> dict[str, Callable[[KeyPressEvent], object]]:
        """Return what each action of `cli.settings.keys` does."""
        rooms = {f"room-{number}": partial(self._go_to, number) for number in range(1, 10)}
        return {
            "send": lambda _: self._enter(),
            "newline": lambda _: self._buffer.insert_text("\n"),
            "cancel": lambda _: self._interrupt(),
            "edit": lambda _: self.edit(""),
            "suspend": lambda _: self._suspend(),
            "clear": lambda event: event.app.renderer.clear(),
            "complete": display_completions_like_readline,
            "older": lambda event: self._buffer.auto_up(event.arg),
            "newer": lambda event: self._buffer.auto_down(event.arg),
            "find": lambda _: start_search(direction=SearchDirection.BACKWARD),
            **rooms,
        }

    def _go_to(self, room: int, _: KeyPressEvent) -> None:
        self._controller.take_line(f"/{room}")


class _Completer(Completer):
    """Offers the candidates of the conversation."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        for candidate in self._controller.completions(document.text_before_cursor):
            yield Completion(candidate.text, start_position=-candidate.length, display=candidate.shown)


_: type[Surface] = Screen


def _typed(text: str) -> str:
    """Return what the user means: a paste often ends in a newline that is not to be sent."""
    return text.strip("\n")


def _pasted(text: str) -> str:
    """Return a paste without what a message cannot have, such as the colours of a program's output."""
    lines = without_escapes(text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", lines).rstrip("\n")


def _margin(width: int, _number: int, wraps: int) -> str:
    """Return the margin of a later row of the draft: a bar if a new line starts there."""
    return "" if wraps else f"{'| ':>{width}}"


def _output() -> Output:
    try:
        output = get_app_session().output
    except Exception as error:
        # The module of this error exists on Windows only. mintty is a terminal, but not a Windows console.
        if type(error).__name__ != "NoConsoleScreenBufferError":
            raise
        raise UsageError("this terminal is not a Windows console; run: winpty chat client") from None
    if isinstance(output, Vt100_Output):
        # Do not ask for the position of the cursor. Only a bottom toolbar needs it, and the answers of a
        # slow terminal may arrive after the end, as input of the user's shell.
        output.enable_cpr = False
    return output
