"""One server's copy of the accounts, without threads: it does what is due when it is asked to.

- The order of things is commit, then put in force, then answer. An answer is that of the entry as it was read
  back, never that of having appended it.
- While it cannot change anything (no log yet, settling, stopped, or the log is forked), what is asked is
  refused. What it knows stays in force.
- What strangers and members ask for, and what the state refuses, is in doubt first: see `doubts`.
- Where it finds the log forked, it appends an entry that does nothing, so that the others find that too. It
  goes on reading, and takes changes again once an epoch has begun.
"""

import secrets
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial

from chatcore.accounts.acts import Content
from chatcore.accounts.log_events import accounts_answer_lost, accounts_change_failed
from chatcore.accounts.replicated.doubts import Doubts, Foreseen, foresee
from chatcore.accounts.replicated.log_events import (
    ReplicaLog,
    accounts_forked,
    accounts_settled,
    accounts_unsettled,
)
from chatcore.accounts.replicated.machine import NOTHING, VERSION, AccountsMachine, Applied
from chatcore.accounts.replicated.state import AccountsState
from chatcore.accounts.snapshot import EMPTY, Snapshot
from chatcore.messages import DurabilityWord
from chatcore.replication import Log
from chatcore.replication.fence import ReadDigest
from chatcore.replication.follower import Follower, Following, ReplicaStatus
from chatcore.replication.jobs import JobQueue
from chatcore.replication.machine import SECOND
from chatcore.replication.outbox import GIVE_UP, Outbox
from chatcore.replication.state import Header

__all__ = ["AccountsReplica", "Answer", "Enforce"]

Answer = Callable[[Applied | None], None]
"""Takes what an act has done, or ``None`` if it was refused or given up."""

Enforce = Callable[[Snapshot, bool], None]
"""Puts in force what is known now; with true somebody may have lost a right, or may speak again."""


