"""The gate of a server in a cluster: a thread that follows the log of the accounts, and appends to it."""

import contextlib
import secrets
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any, Final

from chatcore.accounts.acts import MOST_USES_NOTED, Content, is_act
from chatcore.accounts.gate import AccountsGate
from chatcore.accounts.links import PublicUrl, public_url
from chatcore.accounts.log_events import accounts_answer_lost
from chatcore.accounts.refusals import UNAUTHORIZED, UNAVAILABLE
from chatcore.accounts.replicated.machine import Applied
from chatcore.accounts.replicated.replica import AccountsReplica
from chatcore.accounts.replicated.state import AccountsState
from chatcore.accounts.schema import create_accounts
from chatcore.accounts.snapshot import Snapshot
from chatcore.accounts.writer import Times
from chatcore.errors import UsageError
from chatcore.gate import Claim, Gate, Person, Refusal, Watch
from chatcore.journal.sqlite.lock import FileLock
from chatcore.replication import Log
from chatcore.replication.follower import ReplicaStatus
from chatcore.replication.jobs import JobQueue
from chatcore.sqlite.words import explain

__all__ = ["ReplicatedAccounts"]

QUEUE: Final = 4_096
"""Acts that may wait; more are refused."""

OPENING: Final = 2.0
"""Seconds that a start waits until all is in force that the log has."""

CLOSING: Final = 15.0
"""Seconds that an end waits for what is on its way: longer than it takes to give that up."""

_IMPOSSIBLE: Final = Refusal("bad_frame", "this cannot be stored")
_NOT_READ: Final = Refusal("unavailable", "not all of the accounts is known here yet", 1.0)


