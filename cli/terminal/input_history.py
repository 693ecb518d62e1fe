"""The input history: what the user typed, for the Up key, also in later sessions.

It is saved in a file that only its owner may read: the last thousand entries, without lines that start with a
space, as in shells. Several clients may write at the same time: each entry is one line of JSON, appended by a
single write.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

from cli.directories import make_directory

__all__ = ["InputHistory"]

MOST = 1_000
"""Entries that are loaded."""

MOST_BYTES = 1024 * 1024
"""Bytes that are read of the file. Old entries are removed when it is twice as long."""


class InputHistory:
    """The file of the input history.

    It never raises. If the file cannot be read or written, ``warn`` is called once, with what to tell the
    user; the Up key then works only until the program ends.
    """

    def __init__(self, file: Path, warn: Callable[[str], None]) -> None:
        self._file = file
        self._warn: Callable[[str], None] | None = warn

    def load(self) -> list[str]:
        """Return the entries, oldest first."""
        try:
            entries, too_long = self._read()
            if too_long:
                self._replace(entries)
        except OSError as error:
            self._fail(error)
            return []
        return entries

    def add(self, text: str) -> None:
        """Save an entry."""
        if text.startswith(" ") or self._warn is None:
            return
        try:
            make_directory(self._file.parent)
            fd = os.open(self._file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(fd, _line(text))
            finally:
                os.close(fd)
        except OSError as error:
            self._fail(error)

    def _read(self) -> tuple[list[str], bool]:
        if not self._file.exists():
            return [], False
        with self._file.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(size - MOST_BYTES, 0))
            lines = file.read(MOST_BYTES).splitlines()
        texts = [text for line in lines if (text := _text(line)) is not None]
        return texts[-MOST:], size > 2 * MOST_BYTES or len(texts) > 2 * MOST

    def _replace(self, entries: list[str]) -> None:
        fd, name = tempfile.mkstemp(dir=self._file.parent)  # which creates it readable by its owner only
        try:
            with os.fdopen(fd, "wb") as file:
                file.writelines(map(_line, entries))
            Path(name).replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    def _fail(self, error: OSError) -> None:
        if self._warn is not None:
            self._warn(f"the input history is not saved: {error.strerror or error} ({self._file})")
            self._warn = None


def _line(text: str) -> bytes:
    return json.dumps(text).encode() + b"\n"


def _text(line: bytes) -> str | None:
    """Return an entry, or ``None`` if the line is not one."""
    try:
        text = json.loads(line)
    except ValueError:
        return None
    return text if isinstance(text, str) else None
