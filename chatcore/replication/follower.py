"""The reading half of whoever has a state: takes what its log reports, and applies it.

- What was read is applied in groups, each a transaction, and in between all else has its turn.
- It *stops* where it cannot know what follows: the log is another one than it has read, has lost entries that
  it needs, or has entries of a version that it does not know. It applies nothing more then. If
  that was seen by what the log said of itself, it continues when the log says something else.
- When the file fails, what was read waits until it can be used again. A transaction of which it is not known
  whether it is in the file is looked for then.
"""

import contextlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from chatcore.durations import DurationCounter
from chatcore.messages import DurabilityWord
from chatcore.replication import LogEntry, LogListener
from chatcore.replication.fence import UnknownVersion
from chatcore.replication.jobs import JobQueue
from chatcore.replication.machine import Applied, FencedMachine
from chatcore.replication.state import FencedState, Header

__all__ = ["Follower", "FollowerLog", "Following", "ReplicaStatus"]

GROUP: Final = 256
"""The most entries in one transaction."""

GROUP_BYTES: Final = 1024 * 1024
"""About the most bytes of them: some thousands of posts, which a hub shows in one go."""

RETRY: Final = 1.0
"""Seconds between attempts to use a file that failed."""


S = TypeVar("S", bound=FencedState)
H = TypeVar("H", bound=Header)
A = TypeVar("A", bound=Applied)
R = TypeVar("R", bound=Applied, contravariant=True)


class ReplicaStatus(NamedTuple):
    """How one server follows a log.

    ``position`` is the last entry that it has applied, and ``last`` the last that it knows of. ``void`` are
    the entries that did not count, since the start. ``settling`` says that it has given up entries, and does
    not know yet that they can no longer count. ``forked`` says that servers have read different logs, and
    ``stopped`` why this one follows no more, if that is so.
    """

    identity: str
    position: int
    last: int
    void: int
    settling: bool
    forked: str
    stopped: str | None


class Following(Protocol[R]):
    """Whom a follower notifies."""

    def log_opened(self, durability: DurabilityWord) -> None:
        """The log is connected, or connected again, and it is the one that was read."""

    def epoch_began(self) -> None:
        """What was read before belongs to another epoch; entries that follow belong to the one of now."""

    def applied(self, results: Sequence[R]) -> None:
        """Entries were applied, and are in the file."""

    def has_stopped(self) -> None:
        """Nothing more is applied."""


class FollowerLog(Protocol):
    """What a follower says in the log of the program."""

    def stopped(self, reason: str) -> None:
        """It applies nothing more."""

    def continued(self) -> None:
        """It does again."""

    def unwritable(self, error: Exception) -> None:
        """The file has failed."""

    def recovered(self) -> None:
        """The file can be used again."""


class _Opened(NamedTuple):
    identity: str
    first: int
    last: int
    durability: DurabilityWord


