"""Runs something in processes that are killed, each one step later than the one before.

A step is a call of the system that changes or opens a file, or the opening of a database. Run as a module,
this restores a journal: with a backup, a directory that has a journal, and a directory for copies of that,
one for each process.
"""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from chatcore import restore_journal
from tests.journal.contract.harness import DEADLINE

__all__ = ["crash_at_each_step", "restored_in_crashing_processes"]

STEPS = {"open", "os.link", "os.remove", "os.rename", "os.chmod", "os.truncate", "sqlite3.connect"}
"""The audit events that are steps; ``fsync`` is one too, and has none."""


def crash_at_each_step(run: Callable[[Path], object], template: Path, copies: Path) -> None:
    """Run something on a copy of a directory, again and again, until it comes to its end."""
    for step in count():
        directory = copies / f"{step:03}"
        shutil.copytree(template, directory)
        if (child := os.fork()) == 0:
            _kill_at(step)
            run(directory)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            sys.exit(os.waitstatus_to_exitcode(status))


def restored_in_crashing_processes(backup: Path, template: Path, copies: Path) -> list[Path]:
    """Return the copies of a directory in which its ``journal.db`` is being restored, each a step later.

    In the last one that has come to its end.
    """
    copies.mkdir()
    subprocess.run(
        [sys.executable, "-m", "tests.journal.sqlite.crashing", backup, template, copies],
        cwd=Path(__file__).parents[3],
        timeout=6 * DEADLINE,
        check=True,
    )
    return sorted(copies.iterdir())


def _kill_at(step: int) -> None:
    """Have this process killed before its next step but so many."""
    left = iter(range(step))
    real_fsync = os.fsync

    def note(event: str, args: tuple[Any, ...] = ()) -> None:
        if event in STEPS and next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def fsync(descriptor: int) -> None:
        note("open")
        real_fsync(descriptor)

    setattr(os, "fsync", fsync)  # noqa: B010  # in this process alone
    sys.addaudithook(note)


if __name__ == "__main__":
    backup_, template_, copies_ = map(Path, sys.argv[1:])
    crash_at_each_step(
        lambda directory: restore_journal(backup_, directory / "journal.db"), template_, copies_
    )
