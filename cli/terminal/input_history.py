"""What was typed, for the Up key of the next time.

It is kept in a file that only its owner may read. A line that begins with a space is not kept, as shells have
it, and no more than the last thousand are. Several clients may write at once: each entry is one line of JSON,
written in one piece.
"""

import contextlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import platformdirs

__all__ = ["InputHistory", "default_file"]

MOST = 1_000
"""Entries that are kept."""

MOST_BYTES = 1024 * 1024
"""Bytes that are read of a file. It is tidied when it is twice as long."""


def default_file() -> Path:
    """Return where it is kept: in the state directory of whoever runs this."""
    return platformdirs.user_state_path("chatcore") / "typed.jsonl"


class InputHistory:
    """The lines that were typed. ``complain`` is told once if they can't be kept: there is the Up key still,
    but only until the program ends."""

    def __init__(self, file: Path, complain: Callable[[str], None]) -> None:
        self._file = file
        self._complain: Callable[[str], None] | None = complain

    def load(self) -> list[str]:
        """Return what was typed, the oldest first."""
        try:
            entries, too_long = self._read()
            if too_long:
                self._replace(entries)
        except OSError as error:
            self._fail(error)
            return []
        return entries

    def add(self, text: str) -> None:
        """Keep one more."""
        if text.startswith(" ") or self._complain is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
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
        fd, name = tempfile.mkstemp(dir=self._file.parent)  # which only its owner may read
        try:
            with os.fdopen(fd, "wb") as file:
                file.writelines(map(_line, entries))
            Path(name).replace(self._file)
        except OSError:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise

    def _fail(self, error: OSError) -> None:
        if self._complain is not None:
            self._complain(
                f"what you type is not kept for the next time: {error.strerror or error} ({self._file})"
            )
            self._complain = None


def _line(text: str) -> bytes:
    return json.dumps(text).encode() + b"\n"


def _text(line: bytes) -> str | None:
    """Return an entry; ``None`` for what somebody else has written there."""
    try:
        text = json.loads(line)
    except ValueError:
        return None
    return text if isinstance(text, str) else None
