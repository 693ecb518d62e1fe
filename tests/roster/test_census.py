"""How many servers have been heard of, as whoever looks at a live log counts them."""

from chatcore.replication import LogEntry
from chatcore.replication.fence import NO_DIGEST, Frame, ReadDigest, write_frame
from chatcore.roster.census import servers_heard
from chatcore.roster.machine import VERSION


def entry(position: int, at: int, node: str, version: int = VERSION) -> LogEntry:
    """Return an entry of a server."""
    return LogEntry(
        position, at, write_frame(version, Frame(node, 0, position, ReadDigest(0, NO_DIGEST), {}))
    )


def test_each_server_counts_once_and_only_by_what_it_has_said_since() -> None:
    entries = [entry(1, 90, "a"), entry(2, 100, "b"), entry(3, 105, "c"), entry(4, 110, "b")]
    assert servers_heard(entries, 100) == 2
    assert servers_heard(entries, 0) == 3
    assert servers_heard(entries, 111) == 0


def test_what_is_no_entry_and_what_is_of_a_later_version_does_not_count() -> None:
    assert servers_heard([LogEntry(1, 100, b"what"), entry(2, 100, "a", VERSION + 1)], 0) == 0
