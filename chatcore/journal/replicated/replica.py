"""One server's copy of what a log has come to, without threads: it does what is due when it is asked to.

- The order of things is commit, then deliver, then answer. An outcome is that of the entry as it was read
  back, never that of having appended it.
- While it cannot store (no log yet, settling, stopped, or the log is forked), everything that comes is
  refused. What it knows can be read.
- Where it finds the log forked, it appends an entry that holds nothing, so that the others find that too. It
  goes on reading, and stores again once an epoch has begun.
- Refusals keep the order of submission, as in `chatcore.journal.sqlite.queue`.
"""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from chatcore.journal import Feed, Stored, Unavailable
from chatcore.journal.replicated.inbox import Inbox
from chatcore.journal.replicated.log_events import (
    ReplicaLog,
    draft_impossible,
    replica_forked,
    replica_settled,
    replica_unsettled,
)
from chatcore.journal.replicated.machine import DRAFTS, SLOTS, VERSION, Applied, Machine
from chatcore.journal.replicated.postings import Batch, Posting, Postings, Request
from chatcore.journal.replicated.reaches import Reach, Reaches
from chatcore.journal.replicated.state import RecordHeader, StateFile
from chatcore.journal.sqlite.log_events import answer_lost
from chatcore.journal.sqlite.queue import Submission
from chatcore.journal.sqlite.rooms import NO_ROOM
from chatcore.messages import DurabilityWord
from chatcore.replication import Log
from chatcore.replication.fence import ReadDigest
from chatcore.replication.follower import Follower, Following, ReplicaStatus
from chatcore.replication.outbox import GIVE_UP, Outbox

__all__ = ["RETRY", "Replica"]

RETRY: Final = 1.0
"""Seconds after which a refused sender may try again."""

TICK: Final = 60.0
"""Seconds of silence after which an empty entry lets time pass, where messages expire by their age."""

_EVERYTHING: Final = 1 << 30
_NOTHING: Final[Mapping[str, Any]] = {"drafts": []}

T = TypeVar("T")


