"""A conversation as plain lines of text, for screen readers and simple terminals.

There are no colours, no cursor movements and no prompt. The system edits the line that is being typed, and
each line is a message. What other terminals show in a status row is said in lines.
"""

import asyncio
import codecs
import contextlib
import os
import sys
import threading
from collections.abc import Iterable

from cli.streams import columns_of, write_drawn
from cli.terminal.painter import Fragments
from cli.terminal.surface import Controller, Surface
from cli.terminal.typeahead import Typeahead
from cli.texts import without_controls

__all__ = ["PlainScreen"]

PIECE = 4096


class PlainScreen:
    """Lines in, lines out."""

    colour = False
    words = True
    rows = 24  # whoever has a screen reader does not care how many there are
    draft = ""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._ended = asyncio.Event()
        self._exit_code = 0

    @property
    def columns(self) -> int:
        """The width in cells."""
        return columns_of(sys.stdout) or 80

    def put_back(self, text: str) -> None:
        """Print a text that was not taken: there is no prompt."""
        self._write(f"{text}\n")

    def take_draft(self) -> str:
        """Return nothing: the system has what is being typed."""
        return ""

    async def run(self, typed: Iterable[str] = (), typeahead: Typeahead | None = None) -> int:
        """Take lines until the end of input or `stop`; return the exit code.

        What was typed ahead is not sent, and a line says so.
        A thread reads them. It is still waiting when the program ends, so it reads below Python's buffers:
        the interpreter aborts if a thread is inside one.
        """
        typeahead = typeahead or Typeahead()
        if before := " ".join(without_controls(typeahead.take()).split()):
            self._controller.warn(f"not sent, as there was no connection: {before}")
        typeahead.end()
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), name="chat-input", daemon=True).start()
        await self._ended.wait()
        return self._exit_code

    def stop(self, exit_code: int = 0) -> None:
        """End `run`. Idempotent."""
        if not self._ended.is_set():
            self._exit_code = exit_code
            self._ended.set()

    def print(self, fragments: Fragments) -> None:
        """Print lines."""
        if fragments:
            self._write("".join(text for _, text in fragments))

    def flush(self) -> None:
        """Do nothing: everything is printed immediately."""

    def redraw(self) -> None:
        """Do nothing: there is no status row."""

    def ring(self) -> None:
        """Ring the bell."""
        self._write("\a")

    def edit(self, text: str) -> None:
        """Say that this is not possible: there is nowhere to put the result."""
        self._controller.warn("/edit needs a prompt, which plain lines do not have")

    def notify(self, title: str, text: str) -> None:
        """Do nothing: these are only lines."""

    def _write(self, text: str) -> None:
        write_drawn(text)

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        rest = ""
        with contextlib.suppress(RuntimeError):  # the loop is closed: the conversation has ended
            while data := _input():
                *lines, rest = (rest + decoder.decode(data)).split("\n")
                for line in lines:
                    loop.call_soon_threadsafe(self._controller.take_line, line.removesuffix("\r"))
            if rest:
                loop.call_soon_threadsafe(self._controller.take_line, rest)
            loop.call_soon_threadsafe(self.stop)


def _input() -> bytes:
    """Return what was typed; empty at the end of input, or if the terminal is gone."""
    try:
        return os.read(sys.stdin.fileno(), PIECE)
    except OSError:
        return b""


_: type[Surface] = PlainScreen