class Follower(Generic[S, H, A]):
    """Applies a log to the state that ``open_file`` opens, by the machine that ``new_machine`` makes for it.

    ``clock`` gives seconds that never go back. For one thread, but for what it is as a `LogListener`, and for
    its properties.
    """

    def __init__(
        self,
        open_file: Callable[[], S],
        new_machine: Callable[[S], FencedMachine[S, H, A]],
        jobs: JobQueue,
        log: FollowerLog,
        clock: Callable[[], float],
    ) -> None:
        self._open_file = open_file
        self._new_machine = new_machine
        self._jobs = jobs
        self._log = log
        self._clock = clock
        self._file: S | None = open_file()
        self._machine = new_machine(self._file)
        self._header = self._machine.header
        self._reports: deque[_Opened | LogEntry] = deque()  # in their order
        self._doubtful: list[A] = []  # results of a transaction that failed
        self._next_try = 0.0
        self._problem: str | None = None  # why the file failed, until something was written again
        self._stopped: str | None = None
        self._is_final = False
        self._last = 0
        self._is_forked = bool(self._header.forked)  # as far as it was looked for
        self._commits = DurationCounter()
        self._failures = 0
        self._busy_since: float | None = None

    # --- the log, from its own thread ------------------------------------------------------------

    def opened(self, identity: str, first: int, last: int, durability: DurabilityWord) -> None:
        """Note that the log is connected."""
        self._jobs.put(partial(self._reports.append, _Opened(identity, first, last, durability)))

    def entries(self, entries: Sequence[LogEntry]) -> None:
        """Note entries to be applied; waits where there are many."""
        self._jobs.put_entries(partial(self._reports.extend, list(entries)), _size(entries))

    # --- what it is ------------------------------------------------------------------------------

    @property
    def header(self) -> H:
        """What is known of the log, as it is in the file."""
        return self._header

    @property
    def file(self) -> S | None:
        """The file, or ``None`` between a failure and a recovery."""
        return self._file

    @property
    def stopped(self) -> str | None:
        """Why it has stopped, in words, if it has."""
        return self._stopped

    @property
    def last(self) -> int:
        """The last position of the log that is known."""
        return max(self._last, self._header.position)

    @property
    def commits(self) -> DurationCounter:
        """How often something was applied, and how long that took."""
        return self._commits

    @property
    def failures(self) -> int:
        """How often it could not be."""
        return self._failures

    @property
    def late(self) -> float:
        """How long it has been at what it does with its file now, in seconds."""
        since = self._busy_since
        return 0.0 if since is None else max(self._clock() - since, 0.0)

    def status(self, *, void: int, settling: bool) -> ReplicaStatus:
        """Return how it follows; ``void`` and ``settling`` are what its user knows."""
        header = self._header
        return ReplicaStatus(
            identity=header.identity,
            position=header.position,
            last=self.last,
            void=void,
            settling=settling,
            forked=header.forked,
            stopped=self._stopped,
        )

    @property
    def can_follow(self) -> bool:
        """Whether something was reported that it can apply now."""
        return self._file is not None and bool(self._reports)

    @property
    def next_deadline(self) -> float | None:
        """When `follow` has something to do, if nothing comes."""
        if self._file is None:
            return self._next_try
        return self._clock() if self._reports else None

    # --- what is due -----------------------------------------------------------------------------

    def follow(self, user: Following[A]) -> None:
        """Take some of what was reported."""
        if self._file is None and self._clock() >= self._next_try:
            self._recover(user)
        if self._file is None or not self._reports:
            return
        if isinstance(report := self._reports[0], _Opened):
            self._reports.popleft()
            self._open(report, self._file, user)
        elif self._stopped is not None:
            self._drop(self._next_group())
        else:
            self._apply(self._next_group(), self._file, user)

    def finds_fork(self) -> bool:
        """Tell whether the log is forked now, and was not when this was asked last."""
        was_forked, self._is_forked = self._is_forked, bool(self._header.forked)
        return self._is_forked and not was_forked

    def fail(self, error: Exception) -> None:
        """Close the file, to try again later."""
        if str(error) != self._problem:
            self._log.unwritable(error)
        self._problem = str(error)
        self._failures += 1
        self._next_try = self._clock() + RETRY
        self.close()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _next_group(self) -> list[LogEntry]:
        group: list[LogEntry] = []
        size = 0
        for report in self._reports:
            if isinstance(report, _Opened) or len(group) == GROUP or size > GROUP_BYTES:
                break
            group.append(report)
            size += len(report.data)
        return group

    def _drop(self, entries: Sequence[LogEntry]) -> None:
        """Let go entries that are done with; they are the next ones."""
        for _ in entries:
            self._reports.popleft()
        self._jobs.release(_size(entries))

    # --- the log as a whole ----------------------------------------------------------------------

    def _open(self, log: _Opened, file: S, user: Following[A]) -> None:
        self._last = log.last
        if self._is_final:
            return
        if (reason := self._why_not(log)) is not None:
            self._stop(reason, user)
            return
        if not self._header.identity:
            try:
                with self._at_work(), file.transaction():
                    self._machine.begin(log.identity)
            except Exception as error:
                self._reports.appendleft(log)
                self.fail(error)
                return
            self._note_written()
            self._header = self._machine.header
            user.epoch_began()
        if self._stopped is not None:
            self._stopped = None
            self._log.continued()
        user.log_opened(log.durability)

    def _why_not(self, log: _Opened) -> str | None:
        """Return why a log can't be followed from where the state is."""
        header = self._header
        if header.identity and log.identity != header.identity:
            return f"the log is {log.identity}, and what was read is of {header.identity}"
        if log.last < header.position:
            return f"the log ends with entry {log.last}, and {header.position} were read"
        if log.first > header.position + 1:
            return f"the log begins with entry {log.first}, and only {header.position} were read"
        return None

    def _stop(self, reason: str, user: Following[A], *, for_good: bool = False) -> None:
        self._is_final = self._is_final or for_good
        if self._stopped is None:
            self._stopped = reason
            self._log.stopped(reason)
            user.has_stopped()

    # --- entries ---------------------------------------------------------------------------------

    def _apply(self, entries: list[LogEntry], file: S, user: Following[A]) -> None:
        """Apply entries, up to one after which an epoch begins; then deliver what they did."""
        results: list[A] = []
        done = 0
        reason: str | None = None
        began = self._clock()
        try:
            with self._at_work(), file.transaction():
                for entry in entries:
                    reason = self._apply_one(entry, results)
                    done += 1
                    if reason is not None or (results and results[-1].begins_epoch):
                        break
                self._machine.finish()
        except Exception as error:
            self._doubtful = results
            self.fail(error)
            return
        self._commits.add(self._clock() - began)
        self._note_written()
        self._drop(entries[:done])
        self._deliver(results, user)
        if reason is not None:
            self._stop(reason, user, for_good=True)

    def _apply_one(self, entry: LogEntry, results: list[A]) -> str | None:
        """Apply an entry; return why it can't be, if it can't."""
        machine = self._machine
        following = machine.header.position + 1
        if entry.position > following:
            return f"entries {following} to {entry.position - 1} are missing"
        if entry.position < following:
            return None if machine.recognise(entry) else f"entry {entry.position} is another than was read"
        try:
            results.append(machine.apply(entry))
        except UnknownVersion as unknown:
            return f"entry {entry.position} is of version {unknown.version}, and this knows {machine.version}"
        return None

    def _deliver(self, results: Sequence[A], user: Following[A]) -> None:
        self._header = self._machine.header
        if results:
            user.applied(results)
            if results[-1].begins_epoch:
                user.epoch_began()

    def _recover(self, user: Following[A]) -> None:
        """Try to use the file again, and find out what of the last transaction is in it."""
        doubtful, self._doubtful = self._doubtful, []
        try:
            self._file = file = self._open_file()
            self._machine = self._new_machine(file)
        except Exception as error:
            self._doubtful = doubtful
            self.fail(error)
            return
        if not self._reports:
            self._note_written()
        if doubtful and self._machine.header.position >= doubtful[-1].position:
            self._deliver(doubtful, user)  # its entries come again, and are recognised

    def _note_written(self) -> None:
        """Say that the file can be used again. That it could be opened says little: the disk may be full."""
        if self._problem is not None:
            self._problem = None
            self._log.recovered()

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        """Have others see for how long what is done within takes."""
        self._busy_since = self._clock()
        try:
            yield
        finally:
            self._busy_since = None


def _size(entries: Sequence[LogEntry]) -> int:
    return sum(len(entry.data) for entry in entries)


_: type[LogListener] = Follower[Any, Any, Any]
