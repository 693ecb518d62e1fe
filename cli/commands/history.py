"""``chat history``: the messages that a journal holds, one a line."""

import sys
from pathlib import Path

from chatcore import Gap, encode, stored_entries
from cli.report import INCOMPLETE

__all__ = ["run"]


def run(path: Path, rooms: list[str], after: int, before: int | None) -> int:
    """Print messages as newline-delimited JSON, room by room, oldest first; return the exit code.

    Where messages are damaged, or have expired although ``after`` asks for them, a line says so in their
    place, and the code is `INCOMPLETE`. A server may have the journal open. Raises `UsageError` and
    `JournalError`, as `stored_entries` does.
    """
    incomplete = False
    for entry in stored_entries(path, rooms, after=after, before=before):
        incomplete = incomplete or isinstance(entry, Gap)
        sys.stdout.buffer.write(encode(entry) if isinstance(entry, Gap) else entry.line)
    return INCOMPLETE if incomplete else 0
