"""``chat history``: the messages that a journal holds, one a line."""

import sys
from pathlib import Path

from chatcore import stored_lines

__all__ = ["run"]


def run(path: Path, rooms: list[str], after: int, before: int | None) -> None:
    """Print messages as newline-delimited JSON, room by room, oldest first.

    A server may have the journal open. Raises `UsageError` and `JournalError`, as `stored_lines` does.
    """
    sys.stdout.buffer.writelines(stored_lines(path, rooms, after=after, before=before))
