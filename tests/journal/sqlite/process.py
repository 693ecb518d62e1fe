"""A journal that is open in another process, which is killed at the end.

Run as a module, this is that process: it stores texts, prints its epoch, and waits to be killed.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chatcore.journal.sqlite import SqliteJournal
from chatcore.sqlite.database import Synchronous
from tests.journal.contract.harness import DEADLINE, Harness
from tests.server.driver import Clock

__all__ = ["other_process"]


@contextlib.contextmanager
def other_process(path: Path, *texts: str, synchronous: Synchronous = "FULL") -> Iterator[str]:
    """Have a journal open in a process that is killed at the end; yield its epoch."""
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
    """Store texts, print the epoch and wait to be killed."""
    harness = Harness(SqliteJournal(Path(path), synchronous=synchronous), Clock())
    harness.post(*texts)
    sys.stdout.write(harness.epochs[0] + "\n")
    sys.stdout.flush()
    sys.stdin.read()


if __name__ == "__main__":
    main(sys.argv[1], "NORMAL" if sys.argv[2] == "NORMAL" else "FULL", *sys.argv[3:])
