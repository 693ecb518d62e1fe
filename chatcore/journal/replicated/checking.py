"""Checks a server's copy of a log from outside: is it intact, and is it of the log that there is now?"""

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chatcore.errors import JournalError
from chatcore.journal.replicated.state import StateFile
from chatcore.journal.sqlite.check import JournalReport, check_file
from chatcore.replication import LogEntry
from chatcore.replication.fence import chained

__all__ = ["COMPARED", "CopyReport", "check_copy"]

COMPARED: Final = 64
"""The most of the last entries that a copy is compared by. Each digest is of all that came before as well."""


@dataclass(frozen=True, slots=True)
class CopyReport:
    """What a copy says of its log, and what it holds.

    ``identity`` is that of the log, empty if the server has never seen one. ``position`` is the last entry
    that was applied, and ``now`` the latest time that any shows, in microseconds since 1970. ``forked`` says,
    in words, where servers have read different logs, if they have. ``digests`` are those of the last
    positions. ``journal`` is about the messages.
    """

    identity: str
    position: int
    now: int
    forked: str
    digests: Mapping[int, str]
    journal: JournalReport

    def first_difference(self, entries: Sequence[LogEntry]) -> int | None:
        """Return the position of the first of these entries which this copy has read otherwise.

        ``None`` if there is none. Entries follow each other; those of which no digest is kept are left out.
        """
        for entry in entries:
            before, after = self.digests.get(entry.position - 1), self.digests.get(entry.position)
            if before is not None and after is not None and chained(before, entry) != after:
                return entry.position
        return None


def check_copy(path: Path) -> CopyReport:
    """Read a whole copy; a server may have it open meanwhile.

    Raises `JournalError` where that is not a copy of a log, or cannot be read.
    """
    try:
        file = StateFile(path, read_only=True)
        try:
            file.check_kind()
            with file.snapshot():
                header = file.header()
                positions = range(max(header.position - COMPARED, 0), header.position + 1)
                digests = {each: digest for each in positions if (digest := file.digest_at(each)) is not None}
                journal = check_file(file, path.resolve())
        finally:
            file.close()
    except (sqlite3.Error, OSError, TypeError, ValueError) as error:
        raise JournalError(f"the copy {path} cannot be read: {error}") from error
    return CopyReport(header.identity, header.position, header.now, header.forked, digests, journal)
