"""The thread that writes to the file of accounts, and sees what others write to it.

- Changes that wait are made in one transaction, each undone alone if it is refused. Then what they have
  touched is read, put in force as a whole, and only then are they answered. Nothing else is read again.
- The command line writes to the same file. So the thread asks four times a second whether it has changed.
- While the file cannot be used, what was read last stays in force: known keys are let in, and changes are
  refused as ``unavailable``. A file that was replaced is read as a new one. Once a second it is tried whether
  the file can be written again.
- Nothing ends the thread before its time.
"""

import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chatcore.accounts.changes import Change, ChangeQueue
from chatcore.accounts.log_events import (
    accounts_answer_lost,
    accounts_change_failed,
    accounts_recovered,
    accounts_replaced,
    accounts_unusable,
    accounts_uses_lost,
)
from chatcore.accounts.pace import GAP
from chatcore.accounts.refusals import UNAVAILABLE, Refused
from chatcore.accounts.snapshot import EMPTY, Snapshot
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.uses import KeyUses
from chatcore.errors import LocalError
from chatcore.gate import Refusal, Watch
from chatcore.sqlite.identity import FileIdentity
from chatcore.sqlite.words import log_failure

__all__ = ["AccountsWriter", "Times"]

GROUP = 256
"""The most changes in one transaction."""

QUEUE = 4_096
"""Changes that may wait; more are refused."""

_BROKEN = (sqlite3.Error, OSError, LocalError)


@dataclass(frozen=True, slots=True)
class Times:
    """Two clocks, and the seconds between looks at the file.

    ``now`` is in seconds since 1970. It may be set back or forward, so it is for what the file holds: when a
    ban or an invite ends. ``clock`` never goes back, and measures how long something took.
    """

    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic
    look: float = 0.25  # for what others have written
    retry: float = 1.0  # for a file that cannot be used
    uses: float = 60.0  # between writing when keys were used
    act: float = GAP  # between acts of one account, after some that it has at once


