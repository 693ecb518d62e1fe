"""Several servers that share a log: what a hub needs to be one of them.

A cluster has a log of messages, a log of who is here, and, if only some may enter, a log of accounts. Each
server has a connection of its own to each of them. ::

    servers = Servers(("ada-1:4222", "ada-2:4222", "ada-3:4222"))  # of transports.jetstream
    limits = Limits()
    hub = Hub(
        ReplicatedJournal("chat.db", JetStreamLog(servers, Stream.of_messages("chat", 3))),
        limits,
        directory=SharedDirectory(JetStreamLog(servers, Stream.of_live("chat", 3)), limits),
    )

The hub starts and closes what it is given. A log in memory (`MemoryLog`) is for several hubs in one process,
as in tests; any other `Log` may take the place of one of NATS.
"""

from chatcore.accounts.replicated import ReplicatedAccounts, ReplicatedAdministration
from chatcore.journal.replicated import RecordLimits, ReplicatedJournal
from chatcore.replication import Log, LogEntry, LogListener
from chatcore.replication.follower import ReplicaStatus
from chatcore.replication.memory import MemoryLog
from chatcore.roster.replica import RosterStatus
from chatcore.server.shared_directory import SharedDirectory

__all__ = [
    "Log",
    "LogEntry",
    "LogListener",
    "MemoryLog",
    "RecordLimits",
    "ReplicaStatus",
    "ReplicatedAccounts",
    "ReplicatedAdministration",
    "ReplicatedJournal",
    "RosterStatus",
    "SharedDirectory",
]
