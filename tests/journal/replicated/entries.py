"""Entries of a log, as a server writes them, and some that none would write."""

from collections.abc import Mapping
from typing import Any

from chatcore.journal.replicated.machine import VERSION
from chatcore.limits import HistoryLimits
from chatcore.replication.fence import NO_DIGEST, Frame, ReadDigest, write_frame

__all__ = ["START", "entry", "limits_entry"]

START = ReadDigest(0, NO_DIGEST)
"""What a node has read that has read nothing."""


def entry(
    content: Mapping[str, Any],
    *,
    node: str = "n1",
    term: int = 0,
    number: int = 0,
    seen: ReadDigest = START,
    version: int = VERSION,
) -> bytes:
    """Return an entry."""
    return write_frame(version, Frame(node, term, number, seen, content))


def limits_entry(limits: HistoryLimits) -> bytes:
    """Return the entry that has all servers keep as much of the log as these limits say."""
    names = ("dedupe_seconds", "history_messages", "history_bytes", "history_seconds")
    return entry({"limits": {name: getattr(limits, name) for name in names}}, node="operator")