class ReplicatedAccounts(AccountsGate):
    """Lets in people with an account, and those who bring an invite to one, on all servers alike.

    The accounts are in a log, which this starts and closes. What that comes to is in the file ``path``, made
    if it is missing, and for this server alone. Without a connection to the log it starts with what the file
    has: people with a key come in, and changes are refused as ``unavailable``.

    What is changed at any server is in force at this one when it has read that, and is answered when it is in
    force at the server that was asked. ``times``, ``clock`` (seconds that never go back) and ``file`` are for
    tests.
    """

    def __init__(
        self,
        path: Path | str,
        log: Log,
        *,
        times: Times | None = None,
        clock: Callable[[], float] = time.monotonic,
        file: type[AccountsState] = AccountsState,
    ) -> None:
        super().__init__(path, times or Times())
        self._log = log
        self._clock = clock
        self._file = file
        self._changing = threading.Lock()  # guards the two that follow
        self._waiting = 0
        self._is_open = False
        self._jobs = JobQueue(threading.Condition())
        self._replica: AccountsReplica | None = None  # once it is open
        self._looked = self._times.now()  # up to then mutes have ended
        self._next_uses = 0.0
        self._unnoted: list[str] = []  # keys that were used
        self._published: tuple[PublicUrl, ...] | None = None  # that are to be stored
        self._closing_since: float | None = None
        self._lock: FileLock | None = None  # once it is open
        self._thread = threading.Thread(target=self._run, name="chat-accounts", daemon=True)

    def start(self, watch: Watch) -> None:
        """Open the file and begin to follow; raises `AccountsError` that says what is wrong with the file."""
        with contextlib.ExitStack() as opened:
            try:
                create_accounts(self.path)
                path = self.path.resolve()
                self._lock = FileLock(path, AccountsState.KIND)
                opened.callback(self._lock.release)
                self._replica = replica = AccountsReplica(
                    partial(self._file, path),
                    self._log,
                    self._jobs,
                    self._take_over,
                    self._clock,
                    self._times.now,
                )
            except (sqlite3.Error, OSError) as error:
                raise explain(AccountsState.KIND, self.path, error) from error
            opened.pop_all()
        replica.begin()
        deadline = time.monotonic() + OPENING
        while not replica.is_current and (left := deadline - time.monotonic()) > 0:
            patience = replica.patience
            self._jobs.wait(left if patience is None else min(patience, left))
            replica.step()
        self._watch = watch
        self._is_open = True
        self._thread.start()

    @property
    def log(self) -> Log:
        """The log that it follows."""
        return self._log

    def status(self) -> ReplicaStatus | None:
        """Return how this follows the log, ``None`` before the start. From any thread."""
        return None if self._replica is None else self._replica.status

    def publish(self, urls: Iterable[str], pin: str | None = None) -> None:
        """Replace the URLs that links begin with, once the log can be reached. From any thread.

        ``pin`` is that of a self-made certificate. Raises `UsageError` for an invalid URL.
        """
        found = tuple(public_url(url, pin) for url in urls)
        self._jobs.put(lambda: self._note_published(found))

    def begin_epoch(self, deliver: Callable[[bool], None]) -> None:
        """Let all servers that have read the same log as this one take changes again, which ends a fork.

        A server that has read something else stays as it is, until its file is removed and it reads the log
        again. ``deliver`` is called once that is done here, or with false if it could not be.
        """
        self._request({"epoch": secrets.token_hex(8)}, lambda applied: deliver(applied is not None))

    def close(self) -> None:
        """Have what was asked for read back, or give it up, and close everything. Idempotent."""
        with self._changing:
            self._is_open = False
        self._jobs.put(self._begin_to_close)
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join()

    # --- what is asked ---------------------------------------------------------------------------

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Answer as any gate of accounts, but call nobody unknown before all is read that the log has."""

        def take(found: Person | Refusal) -> None:
            replica = self._replica
            may_be_known = replica is None or not replica.is_current
            answer(_NOT_READ if found is UNAUTHORIZED and may_be_known else found)

        super().enter(claim, take)

    def _submit(self, content: Content, deliver: Callable[[Any], None]) -> None:
        def take(applied: Applied | None) -> None:
            impossible = applied is None or isinstance(applied.result, UsageError)
            deliver(UNAVAILABLE if applied is None or impossible else applied.result)

        if is_act(content):
            self._request(content, take)
        else:
            deliver(_IMPOSSIBLE)

    def _request(self, content: Content, take: Callable[[Applied | None], None]) -> None:
        def take_one(applied: Applied | None) -> None:
            with self._changing:
                self._waiting -= 1
            take(applied)

        with self._changing:
            replica = self._replica if self._is_open and self._waiting < QUEUE else None
            self._waiting += replica is not None
        if replica is None:
            take(None)
        elif not self._jobs.put(lambda: replica.request(content, take_one)):
            take_one(None)

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        replica, look = self._replica, self._times.look
        assert replica is not None
        while not self._is_over(replica):
            patience = replica.patience
            self._jobs.wait(look if patience is None else min(patience, look))
            try:
                self._note_uses(replica)
                replica.step()
                self._store_published(replica)
                self._let_time_pass()
            except Exception as error:  # a bug; if the thread ended, everybody would wait forever
                replica.fail(error)
        self._jobs.end()
        self._log.close()
        replica.end()
        for job in self._jobs.take():  # the last questions; what the log has reported is read again
            job()
        replica.end()
        if self._lock is not None:
            self._lock.release()

    def _is_over(self, replica: AccountsReplica) -> bool:
        since = self._closing_since
        return since is not None and (replica.is_idle or self._clock() >= since + CLOSING)

    def _begin_to_close(self) -> None:
        if self._closing_since is None:
            self._closing_since = self._clock()
            self._next_uses = 0.0
            if self._replica is not None:
                self._note_uses(self._replica)

    def _take_over(self, snapshot: Snapshot, revises: bool) -> None:  # as `Enforce` has it
        self._enforce(snapshot)
        if revises:
            self._revise()

    def _let_time_pass(self) -> None:
        """Have everybody looked at if a mute has ended, or what had ended may go on in a clock set back."""
        now = self._times.now()
        before, self._looked = self._looked, now
        if now < before or self._snapshot.mute_ends_in(before, now):
            self._revise()

    def _revise(self) -> None:
        try:
            if self._watch is not None:
                self._watch.revise()
        except Exception as error:  # a bug in whoever watches: the others must get their answers all the same
            accounts_answer_lost.log_bug(error)

    def _note_published(self, urls: tuple[PublicUrl, ...]) -> None:
        self._published = urls

    def _store_published(self, replica: AccountsReplica) -> None:
        """Have the public URLs stored that are not, if anything can be."""
        urls = self._published
        if urls is None or not (replica.changes and replica.is_current):
            return
        self._published = None
        if urls == self.urls:
            return

        def take(applied: Applied | None) -> None:
            if applied is None and self._published is None:  # it is tried again
                self._published = urls

        pairs = [[each.url, each.pin] for each in urls]
        replica.request({"act": "publish", "by": "server", "urls": pairs}, take)

    def _note_uses(self, replica: AccountsReplica) -> None:
        """Have it noted which keys were used, from time to time."""
        now = self._times.clock()
        if now < self._next_uses or not replica.changes:
            return
        self._next_uses = now + self._times.uses
        self._unnoted += [hash_.hex() for _, hash_ in self._uses.take()]
        keys, self._unnoted = self._unnoted[:MOST_USES_NOTED], self._unnoted[MOST_USES_NOTED:]
        if keys:
            replica.request({"act": "note_uses", "keys": keys}, partial(self._take_note, keys))

    def _take_note(self, keys: list[str], applied: Applied | None) -> None:
        if applied is None:
            self._unnoted += keys


_: type[Gate] = ReplicatedAccounts