class Replica:
    """Follows a log, and appends to it what its inbox has. ``clock`` gives seconds that never go back.

    ``open_file`` opens the state at ``path``. ``note`` is called with what was applied, once its messages
    were delivered. For one thread, but for its properties.
    """

    def __init__(
        self,
        path: Path,
        open_file: Callable[[], StateFile],
        log: Log,
        inbox: Inbox,
        feed: Feed,
        clock: Callable[[], float],
        note: Callable[[Sequence[Applied]], None] = lambda results: None,
    ) -> None:
        self._path = path
        self._log = log
        self._inbox = inbox
        self._feed = feed
        self._clock = clock
        self._note = note
        self._follower = Follower(open_file, Machine, inbox.jobs, ReplicaLog(path), clock)
        self._outbox: Outbox[Applied] = Outbox(VERSION, secrets.token_hex(8), log.append, clock)
        self._postings = Postings()
        self._refused: dict[Posting, None] = {}  # while everything is refused: what was on its way, in order
        self._reaches = Reaches(clock)
        self._durability: DurabilityWord | None = None
        self._epoch = ""  # as reported
        self._void = 0
        self._next_tick = clock() + TICK
        inbox.refuse([])

    # --- what it is ------------------------------------------------------------------------------

    @property
    def follower(self) -> Follower[StateFile, RecordHeader, Applied]:
        """Its reading half."""
        return self._follower

    @property
    def header(self) -> RecordHeader:
        """What is known of the log."""
        return self._follower.header

    @property
    def durability(self) -> DurabilityWord | None:
        """How safe an entry is once it is read; known once the log was connected."""
        return self._durability

    @property
    def status(self) -> ReplicaStatus:
        """How it follows its log."""
        return self._follower.status(void=self._void, settling=self.is_settling)

    @property
    def epoch(self) -> str:
        """The epoch that was reported last, empty before the first."""
        return self._epoch

    @property
    def stores(self) -> bool:
        """Whether it would try to store what came now."""
        return self._is_connected and self._outbox.is_settled and not self.header.forked

    @property
    def _is_connected(self) -> bool:
        return self._durability is not None and self._follower.stopped is None

    @property
    def is_settling(self) -> bool:
        """Whether it has given entries up, and does not know yet that they can no longer count."""
        return not self._outbox.is_settled

    @property
    def is_idle(self) -> bool:
        """Whether nobody waits for an outcome."""
        return not self._postings and not (self._outbox and self._outbox.is_settled)

    @property
    def wants_drafts(self) -> bool:
        """Whether `step` would take drafts."""
        return not self.stores or (self._outbox.free > 0 and not self._postings)

    @property
    def patience(self) -> float | None:
        """How many seconds may pass until `step` has something to do, if nothing comes."""
        times = [part.next_deadline for part in (self._follower, self._outbox, self._reaches)]
        if self._can_send:
            times += [self._reaches.barrier_at, self._tick_at]
        soonest = min((each for each in times if each is not None), default=None)
        return None if soonest is None else max(soonest - self._clock(), 0.0)

    # --- what is due -----------------------------------------------------------------------------

    def begin(self) -> None:
        """Report what the state has, if it has read a log, and begin to connect."""
        if self.header.identity:
            self.epoch_began()
        self._log.start(self._follower, self.header.position)

    def begin_without_log(self) -> None:
        """Report an epoch in which there is nothing, unless one was reported."""
        if not self._epoch:
            self._epoch = secrets.token_hex(8)
            self._feed.opened(self._epoch, lambda room: 0)

    def step(self) -> None:
        """Do all that is due, without waiting."""
        for job in self._inbox.take_jobs():
            job()
        self._follower.follow(self)
        if self._outbox.is_late and not self._follower.can_follow:
            replica_unsettled.log(path=str(self._path), seconds=int(GIVE_UP))
            self._refuse_all()
            self._outbox.settle(_NOTHING, self._seen)
        self._outbox.resend()
        self._reaches.expire()
        self._take()
        self._send()

    def fail(self, error: Exception) -> None:
        """Go on after a bug, but not immediately."""
        self._follower.fail(error)

    def end(self) -> None:
        """Refuse what waits, and close the file; the log is closed before."""
        self._refuse_all()
        self._take()
        self._reaches.refuse_all()
        self._follower.close()

    # --- what the log brings ---------------------------------------------------------------------

    def log_opened(self, durability: DurabilityWord) -> None:
        """Begin to store, or send again what may have been lost."""
        self._durability = durability
        self._note([])  # before the first answer, which says how safe a message is
        self._outbox.settle(_NOTHING, self._seen)
        self._outbox.resend(when_due=False)
        self._accept()

    def epoch_began(self) -> None:
        """Report an epoch."""
        self._epoch = self.header.epoch
        file = self._follower.file
        assert file is not None
        self._feed.opened(self._epoch, lambda room: (file.room(room) or NO_ROOM).head)

    def applied(self, results: Sequence[Applied]) -> None:
        """Deliver messages, then answer whoever posted them."""
        self._deliver([message for applied in results for message in applied.messages])
        self._void += sum(applied.void for applied in results)
        was_settled = self._outbox.is_settled
        for applied in results:
            if not applied.void:
                self._outbox.read(applied.node, applied.term, applied.number, applied)
        self._look_for_forks()
        if self.stores and not was_settled:
            replica_settled.log(path=str(self._path))
        self._accept()
        for reach in self._reaches.take(self.header.position):
            reach.deliver(self._has(reach.room, reach.seq))
        self._next_tick = self._clock() + TICK
        self._note(results)

    def _look_for_forks(self) -> None:
        """Refuse everything if the log was found forked, and have the others find that."""
        if self._follower.finds_fork():
            replica_forked.log(path=str(self._path), reason=self.header.forked)
            self._refuse_all()
            self._outbox.settle(_NOTHING, self._seen)

    def _accept(self) -> None:
        """Take drafts again, if they can be stored now."""
        if self.stores:
            self._inbox.accept()

    def _deliver(self, messages: Sequence[Stored]) -> None:
        if messages:
            try:
                self._feed.committed(messages)
            except Exception as error:  # a bug: readers that may have missed something begin again
                answer_lost.log_bug(error)
                self.epoch_began()

    def has_stopped(self) -> None:
        """Refuse everything."""
        self._refuse_all()
        self._reaches.refuse_all()

    # --- what is asked ---------------------------------------------------------------------------

    def request(self, content: Mapping[str, Any], deliver: Callable[[Applied | Unavailable], None]) -> None:
        """Have something put into the log, in an entry of its own."""

        def take(applied: Applied | None) -> None:
            self._call(deliver, Unavailable(RETRY) if applied is None else applied)

        if self.stores:
            self._postings.add(Request(content, take))
        elif "epoch" in content and self._is_connected and self._outbox.free:
            self._outbox.send(content, self._seen, take)  # which ends a fork
        else:
            take(None)

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Answer once the entry of a position was applied, or it is known that there is none."""
        position = seq // SLOTS
        if position <= self.header.position:
            self._call(deliver, self._has(room, seq))
        elif self._follower.stopped is not None:
            self._call(deliver, Unavailable(RETRY))
        else:
            self._reaches.add(room, seq, position, partial(self._call, deliver))

    def _has(self, room: str, seq: int) -> bool | Unavailable:
        file = self._follower.file
        try:
            if file is not None:
                return (file.room(room) or NO_ROOM).head >= seq
        except Exception as error:
            self._follower.fail(error)
        return Unavailable(RETRY)

    # --- what is sent ----------------------------------------------------------------------------

    def _take(self) -> None:
        """Take what its users want to be stored, and refuse what can't be."""
        while self.wants_drafts:
            size = DRAFTS * self._outbox.free if self.stores else _EVERYTHING
            taken = self._inbox.take(size, 0.0)
            for submission in taken or ():
                self._add(submission)
            if (task := self._inbox.take_task()) is not None:
                self._call(task, self._follower.file)
            elif not taken:
                return

    def _add(self, submission: Submission) -> None:
        posting = Posting(submission)
        if submission.refused:
            self._refuse([posting])
        elif not posting.is_valid:  # a bug in whoever posted: the others must be stored all the same
            draft_impossible.log()
            posting.refuse_rest(RETRY)
            self._answer_one(posting)
        else:
            self._postings.add(posting)

    def _send(self) -> None:
        """Send what waits, while there may be more on the way."""
        outbox = self._outbox
        while self._can_send and self._postings:
            entry = self._postings.next_entry()
            if isinstance(entry, Batch):
                outbox.send({"drafts": entry.drafts}, self._seen, partial(self._answer, entry))
            else:
                outbox.send(entry.content, self._seen, entry.take)
            self._take()
        if self._is_due(self._reaches.barrier_at):
            outbox.send(_NOTHING, self._seen, partial(self._pass, self._reaches.begin_barrier()))
        if self._is_due(self._tick_at):
            self._next_tick = self._clock() + TICK
            outbox.send(_NOTHING, self._seen, lambda applied: None)

    @property
    def _can_send(self) -> bool:
        return self.stores and self._follower.file is not None and self._outbox.free > 0

    @property
    def _tick_at(self) -> float | None:
        return None if self.header.limits.history_seconds is None else self._next_tick

    def _is_due(self, at: float | None) -> bool:
        return self._can_send and at is not None and self._clock() >= at

    @property
    def _seen(self) -> ReadDigest:
        return ReadDigest(self.header.position, self.header.digest)

    # --- answers ---------------------------------------------------------------------------------

    def _answer(self, batch: Batch, applied: Applied | None) -> None:
        if applied is None:
            self._refused.update((posting, None) for posting, _ in batch.parts)
            return
        for posting in batch.answers(applied.outcomes):
            self._answer_one(posting)

    def _pass(self, reaches: list[Reach], applied: Applied | None) -> None:
        """Take a barrier: where it was read before a position, there was no such position."""
        if applied is not None:
            for reach in self._reaches.take_of(reaches, applied.position):
                reach.deliver(False)

    def _refuse_all(self) -> None:
        """Give up what is on its way, and refuse all that waits or comes, until `Inbox.accept`."""
        self._outbox.abandon()
        for posting in self._postings.take_all():
            if isinstance(posting, Posting):
                self._refused[posting] = None
            else:
                posting.take(None)
        refused, self._refused = list(self._refused), {}
        self._inbox.refuse([posting.submission for posting in refused])
        self._refuse(refused)

    def _refuse(self, postings: Sequence[Posting]) -> None:
        for posting in postings:
            posting.refuse_rest(RETRY)
            self._answer_one(posting)
        self._inbox.reported([posting.submission for posting in postings])

    def _answer_one(self, posting: Posting) -> None:
        try:
            posting.answer()
        except Exception as error:  # a bug in whoever asked: the others must get their answers all the same
            answer_lost.log_bug(error)

    def _call(self, take: Callable[[T], None], answer: T) -> None:
        try:
            take(answer)
        except Exception as error:
            answer_lost.log_bug(error)


_: type[Following[Applied]] = Replica
