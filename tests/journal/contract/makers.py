"""The journals that have to pass the contract, each with a way to make one."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chatcore.journal import Journal
from chatcore.journal.memory import MemoryJournal
from chatcore.journal.sqlite import SqliteJournal, Times
from chatcore.journal.sqlite.connection import Synchronous
from chatcore.limits import Limits
from tests.server.driver import Clock

__all__ = ["MAKERS", "SMALL", "Maker"]

SMALL = Limits(memory_history_bytes=6_000, history_messages=10)
"""Under these limits a journal holds some ten short messages, and the oldest expire."""


@dataclass(frozen=True)
class Maker:
    """Makes one kind of journal in an empty directory; under `SMALL` messages expire if ``expires``."""

    name: str
    make: Callable[[Path, Limits, Clock], Journal]
    expires: bool


def _sqlite(synchronous: Synchronous) -> Callable[[Path, Limits, Clock], Journal]:
    return lambda directory, limits, clock: SqliteJournal(
        directory / "journal.db", limits, synchronous=synchronous, times=Times(now=clock)
    )


MAKERS = [
    Maker("memory", lambda directory, limits, clock: MemoryJournal(limits, clock=clock), expires=True),
    Maker("sqlite-full", _sqlite("FULL"), expires=True),
    Maker("sqlite-normal", _sqlite("NORMAL"), expires=True),
]
