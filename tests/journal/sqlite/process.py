"""A journal that is open in another process, which ends in order or is killed.

Run as a module it is that process: it stores texts, says its epoch, and waits to be told how to end.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chatcore.journal.sqlite import SqliteJournal
from chatcore.journal.sqlite.connection import Synchronous
from tests.journal.contract.record import DEADLINE, Record
from tests.server.driver import Clock

__all__ = ["elsewhere"]


@contextlib.contextmanager
def elsewhere(path: Path, *texts: str, synchronous: Synchronous = "FULL") -> Iterator[str]:
    """Keep a journal open in a process that is killed at the end; give its epoch."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.journal.sqlite.process", str(path), synchronous, *texts],
        cwd=Path(__file__).parents[3],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        try:
            epoch = process.stdout.readline().strip()
            assert epoch
            yield epoch
        finally:
            process.kill()
            process.communicate(timeout=DEADLINE)


def main(path: str, synchronous: Synchronous, *texts: str) -> None:
    """Store texts and wait to be killed."""
    record = Record(SqliteJournal(Path(path), synchronous=synchronous), Clock())
    record.post(*texts)
    sys.stdout.write(record.opened_with[0][0] + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], "NORMAL" if sys.argv[2] == "NORMAL" else "FULL", *sys.argv[3:])
