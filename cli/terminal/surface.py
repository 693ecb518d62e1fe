"""The seam between a conversation and a kind of terminal.

A `Surface` shows a conversation: `Screen` draws a prompt, `PlainScreen` prints lines. A `Controller` is what
it shows and where its input goes: the `Terminal`. Both live in one event loop.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from cli.terminal.completion import Candidate
from cli.terminal.painter import Fragments
from cli.terminal.typeahead import Typeahead

__all__ = ["Controller", "Surface"]


class Controller(Protocol):
    """The conversation, as its surface sees it. A surface calls it from the event loop only."""

    def prompt(self) -> Fragments:
        """Return the prompt before the line that is being typed."""

    def status(self) -> Fragments:
        """Return the rows above the prompt, if any. They may change at any time."""

    def completions(self, before: str) -> Sequence[Candidate]:
        """Return the candidates for the Tab key; ``before`` is the text before the cursor."""

    def take_line(self, text: str) -> None:
        """Take a line that was typed."""

    def take_focus(self, focused: bool) -> None:
        """Note that the window has got the focus, or has lost it."""

    def take_key(self) -> None:
        """Note that a key was pressed."""

    def cover(self, covered: bool) -> None:
        """Note that another program has the screen, or no longer."""

    def warn(self, message: str) -> None:
        """Show a line that is hard to overlook."""


class Surface(Protocol):
    """A terminal that shows a `Controller`.

    What was printed belongs to the terminal, with its scrollback, and never changes.
    """

    @property
    def colour(self) -> bool:
        """Whether to draw in colours."""

    @property
    def words(self) -> bool:
        """Whether there are only lines of text: no status row, no marks and no styles."""

    @property
    def columns(self) -> int:
        """The width in cells, which changes when the window is resized."""

    @property
    def rows(self) -> int:
        """The height in cells, which changes when the window is resized."""

    @property
    def draft(self) -> str:
        """The text that is being typed, if that is known."""

    def put_back(self, text: str) -> None:
        """Have a text in the prompt, before what is being typed there, or print it if there is no prompt."""

    def take_draft(self) -> str:
        """Take the text that is being typed out of the prompt."""

    def edit(self, text: str) -> None:
        """Open the user's editor with a text and what is being typed after it; the result is not sent."""

    async def run(self, typed: Iterable[str], typeahead: Typeahead) -> int:
        """Take input until the user ends it or `stop` is called; return the exit code.

        ``typed`` is the input history, oldest first, for the Up key. What was typed
        ahead is not sent, but put back.
        """

    def stop(self, exit_code: int = 0) -> None:
        """End `run`. Idempotent."""

    def print(self, fragments: Fragments) -> None:
        """Print whole lines soon, in the order of the calls."""

    def flush(self) -> None:
        """Print immediately what has not been printed yet."""

    def redraw(self) -> None:
        """Draw the prompt and the status rows again, soon."""

    def ring(self) -> None:
        """Ring the bell."""

    def notify(self, title: str, text: str) -> None:
        """Show a notice on the desktop, if the terminal can do that."""
