"""Asks a terminal for the colour of its background (OSC 11), and finds the answer among the keys.

- Many terminals never answer, and a slow one may answer late. Nobody waits: what is typed goes through, and
  what may become an answer is kept back until it is one or is not.
- A terminal that does not know the question must show nothing of it. So those that are known for that are
  not asked.
- tmux answers by itself, if it knows the background. Where it does not, the terminal outside of it may be
  reached through it. So there may be several answers.
"""

import re
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager

from prompt_toolkit.input import Input
from prompt_toolkit.key_binding import KeyPress

from cli.terminal.colours import Background, background_of

__all__ = ["BackgroundInput", "can_be_asked", "question"]

_QUESTION = "\x1b]11;?\x1b\\"
_THROUGH_TMUX = "\x1bPtmux;\x1b\x1b]11;?\x1b\x1b\\\x1b\\"

_SILENT = ("linux", "vt", "cons", "eterm", "sun", "ansi", "dumb", "unknown")
"""How the names of terminals begin that may show what they do not understand."""

_PART = r"([0-9a-fA-F]{1,4})"
_ANSWER = re.compile(rf"\x1b\]11;rgba?:{_PART}/{_PART}/{_PART}(?:/{_PART})?(?:\x1b\\|\x07|\x9c)")
_BEGINNING = re.compile(r"\x1b(\](1(1(;[0-9a-zA-Z:/]{0,32}\x1b?)?)?)?)?")

_CERTAIN = len("\x1b]11;")
"""Characters after which it is an answer, and no key that was pressed."""


def can_be_asked(term: str | None) -> bool:
    """Tell whether a terminal of this name (``TERM``) shows nothing if it does not know the question."""
    return sys.platform != "win32" and bool(term) and not str(term).startswith(_SILENT)


def question(*, inside_tmux: bool) -> str:
    """Return what asks for the background."""
    return _QUESTION + _THROUGH_TMUX if inside_tmux else _QUESTION


class BackgroundInput(Input):
    """The keys of a terminal, without its answers.

    After `expect`, ``take`` is called with the background that the first one says.
    """

    def __init__(self, keys: Input, take: Callable[[Background], None]) -> None:
        self._keys = keys
        self._take = take
        self._expects = False
        self._taken = False
        self._kept: list[KeyPress] = []  # what may become the answer

    def expect(self) -> None:
        """Look for answers from now on: a slow terminal may answer at any time."""
        self._expects = True

    def read_keys(self) -> list[KeyPress]:
        """Return the keys that were pressed."""
        keys = self._keys.read_keys()
        return self._without_answer(keys) if self._expects else keys

    def flush_keys(self) -> list[KeyPress]:
        """Return the keys that wait for others, which did not come."""
        keys = self._without_answer(self._keys.flush_keys())
        if len(_text(self._kept)) >= _CERTAIN:
            return keys
        kept, self._kept = self._kept, []
        return [*keys, *kept]

    def _without_answer(self, keys: list[KeyPress]) -> list[KeyPress]:
        passed: list[KeyPress] = []
        for key in keys:
            self._kept.append(key)
            text = _text(self._kept)
            if self._expects and (answer := _ANSWER.fullmatch(text)):
                self._answered(answer)
            elif not self._expects or not _BEGINNING.fullmatch(text):
                passed += self._released()
        return passed

    def _released(self) -> list[KeyPress]:
        """Return what is no answer; the last key of it may begin another one."""
        *kept, last = self._kept
        self._kept = [last] if self._expects and kept and _BEGINNING.fullmatch(last.data) else []
        return kept if self._kept else [*kept, last]

    def _answered(self, answer: re.Match[str]) -> None:
        self._kept.clear()
        red, green, blue = (int(part, 16) / (16 ** len(part) - 1) for part in answer.groups()[:3])
        if not self._taken:
            self._taken = True
            self._take(background_of(red, green, blue))

    # --- as the terminal's ---------------------------------------------------------------------------

    def fileno(self) -> int:
        """Return the descriptor of the terminal."""
        return self._keys.fileno()

    def typeahead_hash(self) -> str:
        """Return what names the terminal."""
        return self._keys.typeahead_hash()

    def flush(self) -> None:
        """Flush it."""
        self._keys.flush()

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self._keys.closed

    def raw_mode(self) -> AbstractContextManager[None]:
        """Return what puts it into raw mode."""
        return self._keys.raw_mode()

    def cooked_mode(self) -> AbstractContextManager[None]:
        """Return what puts it into cooked mode."""
        return self._keys.cooked_mode()

    def attach(self, input_ready_callback: Callable[[], None]) -> AbstractContextManager[None]:
        """Return what has it read by the event loop."""
        return self._keys.attach(input_ready_callback)

    def detach(self) -> AbstractContextManager[None]:
        """Return what has it not read for a while."""
        return self._keys.detach()

    def close(self) -> None:
        """Close it."""
        self._keys.close()


def _text(keys: list[KeyPress]) -> str:
    return "".join(key.data for key in keys)
