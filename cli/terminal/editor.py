"""The user's own editor, for a message that is easier to write there.

The text is in a directory of its own that nobody else may read, since editors leave copies beside a file. All
of it is removed at the end.
"""

import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

__all__ = ["EditorError", "edit"]


class EditorError(Exception):
    """There is no editor, or it has failed; in words for the user."""


def edit(text: str) -> str:
    """Have the user edit a text, and return it; blocks until the editor ends. Raises `EditorError`."""
    command = _command()
    try:
        directory = Path(tempfile.mkdtemp(prefix="chat-"))
    except OSError as error:
        raise EditorError(f"there is no place for the draft: {error.strerror or error}") from None
    try:
        return _edited(command, directory / "message.txt", text)
    except OSError as error:
        raise EditorError(f"the draft cannot be edited: {error.strerror or error}") from None
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def _edited(command: list[str], path: Path, text: str) -> str:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace", newline="") as file:
        file.write(text)
    try:
        code = subprocess.call([*command, str(path)])
    except OSError as error:
        raise EditorError(f"cannot start {command[0]}: {error.strerror or error}") from None
    if code:
        raise EditorError(f"{command[0]} has failed ({code}); the draft is as it was")
    return path.read_bytes().decode("utf-8", errors="replace")


def _command() -> list[str]:
    for name in ("VISUAL", "EDITOR"):
        if wanted := os.environ.get(name, "").strip():
            try:
                return shlex.split(wanted)
            except ValueError as error:
                raise EditorError(f"{name} is not a command: {error}") from None
    raise EditorError("there is no editor: set VISUAL or EDITOR to yours")
