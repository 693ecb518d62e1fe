"""Standard output and standard error, for every command: what is written there, and how.

- Text is for people. It is sanitized, and encoded as the stream is; a character that its encoding lacks is a
  question mark. On a terminal, lines that are too wide are broken and indented here: see `cli.wrap`.
- JSON is for programs. It is UTF-8 whatever the locale says, and exact. On a terminal, what a terminal could
  obey is escaped as ``\\u....``, which means the same.

The drawn prompt writes by itself, and `cli.stdout` what signals may stop in the middle; both take their bytes
from here or from `cli.terminal.painter`.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import TextIO

from cli.sanitize import sanitize_lines

__all__ = [
    "ReaderGoneError",
    "columns_of",
    "encode_json",
    "encode_text",
    "finish",
    "flush",
    "open_missing",
    "write_drawn",
    "write_json",
    "write_progress",
    "write_text",
    "writing",
]

_COLUMNS = 80


class ReaderGoneError(BrokenPipeError):
    """Nobody reads one of our two streams any more.

    Only this may end a command with success. A socket whose peer has gone raises `BrokenPipeError` too, and
    that is a failure.
    """


# --- writing -------------------------------------------------------------------------------------


def write_text(text: str, *, error: bool = False, wrap: bool = True) -> None:
    """Write whole lines of text for people, immediately.

    Without ``wrap``, wide lines are left to the terminal: right for what users copy and nobody else wrote.
    """
    stream = sys.stderr if error else sys.stdout
    with writing():
        stream.buffer.write(encode_text(text, stream, wrap=wrap))
        stream.flush()


def write_json(line: bytes) -> None:
    """Write lines of JSON to standard output; `flush` says when they have to be there."""
    with writing():
        sys.stdout.buffer.write(encode_json(line))


def write_drawn(text: str) -> None:
    """Write lines that `cli.terminal.painter` has sanitized and broken already, or the terminal's bell."""
    with writing():
        sys.stdout.buffer.write(text.encode(sys.stdout.encoding or "utf-8", "replace"))
        sys.stdout.flush()


def write_progress(text: str) -> None:
    """Write over the line of standard error that was written so before."""
    sys.stderr.write(f"\r{text}")
    sys.stderr.flush()


def flush() -> None:
    """Flush standard output."""
    with writing():
        sys.stdout.flush()


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Say what failed, which the system's own words do not. Raises `ReaderGoneError` and `OSError`."""
    try:
        yield
    except BrokenPipeError as error:
        raise ReaderGoneError(*error.args) from error
    except OSError as error:
        raise OSError(f"cannot write the output: {error.strerror or error}") from error


# --- encoding ------------------------------------------------------------------------------------


def encode_text(text: str, stream: TextIO | None = None, *, wrap: bool = True) -> bytes:
    """Return whole lines of text as a stream, standard output by default, is to get them."""
    stream = stream or sys.stdout
    rows = sanitize_lines(text)
    if wrap and (columns := columns_of(stream)) is not None and any(len(row) * 2 > columns for row in rows):
        rows = _wrapped(rows, columns)
    return "\n".join(rows).encode(stream.encoding or "utf-8", "replace")


def encode_json(line: bytes) -> bytes:
    """Return lines of JSON as standard output is to get them."""
    if line.isascii() or not sys.stdout.isatty():
        return line
    return "".join(map(_escaped, line.decode())).encode()


def columns_of(stream: TextIO) -> int | None:
    """Return how wide a terminal is, in cells; ``None`` if the stream is not a terminal."""
    if not stream.isatty():
        return None
    with contextlib.suppress(OSError, ValueError):
        if columns := os.get_terminal_size(stream.fileno()).columns:
            return columns
    return _COLUMNS


def _wrapped(rows: list[str], columns: int) -> list[str]:
    from cli.wrap import indent_for, wrap

    indent = indent_for(columns)
    wrapped = []
    for row in rows:
        first, *others = wrap(row, columns, max(columns - indent, 2))
        wrapped += [first, *(" " * indent + other for other in others)]
    return wrapped


def _escaped(char: str) -> str:
    if char.isprintable() or char == "\n":
        return char
    units = char.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))


# --- the beginning and the end -------------------------------------------------------------------


def open_missing() -> None:
    """Open what the program that started us has closed, or the first file or socket would be taken for it.

    Output that nobody wants goes nowhere. Input that there is none of stays ``None``, which commands know.
    """
    while (fd := os.open(os.devnull, os.O_RDWR)) <= 2:  # the lowest that is free
        pass
    os.close(fd)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115  # for good
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if stream is sys.stderr else "replace")


def finish() -> OSError | None:
    """Write what is left; return what went wrong, after which nothing more is written.

    Python flushes both streams again at its own end, and would complain again.
    """
    failed: OSError | None = None
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError) as error:
            if stream is sys.stdout and isinstance(error, OSError):
                failed = error
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    return failed
