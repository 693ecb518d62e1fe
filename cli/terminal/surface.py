"""Where a conversation is shown: what the conversation and a kind of terminal want of each other."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from cli.terminal.completion import Candidate
from cli.terminal.painter import Fragments

__all__ = ["Controller", "Surface"]


class Controller(Protocol):
    """What is shown. A surface calls it from the event loop only."""

    def prompt(self) -> Fragments:
        """Return what stands before the line that is being typed."""

    def status(self) -> Fragments:
        """Return the rows above that, if any."""

    def completions(self, before: str) -> Sequence[Candidate]:
        """Return what may be meant by what stands before the cursor."""

    def take_line(self, text: str) -> None:
        """Take a line that was typed."""

    def take_focus(self, focused: bool) -> None:
        """Learn that the window has got the focus, or has lost it."""

    def take_key(self) -> None:
        """Learn that a key was pressed."""


class Surface(Protocol):
    """A terminal that shows a `Controller`. What was printed belongs to the terminal, and stays as it is."""

    @property
    def colour(self) -> bool:
        """Whether there are colours, and whether they are wanted."""

    @property
    def words(self) -> bool:
        """Whether everything is said in lines: there is no status row, and no style."""

    @property
    def columns(self) -> int:
        """The width, now."""

    @property
    def draft(self) -> str:
        """What is being typed, as far as that is known."""

    async def run(self, typed: Iterable[str]) -> int:
        """Let the user type until the user has had enough or `stop`; return the exit code.

        ``typed`` is what was typed in earlier times, the oldest first.
        """

    def stop(self, exit_code: int = 0) -> None:
        """End `run`. Idempotent."""

    def print(self, fragments: Fragments) -> None:
        """Print whole lines, soon."""

    def flush(self) -> None:
        """Print now all that has been gathered."""

    def redraw(self) -> None:
        """Draw again what says something else now."""

    def ring(self) -> None:
        """Ring the bell."""
