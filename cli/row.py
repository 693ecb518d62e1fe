"""A row of standard error that is written over and over, such as progress; on a terminal only.

Everything else that is written to that terminal meanwhile belongs in `Row.hidden`, which takes the row away
and draws it again.
"""

import contextlib
import sys
import threading
from collections.abc import Iterator

from cli.streams import columns_of, write_progress

__all__ = ["Row"]


class Row:
    """The row. From any thread. The texts are the program's own, in ASCII.

    ``exists`` says whether there is a terminal to draw it on; without one, nothing is written.
    """

    def __init__(self) -> None:
        self.exists = sys.stderr.isatty()
        self._lock = threading.RLock()
        self._text = ""

    def show(self, text: str) -> None:
        """Write over what stands there. What does not fit the terminal is cut off."""
        if self.exists:
            with self._lock:
                text = text[: (columns_of(sys.stderr) or len(text) + 1) - 1]
                self._write(f"{text:<{len(self._text)}}")
                self._text = text

    def erase(self) -> None:
        """Clear the row."""
        with self._lock:
            if self._text:
                self._write(" " * len(self._text))
                self._write("")
                self._text = ""

    @contextlib.contextmanager
    def hidden(self) -> Iterator[None]:
        """Keep the row away for as long as this block takes."""
        with self._lock:
            text = self._text
            self.erase()
            try:
                yield
            finally:
                if text:
                    self.show(text)

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError, ValueError):  # nobody could be told otherwise
            write_progress(text)