class AccountsWriter:
    """Makes changes until it is closed; then it closes the file."""

    def __init__(
        self,
        open_file: Callable[[], AccountsFile],
        enforce: Callable[[Snapshot], None],
        uses: KeyUses,
        times: Times,
    ) -> None:
        self._open_file = open_file
        self._enforce = enforce
        self._uses = uses
        self._times = times
        self._queue = ChangeQueue(QUEUE)
        self._watch: Watch | None = None
        self._file: AccountsFile | None = None  # none between a failure and the next attempt
        self._version = 0
        self._identity: FileIdentity | None = None  # of the file that was read last
        self._snapshot = EMPTY
        self._looked = times.now()  # up to then mutes have ended
        self._next_try = 0.0  # to open it
        self._next_trial = 0.0  # to write something
        self._next_uses = 0.0
        self._failing = False  # which is said once
        self._thread = threading.Thread(target=self._run, name="chat-accounts", daemon=True)

    def start(self, watch: Watch) -> None:
        """Open the file and put what it says in force; raises what that raises."""
        self._watch = watch
        self._file = self._open_file()
        with self._file.closed_on_error():
            self._load(self._file)
        self._thread.start()

    def submit(self, change: Change) -> None:
        """Take a change; its answer comes from the writer's thread, or from here if it is refused."""
        if not self._queue.put(change):
            change.deliver(UNAVAILABLE)

    def close(self) -> None:
        """Make the changes that wait, and close the file. Idempotent."""
        self._queue.close()
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join()

    def _run(self) -> None:
        while (changes := self._queue.take(GROUP, self._times.look)) is not None:
            self._turn(changes)
        self._end()

    def _turn(self, changes: list[Change]) -> None:
        now = self._times.now()
        revises = self._has_time_changed_rights(now)
        answers: list[Any] = [UNAVAILABLE] * len(changes)
        try:
            if (file := self._usable_file()) is not None:
                made = self._make(file, changes, now)
                revises |= self._look(file, changes, made)
                answers = made
                self._check_recovery(file)
        except Exception as error:  # also a bug: those who wait must get their answers all the same
            self._fail(error)
        if revises and self._watch is not None:
            _call(lambda watch: watch.revise(), self._watch)
        for change, answer in zip(changes, answers, strict=True):
            _call(change.deliver, answer)

    # --- writing ---------------------------------------------------------------------------------

    def _make(self, file: AccountsFile, changes: list[Change], now: float) -> list[Any]:
        """Make changes and return their results, and write what waits for an occasion."""
        uses, clock = [], self._times.clock()
        if clock >= self._next_uses:
            uses, self._next_uses = self._uses.take(), clock + self._times.uses
        if not changes and not uses:
            return []
        with file.transaction():
            file.note_uses(uses)
            file.remove_ended(now)
            return [_made(file, change, now) for change in changes]

    def _fail(self, error: Exception) -> None:
        if not self._failing:
            self._failing = True
            log_failure(accounts_unusable, error, error=str(error))
        self._close_file()
        self._next_try = self._times.clock() + self._times.retry

    def _check_recovery(self, file: AccountsFile) -> None:
        """After a failure, say when the file can be written again, though nobody asks for a change."""
        clock = self._times.clock()
        if not self._failing or clock < self._next_trial:
            return
        self._next_trial = clock + self._times.retry
        try:
            file.try_to_write()
        except sqlite3.Error:  # it can be read all the same, but may have been opened for that alone
            self._close_file()
        else:
            self._failing = False
            accounts_recovered.log()

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _usable_file(self) -> AccountsFile | None:
        """Return the file, opened again if it has failed; none until the next attempt is due."""
        if self._file is None:
            if self._times.clock() < self._next_try:
                return None
            self._file = self._open_file()
            self._version = -1
        self._file.check_identity()
        return self._file

    def _end(self) -> None:
        if self._file is None:
            return
        try:
            if uses := self._uses.take():
                with self._file.transaction():
                    self._file.note_uses(uses)
        except _BROKEN as error:
            log_failure(accounts_uses_lost, error, error=str(error))
        self._file.close()

    # --- putting in force ------------------------------------------------------------------------

    def _look(self, file: AccountsFile, changes: list[Change], answers: list[Any]) -> bool:
        """Read what has changed in the file; return whether everybody has to be looked at."""
        by_others, before = file.data_version() != self._version, self._snapshot
        touched = file.take_touched()
        if by_others:
            self._load(file)
        elif touched:
            self._put_in_force(before.renewed(file, touched))
        pairs = zip(changes, answers, strict=True)
        revising = [change for change, answer in pairs if not _is_refusal(answer) and change.revises(answer)]
        return bool(revising) or (by_others and self._snapshot != before)

    def _load(self, file: AccountsFile) -> None:
        self._version = file.data_version()  # first: what is written later is seen at the next look
        self._put_in_force(Snapshot.load(file))
        self._note_replacement(file)

    def _note_replacement(self, file: AccountsFile) -> None:
        before, self._identity = self._identity, file.identity
        if before not in (None, file.identity):
            people = sum(not person.gone for person in self._snapshot.people.values())
            accounts_replaced.log(accounts=people, keys=len(self._snapshot.keys))

    def _put_in_force(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._enforce(snapshot)

    def _has_time_changed_rights(self, now: float) -> bool:
        """Tell whether a mute has ended, or what had ended may go on since the clock was set back."""
        before, self._looked = self._looked, now
        return now < before or self._snapshot.mute_ends_in(before, now)


def _is_refusal(answer: Any) -> bool:
    return isinstance(answer, Refusal)


def _made(file: AccountsFile, change: Change, now: float) -> Any:
    """Make a change, or undo it; return its result, or the refusal."""
    file.db.execute("SAVEPOINT change")
    try:
        answer = change.make(file, now)
    except Refused as refused:
        file.db.execute("ROLLBACK TO change")
        answer = refused.refusal
    except _BROKEN:
        raise
    except Exception as error:
        accounts_change_failed.log_bug(error)
        file.db.execute("ROLLBACK TO change")
        answer = UNAVAILABLE
    file.db.execute("RELEASE change")
    return answer


def _call(take: Callable[[Any], None], argument: Any) -> None:
    try:
        take(argument)
    except Exception as error:  # a bug in whoever asked: the others must get their answers all the same
        accounts_answer_lost.log_bug(error)
