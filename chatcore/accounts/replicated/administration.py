"""What an operator does with the accounts of a cluster, from any machine that reaches their log."""

import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NoReturn

from chatcore.accounts.acts import Content, is_act
from chatcore.accounts.book import AccountsBook
from chatcore.accounts.performing import perform
from chatcore.accounts.replicated.machine import NOTHING, Applied
from chatcore.accounts.replicated.replica import AccountsReplica
from chatcore.accounts.replicated.state import AccountsState
from chatcore.accounts.schema import create_accounts
from chatcore.accounts.snapshot import Snapshot
from chatcore.errors import AccountsError, UsageError
from chatcore.replication import Log
from chatcore.replication.jobs import JobQueue

__all__ = ["ReplicatedAdministration"]

PATIENCE: Final = 15.0
"""Seconds that are waited for the log: longer than an election among its servers takes."""


class ReplicatedAdministration(AccountsBook):
    """Changes the accounts in a log; for one thread, and to be closed, with which the log is.

    ``by`` says in the audit who did it. All of the log is read at first, into the file ``path``, or into one
    that is removed in the end. Everything that is asked waits ``patience`` seconds for the log at most. All
    methods raise `UsageError` for what is not there or not allowed, and `AccountsError` where the log cannot
    be used: ``why`` gives the words for one that does not answer. Names may have any spelling.
    """

    def __init__(
        self,
        log: Log,
        *,
        by: str,
        path: Path | str | None = None,
        patience: float = PATIENCE,
        now: Callable[[], float] = time.time,
        why: Callable[[], str] = lambda: "the log does not answer",
    ) -> None:
        super().__init__(by, now)
        self._patience = patience
        self._why_no_answer = why
        self._jobs = JobQueue(threading.Condition())
        with ExitStack() as opened:
            if path is None:
                path = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="chat-"))) / "accounts.db"
            self.path = Path(path)
            with self._explained():
                create_accounts(self.path)
                self._replica = AccountsReplica(
                    lambda: AccountsState(self.path.resolve()),
                    log,
                    self._jobs,
                    _take_over,
                    time.monotonic,
                    now,
                )
            opened.callback(self._replica.end)
            opened.callback(log.close)
            opened.callback(self._jobs.end)
            self._replica.begin()
            if not self._step_until(lambda: self._replica.is_current):
                raise AccountsError(f"the accounts cannot be read: {self._why()}")
            self._opened = opened.pop_all()

    def close(self) -> None:
        """Close everything. Idempotent."""
        self._opened.close()

    @property
    def forked(self) -> str:
        """Where servers have read different logs, in words, as far as this has read; empty if not."""
        return self._replica.header.forked

    def refresh(self) -> None:
        """Read all that is in the log by now, by an entry that does nothing.

        What is read otherwise is as new as what was opened, or later.
        """
        self._request(NOTHING)

    def begin_epoch(self) -> None:
        """Let all servers that have read the same log as this take changes again, which ends a fork."""
        self._step_until(lambda: not self._replica.is_settling)  # as it is once a fork was found
        self._request({"epoch": secrets.token_hex(8)})

    # --- how ---------------------------------------------------------------------------------------

    def _read(self) -> AccountsState:
        self._replica.step()
        file = self._replica.follower.file
        if file is None:
            raise AccountsError(f"the accounts file {self.path} cannot be used")
        return file

    def _perform(self, content: Content) -> Any:
        if not is_act(content):
            self._refuse(content)
        applied = self._request(content)
        if isinstance(applied.result, UsageError):
            raise applied.result
        return applied.result

    def _refuse(self, content: Content) -> NoReturn:
        """Raise what is wrong with what no log may hold, as a file would say it."""
        file = self._read()
        with self._explained(), file.transaction():  # which is undone
            perform(file, content, self._now())
            raise UsageError("this cannot be stored: a text is too long, or has control characters")

    def _request(self, content: Content) -> Applied:
        answers: list[Applied | None] = []
        self._replica.request(content, answers.append)
        if answers:
            raise AccountsError(f"nothing was changed: {self._why()}")
        self._step_until(lambda: bool(answers))
        if not answers or answers[0] is None:
            raise AccountsError(
                f"{self._why()}; it is not known whether this was done, so look before you repeat it"
            )
        return answers[0]

    def _step_until(self, is_done: Callable[[], bool]) -> bool:
        deadline = time.monotonic() + self._patience
        self._replica.step()
        while not is_done() and self._replica.follower.stopped is None:
            if (left := deadline - time.monotonic()) <= 0:
                break
            patience = self._replica.patience
            self._jobs.wait(left if patience is None else min(patience, left))
            self._replica.step()
        return is_done()

    def _why(self) -> str:
        """Return what is wrong with the log."""
        stopped, forked = self._replica.follower.stopped, self._replica.header.forked
        if stopped is not None:
            return stopped
        return f"servers have read different logs, {forked}" if forked else self._why_no_answer()


def _take_over(snapshot: Snapshot, revises: bool) -> None:  # as `Enforce` has it
    """Do nothing: the file is read."""
