"""How many servers have said lately that they are there, for whoever looks at a live log from outside."""

from collections.abc import Iterable

from chatcore.replication import LogEntry
from chatcore.replication.fence import UnknownVersion
from chatcore.roster.machine import LEASE, read

__all__ = ["LEASE", "servers_heard"]


def servers_heard(entries: Iterable[LogEntry], since: int) -> int:
    """Return how many servers have appended an entry since a time, in microseconds since 1970.

    One that has ended cleanly counts until the time has passed. Entries of a version that is not known are
    left out.
    """
    nodes = set()
    for entry in entries:
        try:
            frame = read(entry)
        except UnknownVersion:
            continue
        if frame is not None and entry.at >= since:
            nodes.add(frame.node)
    return len(nodes)
