"""A hub over a log, for tests that count its entries."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Hub
from chatcore.journal import replicated
from chatcore.journal.replicated import ReplicatedJournal
from chatcore.replication import outbox
from transports.jetstream import JetStreamLog

__all__ = ["hub_on"]

DEADLINE = 30.0


@contextlib.contextmanager
def hub_on(copy: Path, log: JetStreamLog) -> Iterator[Hub]:
    """Run a hub that has its log from the start, and appends each entry once, however long that takes.

    Else it would begin without a log that is not there in two seconds, and refuse posts, and append again
    what it has not read after a second.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replicated, "OPENING", DEADLINE)
        patch.setattr(outbox, "RESEND", DEADLINE)
        with Hub(ReplicatedJournal(copy, log)) as hub:
            yield hub
