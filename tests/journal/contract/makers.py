"""The journals that have to pass the contract, each with a way to make one."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from chatcore.journal import Draft, Journal, Outcome, always
from chatcore.journal.memory import MemoryJournal
from chatcore.journal.replicated import ReplicatedJournal
from chatcore.journal.sqlite import SqliteJournal, Times
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.limits import HistoryLimits
from chatcore.messages import DurabilityWord
from chatcore.replication import Log, LogEntry, LogListener
from chatcore.replication.memory import MemoryLog
from chatcore.sqlite.database import Synchronous
from tests.jetstream.servers import SharedLog
from tests.jetstream.shared import shared_servers
from tests.journal.replicated.entries import limits_entry
from tests.journal.sqlite.files import damage
from tests.replication.test_log import Reader
from tests.server.driver import Clock
from tests.stone_age.tablets import StoneTablets

__all__ = ["MAKERS", "SMALL", "Maker"]

SMALL = HistoryLimits(memory_history_bytes=6_000, history_messages=10)
"""Under these limits a journal holds some ten short messages, and the oldest expire."""


@dataclass(frozen=True)
class Maker:
    """Makes one kind of journal in an empty directory; under `SMALL` messages expire if ``expires``.

    ``damage`` overwrites the stored lines of some messages in the lobby, where there is something to damage.
    """

    name: str
    make: Callable[[Path, HistoryLimits, Clock], Journal]
    expires: bool
    damage: Callable[[Path, Iterable[int]], None] | None = None


class HoleyJournal(MemoryJournal):
    """A journal in memory that leaves numbers out, fewer or more."""

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        """Store drafts under numbers that are one to three apart."""
        self.step = self.step % 3 + 1
        super().submit(drafts, done, still_valid)


class HoleyFile(SqliteFile):
    """A file of the SQLite journal in which two of three numbers are left out."""

    step = 3


def _sqlite(
    synchronous: Synchronous, file: type[SqliteFile] = SqliteFile
) -> Callable[[Path, HistoryLimits, Clock], Journal]:
    return lambda directory, limits, clock: SqliteJournal(
        directory / "journal.db", limits, synchronous=synchronous, times=Times(now=clock), file=file
    )


def _damage(directory: Path, seqs: Iterable[int]) -> None:
    damage(directory / "journal.db", *seqs)


def _memory(kind: type[MemoryJournal]) -> Callable[[Path, HistoryLimits, Clock], Journal]:
    return lambda directory, limits, clock: kind(limits, clock=clock, now=partial(_now, clock))


def _replicated(directory: Path, limits: HistoryLimits, clock: Clock) -> Journal:
    log = MemoryLog(lambda: round(clock.now * 1_000_000))
    log.append(limits_entry(limits))
    return ReplicatedJournal(directory / "journal.db", log.connect())


class ClockedLog:
    """A log whose entries have the times of a clock: for one server, since another would see others."""

    def __init__(self, log: Log, clock: Clock) -> None:
        self._log = log
        self._clock = clock
        self._listener: LogListener | None = None
        self._times: dict[int, int] = {}  # what was reported; it may come again

    def start(self, listener: LogListener, after: int) -> None:
        """Start the log, and listen in between."""
        self._listener = listener
        self._log.start(self, after)

    def append(self, data: bytes) -> None:
        """Append to the log."""
        self._log.append(data)

    def ask_last(self, deliver: Callable[[int | None], None]) -> None:
        """Ask the log."""
        self._log.ask_last(deliver)

    def close(self) -> None:
        """Close the log."""
        self._log.close()

    def opened(self, identity: str, first: int, last: int, durability: DurabilityWord) -> None:
        """Report that."""
        assert self._listener is not None
        self._listener.opened(identity, first, last, durability)

    def entries(self, entries: Sequence[LogEntry]) -> None:
        """Report them at the time of now."""
        assert self._listener is not None
        now = round(self._clock.now * 1_000_000)
        self._listener.entries(
            [entry._replace(at=self._times.setdefault(entry.position, now)) for entry in entries]
        )


def _jetstream(count: int) -> Callable[[Path, HistoryLimits, Clock], Journal]:
    def make(directory: Path, limits: HistoryLimits, clock: Clock) -> Journal:
        log = SharedLog(shared_servers(count))
        first = Reader(log.connect())
        first.log.append(limits_entry(limits))
        first.wait_for(1)
        first.log.close()
        return ReplicatedJournal(directory / "journal.db", ClockedLog(log.connect(), clock))

    return make


def _stone(directory: Path, limits: HistoryLimits, clock: Clock) -> Journal:
    return StoneTablets(directory.name, partial(_now, clock))


def _now(clock: Clock) -> datetime:
    return datetime.fromtimestamp(clock.now, UTC)


MAKERS = {
    maker.name: maker
    for maker in (
        Maker("memory", _memory(MemoryJournal), expires=True),
        Maker("memory-holes", _memory(HoleyJournal), expires=True),
        Maker("sqlite-full", _sqlite("FULL"), expires=True, damage=_damage),
        Maker("sqlite-normal", _sqlite("NORMAL"), expires=True, damage=_damage),
        Maker("sqlite-holes", _sqlite("FULL", HoleyFile), expires=True, damage=_damage),
        Maker("replicated", _replicated, expires=True, damage=_damage),
        Maker("jetstream", _jetstream(1), expires=True, damage=_damage),
        Maker("jetstream-3", _jetstream(3), expires=True, damage=_damage),
        Maker("plug-in", _stone, expires=False),
    )
}
