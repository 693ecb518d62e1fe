"""How a server follows the logs that it shares with others: what its metrics say of that."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Literal, NamedTuple

from chatcore.journal import Journal, JournalKind
from cli.settings.journals import SHARED

if TYPE_CHECKING:
    from chatcore.accounts import Accounts
    from chatcore.cluster import ReplicaStatus, ReplicatedAccounts, RosterStatus, SharedDirectory
    from transports.jetstream import StreamState

__all__ = ["LogName", "LogSnapshot", "watch_logs", "watch_roster"]

LogName = Literal["messages", "accounts"]
"""What is in a log that servers share and that each has a copy of."""


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


def watch_logs(
    kind: JournalKind, store: Journal, accounts: "Accounts | ReplicatedAccounts | None"
) -> Callable[[], Mapping[LogName, LogSnapshot]]:
    """Return what looks at the logs of a journal and of accounts, from any thread, where they are shared."""
    if kind.name not in SHARED:
        return dict
    from chatcore.cluster import ReplicatedAccounts, ReplicatedJournal
    from transports.jetstream import JetStreamLog

    assert isinstance(store, ReplicatedJournal)
    followers: dict[LogName, ReplicatedJournal | ReplicatedAccounts] = {"messages": store}
    if isinstance(accounts, ReplicatedAccounts):
        followers["accounts"] = accounts

    def look() -> dict[LogName, LogSnapshot]:
        seen: dict[LogName, LogSnapshot] = {}
        for name, follower in followers.items():
            log, status = follower.log, follower.status()
            assert isinstance(log, JetStreamLog)
            if status is not None:
                seen[name] = LogSnapshot(status, log.state if log.server else None)
        return seen

    return look


def watch_roster(directory: "SharedDirectory | None") -> "Callable[[], RosterStatus | None]":
    """Return what looks at who is here at all servers, from any thread: ``None`` where it is one server."""
    return (lambda: None) if directory is None else directory.status
