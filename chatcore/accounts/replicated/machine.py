"""What an entry does to the accounts, on each server alike.

This reads the entry and the state, and nothing else, as `chatcore.replication.machine` demands; so does what
it calls to do an act. An act is done at the time of the log. So of two servers that use an invite up at once
the one is first whose entry is: on all servers, whatever their clocks say.

An act that is refused, or that would break what the tables promise, is undone, and counts all the same. That
an act is one at all says `is_act`; an entry that holds anything else is void. Whoever changes what an act
does gives entries another version.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from chatcore.accounts.acts import is_act
from chatcore.accounts.performing import perform, revises
from chatcore.accounts.refusals import UNAUTHORIZED, UNAVAILABLE, Refused
from chatcore.accounts.replicated.state import AccountsState
from chatcore.errors import UsageError
from chatcore.replication import LogEntry, machine
from chatcore.replication.machine import SECOND, FencedMachine
from chatcore.replication.state import Header

__all__ = ["NOTHING", "VERSION", "AccountsMachine", "Applied"]

VERSION: Final = 1
"""The version of the entries that are written and applied here."""

NOTHING: Final[Mapping[str, Any]] = {"act": "note_uses", "keys": []}
"""An act that does nothing."""


@dataclass(frozen=True, slots=True)
class Applied(machine.Applied):
    """What an entry has done: the result of its act, or the `Refusal` or `UsageError`.

    ``revises`` says that somebody may have lost a right, or may speak again. ``bug`` is what has failed
    unforeseen, on all servers alike.
    """

    result: Any = None
    revises: bool = False
    bug: Exception | None = None


class AccountsMachine(FencedMachine[AccountsState, Header, Applied]):
    """Applies entries to a state, one after the other, each within a transaction of the state's."""

    version = VERSION

    def __init__(self, state: AccountsState) -> None:
        super().__init__(state, state.header())

    def new_header(self, identity: str) -> Header:
        """Return what is known of a log of which nothing was read."""
        return Header(identity=identity, epoch=identity)

    def new_applied(self, applied: machine.Applied) -> Applied:
        """Return what an entry has done so far."""
        return Applied(
            applied.position,
            applied.node,
            applied.term,
            applied.number,
            applied.void,
            applied.begins_epoch,
            applied.forks,
        )

    def is_content(self, content: Mapping[str, Any]) -> bool:
        """Tell whether an entry holds an act."""
        return is_act(content)

    def do(self, content: Mapping[str, Any], entry: LogEntry, applied: Applied) -> Applied:
        """Do an act, or undo all of it."""
        execute = self._state.db.execute
        execute("SAVEPOINT act")
        try:
            result = perform(self._state, content, self._now)
            applied = replace(applied, result=result, revises=revises(content, result))
        except Exception as error:
            applied = replace(applied, result=_refusal(error), bug=_bug(error))
            execute("ROLLBACK TO act")
        execute("RELEASE act")
        return applied

    def forget_old(self) -> None:
        """Forget bans, mutes and invites whose time has long been over."""
        self._state.remove_ended(self._now)

    @property
    def _now(self) -> float:
        return self.header.now / SECOND


def _refusal(error: Exception) -> Any:
    """Return what is answered to whoever asked; raises an error that says nothing of the act."""
    match error:
        case Refused():
            return error.refusal
        case UsageError():
            return error
        case sqlite3.IntegrityError():
            return UNAUTHORIZED  # another key or invite with the same id, which nobody has made by chance
        case sqlite3.Error() | OSError() | MemoryError():
            raise error
        case _:
            return UNAVAILABLE


def _bug(error: Exception) -> Exception | None:
    return None if isinstance(error, Refused | UsageError | sqlite3.IntegrityError) else error
