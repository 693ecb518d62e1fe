"""This machine's copies of the logs that servers share: what they say of themselves, and what is wrong then.

A copy is read without its content, while a server may have it open. Whoever checks a copy names it.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from chatcore import AccountsError, JournalError
from cli.checks import Finding

if TYPE_CHECKING:
    from chatcore.accounts.replicated.state import AccountsState
    from chatcore.journal.replicated.state import StateFile
    from transports.jetstream import StreamState

__all__ = [
    "AGAIN",
    "NEW_EPOCH",
    "NEW_EPOCH_OF_ACCOUNTS",
    "CopyHeader",
    "check_copy_header",
    "header_of_accounts",
    "header_of_messages",
]

AGAIN: Final = (
    "stop the chat server, move this file and those beside it away, and start it: it reads all again"
)
"""What makes a copy again."""


NEW_EPOCH: Final = "chat cluster new-epoch"
NEW_EPOCH_OF_ACCOUNTS: Final = "chat cluster new-epoch --accounts"
"""What ends a fork of a log: of the one of the messages, and of that of the accounts."""


class _Read(Protocol):
    """What is known of a log where it was read."""

    @property
    def identity(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def forked(self) -> str: ...


@dataclass(frozen=True, slots=True)
class CopyHeader:
    """What a copy says of its log, ``problem`` if it cannot be read; ``position`` is the last entry in it.

    ``identity`` is empty where no log was seen yet. ``forked`` says where servers have read different logs.
    """

    path: Path
    identity: str = ""
    position: int = 0
    forked: str = ""
    problem: str = ""


def header_of_messages(path: Path) -> CopyHeader | None:
    """Return what this machine's copy of the messages says, ``None`` where there is none."""
    from chatcore.journal.replicated.state import StateFile

    return _header(path, StateFile)


def header_of_accounts(path: Path) -> CopyHeader | None:
    """Return what this machine's copy of the accounts says, ``None`` where there is none."""
    from chatcore.accounts.replicated.state import AccountsState

    return _header(path, AccountsState)


def check_copy_header(
    what: str, copy: _Read, state: "StreamState | None", new_epoch: str
) -> Iterator[Finding]:
    """Yield what is wrong with a copy of a log that is so now; ``new_epoch`` is what ends a fork of it."""
    if copy.forked:
        yield Finding(what, f"servers have read different logs: {copy.forked}", f"see `{new_epoch}`")
    if state is None or not copy.identity:
        return
    if copy.identity != state.identity:
        yield Finding(what, "it is of another log", f"correct state=PATH or stream=NAME; or else {AGAIN}")
    elif copy.position > state.last:
        found = f"it has read {copy.position:,} entries, and the log ends at {state.last:,}"
        yield Finding(what, found, f"see `{new_epoch}`: the log has lost some, or is an older copy")


def _header(path: Path, kind: "type[StateFile | AccountsState]") -> CopyHeader | None:
    if not path.exists():
        return None
    try:
        with contextlib.closing(kind(path, read_only=True)) as file:
            header = file.header()
    except (sqlite3.Error, AccountsError, JournalError, OSError, ValueError, TypeError) as error:
        return CopyHeader(path, problem=str(error))
    return CopyHeader(path, header.identity, header.position, header.forked)