class AccountsReplica:
    """Follows a log, and appends to it. ``clock`` gives seconds that never go back, ``now`` those since 1970.

    ``open_file`` opens the state. For one thread, but for its properties and `jobs`.
    """

    def __init__(
        self,
        open_file: Callable[[], AccountsState],
        log: Log,
        jobs: JobQueue,
        enforce: Enforce,
        clock: Callable[[], float],
        now: Callable[[], float],
    ) -> None:
        self._log = log
        self._jobs = jobs
        self._enforce = enforce
        self._clock = clock
        self._now = now
        self._follower = Follower(open_file, AccountsMachine, jobs, ReplicaLog(), clock)
        self._outbox: Outbox[Applied] = Outbox(VERSION, secrets.token_hex(8), log.append, clock)
        self._waiting: deque[tuple[Content, Answer]] = deque()
        self._doubts: Doubts[Applied] = Doubts(log, jobs, clock)
        self._news: list[Applied] = []  # that are not in force yet
        self._snapshot = EMPTY
        self._loaded: AccountsState | None = None  # the file that the snapshot was read from
        self._durability: DurabilityWord | None = None
        self._void = 0

    # --- what it is ------------------------------------------------------------------------------

    @property
    def follower(self) -> Follower[AccountsState, Header, Applied]:
        """Its reading half."""
        return self._follower

    @property
    def header(self) -> Header:
        """What is known of the log."""
        return self._follower.header

    @property
    def snapshot(self) -> Snapshot:
        """What is in force."""
        return self._snapshot

    @property
    def status(self) -> ReplicaStatus:
        """How it follows its log."""
        return self._follower.status(void=self._void, settling=self.is_settling)

    @property
    def changes(self) -> bool:
        """Whether it would append what was asked for now."""
        return self._is_connected and self._outbox.is_settled and not self.header.forked

    @property
    def is_settling(self) -> bool:
        """Whether it has given entries up, and does not know yet that they can no longer count."""
        return not self._outbox.is_settled

    @property
    def is_current(self) -> bool:
        """Whether all is in force that the log had when it was connected."""
        return self._is_connected and not self._news and self.header.position >= self._follower.last

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an answer."""
        return not (self._waiting or self._news or self._doubts) and not (
            self._outbox and self._outbox.is_settled
        )

    @property
    def patience(self) -> float | None:
        """How many seconds may pass until `step` has something to do, if nothing comes."""
        times = (self._follower.next_deadline, self._outbox.next_deadline, self._doubts.next_deadline)
        soonest = min((each for each in times if each is not None), default=None)
        return None if soonest is None else max(soonest - self._clock(), 0.0)

    @property
    def _is_connected(self) -> bool:
        return self._durability is not None and self._follower.stopped is None

    # --- what is due -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Put in force what the state has, and begin to connect."""
        self._announce()
        self._log.start(self._follower, self.header.position)

    def step(self) -> None:
        """Do all that is due, without waiting."""
        for job in self._jobs.take():
            job()
        self._follower.follow(self)
        self._announce()
        if self._outbox.is_late and not self._follower.can_follow and not self._news:
            accounts_unsettled.log(seconds=int(GIVE_UP))
            self._refuse_all()
            self._outbox.settle(NOTHING, self._seen)
        self._outbox.resend()
        self._decide()
        self._send()
        self._doubts.ask()

    def request(self, content: Content, answer: Answer) -> None:
        """Have an act done, or an epoch begun, by an entry of its own."""
        if self.changes:
            self._waiting.append((content, answer))
        elif "epoch" in content and self._is_connected and self._outbox.free:
            self._outbox.send(content, self._seen, partial(_call, answer))  # which ends a fork
        else:
            _call(answer, None)

    def fail(self, error: Exception) -> None:
        """Go on after a bug, but not immediately."""
        self._follower.fail(error)

    def end(self) -> None:
        """Refuse what waits, and close the file; the log is closed before."""
        self._refuse_all()
        self._follower.close()

    # --- what the log brings ---------------------------------------------------------------------

    def log_opened(self, durability: DurabilityWord) -> None:
        """Begin to append, or send again what may have been lost."""
        self._durability = durability
        self._outbox.settle(NOTHING, self._seen)
        self._outbox.resend(when_due=False)

    def epoch_began(self) -> None:
        """Do nothing: who reads accounts reads what they are now."""

    def applied(self, results: Sequence[Applied]) -> None:
        """Note what was done, to be put in force."""
        self._news += results

    def has_stopped(self) -> None:
        """Refuse everything."""
        self._refuse_all()

    # --- what follows from it --------------------------------------------------------------------

    def _announce(self) -> None:
        """Put in force what was done, then answer whoever asked for it."""
        file = self._follower.file
        if file is None or not (self._news or file is not self._loaded):
            return
        try:
            snapshot = self._read(file)
        except Exception as error:
            self._follower.fail(error)
            return
        news, self._news = self._news, []
        before, self._snapshot = self._snapshot, snapshot
        own = [each for each in news if each.node == self._outbox.node]
        by_others = len(own) < len(news) or not news
        self._enforce(snapshot, (by_others and snapshot != before) or any(each.revises for each in own))
        self._answer(news)

    def _read(self, file: AccountsState) -> Snapshot:
        if file is self._loaded:
            return self._snapshot.renewed(file, file.take_touched())
        file.take_touched()
        snapshot = Snapshot.load(file)
        self._loaded = file
        return snapshot

    def _answer(self, news: Sequence[Applied]) -> None:
        self._void += sum(applied.void for applied in news)
        was_settled = self._outbox.is_settled
        for applied in news:
            if applied.bug is not None:
                accounts_change_failed.log_bug(applied.bug)
            if not applied.void:
                self._outbox.read(applied.node, applied.term, applied.number, applied)
        self._look_for_forks()
        if self.changes and not was_settled:
            accounts_settled.log()

    def _look_for_forks(self) -> None:
        """Refuse everything if the log was found forked, and have the others find that."""
        if self._follower.finds_fork():
            accounts_forked.log(reason=self.header.forked)
            self._refuse_all()
            self._outbox.settle(NOTHING, self._seen)

    # --- what is sent ----------------------------------------------------------------------------

    def _send(self) -> None:
        while self.changes and self._waiting and self._outbox.free and self._follower.file is not None:
            content, answer = self._waiting.popleft()
            if self._doubts.concern(content) or self._foresee(content) is not None:
                self._doubts.add(content, answer, self._outbox.sent)
            else:
                self._outbox.send(content, self._seen, partial(_call, answer))

    def _decide(self) -> None:
        """Refuse what is no longer in doubt, or what was too long."""
        if self.changes and self._follower.file is not None:
            for doubt in self._doubts.take(self.header.position, self._outbox.done):
                if (foreseen := self._foresee(doubt.content)) is None:
                    self._waiting.append((doubt.content, doubt.answer))
                else:
                    applied = Applied(self.header.position, void=False, result=foreseen.result)
                    _call(doubt.answer, applied)
        for doubt in self._doubts.late():
            _call(doubt.answer, None)

    def _foresee(self, content: Content) -> Foreseen | None:
        """Return what an act would come to by what was read, if it would do nothing."""
        file, now = self._follower.file, self.header.now / SECOND
        return None if file is None else foresee(file, content, now, max(now, self._now()))

    def _refuse_all(self) -> None:
        """Give up what is on its way, and refuse all that waits."""
        self._outbox.abandon()
        waiting, self._waiting = self._waiting, deque()
        for answer in [*(doubt.answer for doubt in self._doubts.take_all()), *(each for _, each in waiting)]:
            _call(answer, None)

    @property
    def _seen(self) -> ReadDigest:
        return ReadDigest(self.header.position, self.header.digest)


def _call(answer: Answer, applied: Applied | None) -> None:
    try:
        answer(applied)
    except Exception as error:  # a bug in whoever asked: the others must get their answers all the same
        accounts_answer_lost.log_bug(error)


_: type[Following[Applied]] = AccountsReplica
