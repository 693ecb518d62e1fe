"""What an operator does with the file of accounts, from any process, beside a server that has it open.

A server sees what is done here within a second.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatcore.accounts.acts import Content
from chatcore.accounts.book import AccountsBook
from chatcore.accounts.performing import perform
from chatcore.accounts.schema import create_accounts
from chatcore.accounts.statements import AccountsFile

__all__ = ["Administration"]


class Administration(AccountsBook):
    """Changes the accounts in the file ``path``; for one thread, and to be closed.

    ``by`` says in the audit who did it. With ``create`` a file that is missing is made, for its owner alone.
    With ``read_only`` it is left as it is, in its present format, and only what returns something can be
    called. All methods raise `UsageError` for what is not there or not allowed, and `AccountsError` where the
    file cannot be used. Names may have any spelling.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        by: str,
        create: bool = False,
        read_only: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(by, now)
        self.path = Path(path)
        with self._explained():
            if create:
                create_accounts(self.path)
            self._file = AccountsFile(self.path, create=create, read_only=read_only)

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()

    def _read(self) -> AccountsFile:
        return self._file

    def _perform(self, content: Content) -> Any:
        with self._explained(), self._file.transaction():
            return perform(self._file, content, self._now())
