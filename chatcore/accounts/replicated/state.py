"""What a log of accounts has come to, in a SQLite file: the tables of accounts, and what is noted of the log.

It is no file of accounts of its own: whoever changed it there would differ from all other servers, so it has
an application id of its own. `chatcore.replication.state` is what any state has.
"""

from pathlib import Path

from chatcore.accounts.schema import AccountsDatabase
from chatcore.accounts.statements import AccountsFile
from chatcore.errors import AccountsError
from chatcore.replication.state import FENCE_TABLES, FencedState, Header
from chatcore.sqlite.database import FileKind

__all__ = ["AccountsState"]

_APPLICATION = 0x63686166  # "chaf"

_META = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
"""


class AccountsState(AccountsFile, FencedState):
    """A connection to the state. Whoever writes to it holds the file, so others only read it meanwhile."""

    KIND = FileKind(
        noun="accounts file",
        option="--accounts",
        application=_APPLICATION,
        version=AccountsDatabase.KIND.version,
        tables=AccountsDatabase.KIND.tables + _META + FENCE_TABLES,
        error=AccountsError,
    )

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        super().__init__(path, create=not read_only, read_only=read_only, synchronous="NORMAL")

    def check_kind(self) -> int:
        """Return the format of the file; raises `AccountsError` also if it has accounts of its own."""
        (application,) = self.db.execute("PRAGMA application_id").fetchone()
        if application == AccountsDatabase.KIND.application:
            raise AccountsError(
                f"{self._path} has accounts of its own, and in a cluster they come from the log;"
                f" choose another file with {self.KIND.option}"
            )
        return super().check_kind()

    def header(self) -> Header:
        """Return what is noted of the log."""
        return Header(**self.noted())
