"""How a server follows the logs that it shares with others: what its metrics say of that."""

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

from chatcore.journal import Journal, JournalKind
from cli.settings.journals import SHARED

if TYPE_CHECKING:
    from chatcore.cluster import ReplicaStatus, RosterStatus, SharedDirectory
    from transports.jetstream import StreamState

__all__ = ["LogSnapshot", "watch_log", "watch_roster"]


class LogSnapshot(NamedTuple):
    """A log at one moment, as one server sees it.

    ``stream`` is ``None`` without a connection to the log: what was seen of it before may no longer be so.
    """

    replica: "ReplicaStatus"
    stream: "StreamState | None"

    @property
    def lag(self) -> int | None:
        """Entries that this server has not applied, ``None`` if that is not known."""
        if self.stream is None:
            return None
        return max(self.replica.last, self.stream.last, self.replica.position) - self.replica.position

    @property
    def entries(self) -> int | None:
        """Entries that the log has, ``None`` if that is not known."""
        return None if self.stream is None else max(self.stream.last - self.stream.first + 1, 0)

    @property
    def size(self) -> int | None:
        """The bytes of the log, ``None`` if that is not known."""
        return None if self.stream is None else self.stream.size

    @property
    def free(self) -> int | None:
        """Bytes that the log may still grow by, ``None`` if it may without end, or that is not known."""
        if self.stream is None or self.stream.max_bytes < 0:
            return None
        return max(self.stream.max_bytes - self.stream.size, 0)

    @property
    def replicas(self) -> int | None:
        """How many servers of the log should have it, ``None`` if that is not known."""
        return None if self.stream is None else self.stream.replicas

    @property
    def current(self) -> int | None:
        """How many of them have all of it, ``None`` if that is not known."""
        if self.stream is None:
            return None
        return len(self.stream.current) or int(self.stream.replicas == 1)  # one alone names no leader


def watch_log(kind: JournalKind, store: Journal) -> Callable[[], LogSnapshot | None]:
    """Return what looks at the log of a journal, from any thread: ``None`` where no servers share that."""
    if kind.name not in SHARED:
        return lambda: None
    from chatcore.cluster import ReplicatedJournal
    from transports.jetstream import JetStreamLog

    assert isinstance(store, ReplicatedJournal)
    log = store.log
    assert isinstance(log, JetStreamLog)

    def look() -> LogSnapshot | None:
        status = store.status()
        return None if status is None else LogSnapshot(status, log.state if log.server else None)

    return look


def watch_roster(directory: "SharedDirectory | None") -> "Callable[[], RosterStatus | None]":
    """Return what looks at who is here at all servers, from any thread: ``None`` where it is one server."""
    return (lambda: None) if directory is None else directory.status
