"""A program in a terminal of its own, seen as a person sees it.

The terminal is pyte's, which answers the program's questions. Waiting is driven by what the program writes,
and ends at a deadline.
"""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pyte

from tests.cli.forks import popen_of
from tests.cli.processes import environment

__all__ = ["DEADLINE", "ENTER", "Pty", "in_terminal", "paste", "wait_until_held", "without_waits"]

DEADLINE = 20.0
ENTER = "\r"

_WAITS = re.compile(r"\* (?:(?:connecting to|entering) .+ \.\.\.|the server does not answer)")


def paste(text: str) -> str:
    """Return what a terminal sends for a paste."""
    return f"\x1b[200~{text}\x1b[201~"


def without_waits(rows: Iterable[str]) -> list[str]:
    """Return rows without those that say what ``chat client`` waits for at its start, on a slow machine."""
    return [row for row in rows if not _WAITS.fullmatch(row)]


class _Screen(pyte.Screen):
    """A screen that keeps the rows that scrolled off, and answers the program."""

    def __init__(self, columns: int, rows: int, answer: Callable[[bytes], None]) -> None:
        self.scrolled: list[str] = []
        self._answer = answer
        super().__init__(columns, rows)

    def index(self) -> None:
        if self.cursor.y == self.lines - 1:
            self.scrolled.append(self.row(0))
        super().index()

    def row(self, y: int) -> str:
        return "".join(self.buffer[y][x].data for x in range(self.columns)).rstrip()

    def write_process_input(self, data: str) -> None:
        self._answer(data.encode())


def wait_until_held(terminal: int, count: int) -> None:
    """Wait until a terminal has so many bytes to be read. The system takes what is typed a moment later."""
    deadline = time.monotonic() + DEADLINE
    while struct.unpack("i", fcntl.ioctl(terminal, termios.FIONREAD, bytes(4)))[0] < count:
        assert time.monotonic() < deadline, "the terminal has not taken what was typed"
        os.sched_yield()


class Pty:
    """A running program, its screen and its keyboard. ``raw`` is everything that it wrote."""

    def __init__(self, argv: tuple[str, ...], columns: int, rows: int, env: dict[str, str]) -> None:
        self._master, slave = pty.openpty()
        _set_size(slave, columns, rows)
        self.raw = bytearray()
        self.screen = _Screen(columns, rows, self._write)
        self._stream = pyte.ByteStream(self.screen)
        try:
            self._path = os.ttyname(slave)
            self._before = termios.tcgetattr(slave)
            self._process = popen_of(argv, env)(
                argv, stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
            )
        finally:
            os.close(slave)

    # --- what a person does ----------------------------------------------------------------------

    def type(self, text: str) -> None:
        """Press keys, one after another."""
        self._write(text.encode())

    def type_ahead(self, text: str, held: int) -> None:
        """Press keys for a program that does not read, until so many bytes of whole lines wait."""
        self.type(text)
        slave = os.open(self._path, os.O_RDONLY | os.O_NOCTTY)
        try:
            wait_until_held(slave, held)
        finally:
            os.close(slave)

    def resize(self, columns: int, rows: int) -> None:
        """Resize the window."""
        _set_size(self._master, columns, rows)
        self.screen.resize(rows, columns)
        self._process.send_signal(signal.SIGWINCH)

    def kill(self, number: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(number)

    # --- what a person sees ----------------------------------------------------------------------

    @property
    def rows(self) -> list[str]:
        """The rows of the screen, without empty ones at the end."""
        rows = [self.screen.row(y) for y in range(self.screen.lines)]
        while rows and not rows[-1]:
            rows.pop()
        return rows

    @property
    def everything(self) -> list[str]:
        """All rows, including those that scrolled off."""
        return [*self.screen.scrolled, *self.rows]

    @property
    def line(self) -> str:
        """The row that the cursor is in."""
        return self.screen.row(self.screen.cursor.y)

    def wait(self, text: str) -> None:
        """Wait until a text is on the screen, or was."""
        self.wait_until(lambda: any(text in row for row in self.everything), text)

    def wait_line(self, line: str) -> None:
        """Wait until the cursor is in a row with this text."""
        self.wait_until(lambda: self.line == line, line)

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Wait until a condition of the screen is true; ``what`` is its name in a failure."""
        deadline = time.monotonic() + DEADLINE
        while not condition():
            if not self._read(deadline):
                screen = "\n".join(self.everything[-60:])
                raise AssertionError(f"waited in vain for {what!r}; the screen shows:\n{screen}")

    def wait_raw(self, data: bytes, times: int) -> None:
        """Wait until something was written several times, without drawing it, which would take long."""
        deadline = time.monotonic() + DEADLINE
        start = len(self.raw)
        while self.raw.count(data, start) < times:
            if not self._read(deadline, draw=False):
                raise AssertionError(f"waited in vain for {times} times {data!r}")

    def resident_kilobytes(self) -> int:
        """Return how much memory the program uses (Linux)."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0])

    def wait_exit(self) -> int:
        """Wait for the end of the program; return its exit code."""
        deadline = time.monotonic() + DEADLINE
        while self._read(deadline):
            pass
        return self._process.wait(max(deadline - time.monotonic(), 0.1))

    def is_restored(self) -> bool:
        """Tell whether the terminal is as before the program, and no longer reports anything."""
        modes = {match[1]: match[2] for match in re.finditer(rb"\x1b\[\?(1004|2004)([hl])", bytes(self.raw))}
        return termios.tcgetattr(self._master) == self._before and b"h" not in modes.values()

    def close(self) -> None:
        """End the program, if it still runs."""
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    def _read(self, deadline: float, *, draw: bool = True) -> bool:
        """Take some output; return false at the end of the program, or at the deadline."""
        ready, _, _ = select.select([self._master], [], [], max(deadline - time.monotonic(), 0.0))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux: the other side is closed
            return False
        self.raw += data
        if draw:
            self._stream.feed(data)
        return bool(data)

    def _write(self, data: bytes) -> None:
        os.write(self._master, data)


@contextlib.contextmanager
def in_terminal(*argv: str, columns: int = 80, rows: int = 24, **env: str) -> Iterator[Pty]:
    """Run a program in a terminal; it is killed at the end."""
    where = {
        "TERM": "xterm-256color",
        "TZ": "UTC",
        "NO_COLOR": "",
        "LC_ALL": "C.UTF-8",
        "CHAT_CLIENT_REMEMBER": "0",
    }
    program = Pty(argv or (sys.executable,), columns, rows, environment(**where | env))
    try:
        yield program
    finally:
        program.close()


def _set_size(fd: int, columns: int, rows: int) -> None:
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
