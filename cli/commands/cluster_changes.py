"""``chat cluster set`` and ``chat cluster new-epoch``: what an entry in the log changes for all servers.

The log is read as a server reads it, into a copy of its own that is removed then. So this needs no server,
and changes what the log says now, whatever this machine's copy says. All of the log has to be read first.
"""

import contextlib
import logging
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Final

import typer

from chatcore import JournalError, UsageError
from chatcore.journal import Stored, Unavailable
from cli.last_warning import LastWarning
from cli.report import FAILED
from cli.settings.limits import parse_record_limits
from cli.settings.nats_accounts import administration_of
from cli.settings.nats_journal import NatsAddress, servers_of, stream_of
from cli.streams import write_text

if TYPE_CHECKING:
    from chatcore.cluster import ReplicatedJournal

__all__ = ["begin_accounts_epoch", "begin_epoch", "set_limits"]

PATIENCE: Final = 20.0
"""Seconds without anything read of the log after which it is given up: longer than an election."""

PAUSE: Final = 0.1
"""Seconds between attempts, while the log is read."""

_Ask = Callable[["ReplicatedJournal", Callable[[bool | Unavailable], None]], None]


class _Nobody:
    """A feed that nobody reads."""

    tail_bytes = 0

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Do nothing."""

    def committed(self, messages: Sequence[Stored]) -> None:
        """Do nothing."""


def set_limits(address: NatsAddress, settings: Sequence[str]) -> None:
    """Change limits of the log, and print all of them.

    Raises `UsageError` for what is no limit of a log, and `JournalError` if it cannot be changed.
    """
    changes = parse_record_limits(settings)
    with _journal(address) as (journal, warning):
        if not _do(journal, warning, lambda journal, take: journal.set_limits(changes, take)):
            raise UsageError(f"the log takes no such limit: {' '.join(settings)}")
        limits = asdict(journal.limits)
    write_text("".join(f"{name}={_shown(value)}\n" for name, value in limits.items()))


def _shown(value: float | None) -> str:
    return "none" if value is None else f"{value:.15g}"


def begin_epoch(address: NatsAddress, *, yes: bool) -> int:
    """Begin an epoch of the log, unless the user says no; return the exit code.

    Raises `UsageError` if there is nobody to ask, and `JournalError` if it cannot be begun.
    """
    if not yes:
        if sys.stdin is None or not sys.stdin.isatty():
            raise UsageError("this would have all clients read their rooms again; add --yes to do it")
        question = f"begin an epoch of {address.stream}, so that all clients read their rooms again?"
        if not typer.confirm(question, err=True):
            return FAILED
    with _journal(address) as (journal, warning):
        _do(journal, warning, lambda journal, take: journal.begin_epoch(take), forked=True)
    write_text(f"began an epoch of {address.stream}\n")
    return 0


def begin_accounts_epoch(address: NatsAddress, *, by: str) -> None:
    """Begin an epoch of the log of the accounts, as ``by``; raises `AccountsError` if it cannot be begun."""
    with administration_of(address, by=by) as book:
        book.begin_epoch()
    write_text(f"began an epoch of {address.stream}-accounts\n")


@contextlib.contextmanager
def _journal(address: NatsAddress) -> "Iterator[tuple[ReplicatedJournal, LastWarning]]":
    """Follow the log with a copy that is removed afterwards; raises `UsageError` without nats-py."""
    try:
        from chatcore.cluster import ReplicatedJournal
        from transports.jetstream import JetStreamLog, look
    except ModuleNotFoundError as error:
        raise UsageError("this needs nats-py; install chatcore[cluster]") from error
    servers, stream = servers_of(address), stream_of(address)
    if (problem := look(servers, stream).problem) is not None:
        raise JournalError(f"the log cannot be changed now; {problem}")
    log = JetStreamLog(servers, stream, makes=False)
    warning, logger = LastWarning(), logging.getLogger("chat")
    logger.addHandler(warning)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="chat-cluster-") as folder,
            closing(ReplicatedJournal(Path(folder) / "copy.db", log, search=False)) as journal,
        ):
            journal.start(_Nobody())
            yield journal, warning
    finally:
        logger.removeHandler(warning)


def _do(journal: "ReplicatedJournal", warning: LastWarning, ask: _Ask, *, forked: bool = False) -> bool:
    """Have something done once the log was read, and return the answer; raises `JournalError`.

    What is asked before that would count as well, but whether the log is forked is not known then.
    """
    position, moved = -1, time.monotonic()
    refused_since: float | None = None
    while True:
        status = journal.status()
        assert status is not None
        if status.forked and not forked:
            raise JournalError(
                f"servers have read different logs: {status.forked}; see `chat cluster new-epoch`"
            )
        if status.identity and status.position >= status.last:
            answers = SimpleQueue[bool | Unavailable]()
            ask(journal, answers.put)
            if not isinstance(answer := answers.get(), Unavailable):
                return answer
            refused_since = refused_since or time.monotonic()
        now = time.monotonic()
        if status.position != position:
            position, moved = status.position, now
        if now > moved + PATIENCE or (refused_since is not None and now > refused_since + PATIENCE):
            raise JournalError(f"the log cannot be changed now; {warning.said or 'it does not answer'}")
        threading.Event().wait(PAUSE)
