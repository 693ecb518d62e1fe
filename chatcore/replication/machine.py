"""What any entry does to a state, whoever it is for: whether it counts, and what is noted of the log.

This reads the entry and the state, and nothing else: no clock, no limits of this server, no chance, no
environment, nothing that depends on a version of Python. The same holds of its subclasses, which know what
entries hold. A test holds all of them to what they import.

- What is no entry of ours, and what is not what ours may hold, is void. So is an entry whose node has read
  something else: then the log is *forked* until an epoch begins with an entry whose node has read the same.
- Time is that of the log: the latest that any entry shows.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final, Generic, TypeVar

from chatcore.replication import LogEntry
from chatcore.replication.fence import Frame, ReadDigest, admits, chained, read_frame
from chatcore.replication.state import FencedState, Header

__all__ = ["SECOND", "Applied", "FencedMachine", "bounded"]

SECOND: Final = 1_000_000
"""The log's time is in microseconds."""

_SWEEP: Final = 60 * SECOND
_PRODUCERS: Final = 86_400 * SECOND  # after so long an entry that comes twice is no longer recognised
_TIME_MAX: Final = 250_000_000_000 * SECOND  # in the year 9892, as microseconds

_EPOCH: Final = re.compile(r"[!-~]{1,64}")


@dataclass(frozen=True, slots=True)
class Applied:
    """What an entry has done. ``node``, ``term`` and ``number`` say whose it is, as far as that can be read.

    A void one has done nothing; ``forks`` says that it is void since its node has read something else.
    """

    position: int
    node: str = ""
    term: int = 0
    number: int = 0
    void: bool = True
    begins_epoch: bool = False
    forks: bool = False


S = TypeVar("S", bound=FencedState)
H = TypeVar("H", bound=Header)
A = TypeVar("A", bound=Applied)


class FencedMachine(ABC, Generic[S, H, A]):
    """Applies entries to a state, one after the other, each within a transaction of the state's.

    If a transaction fails, make another one: this has gone on. A subclass has the ``version`` of the entries
    that it applies, and makes headers and results by `new_header` and `new_applied`.
    """

    version: ClassVar[int]

    def __init__(self, state: S, header: H) -> None:
        self._state = state
        self.header = self._noted = header

    def begin(self, identity: str) -> None:
        """Begin to read a log, with a state that has read none."""
        self.header = self._noted = self.new_header(identity)
        self._state.note(self.header)

    def apply(self, entry: LogEntry) -> A:
        """Apply the entry that is next; raises `UnknownVersion`, and then nothing has changed."""
        if entry.position != self.header.position + 1:
            raise ValueError(f"{entry.position} does not follow {self.header.position}")
        frame = read_frame(entry.data, self.version)
        is_ours = frame is not None and self._is_content(frame.content)
        self._move(entry)
        if frame is None or not is_ours:
            return self.new_applied(Applied(entry.position))
        applied = Applied(entry.position, frame.node, frame.term, frame.number)
        if words := self._differs(frame.seen, entry.position):
            self.header = replace(self.header, forked=words)
            return self.new_applied(replace(applied, forks=True))
        if not admits(self._state.producer(frame.node), frame.term, frame.number):
            return self.new_applied(applied)
        self._state.note_producer(frame.node, frame.term, frame.number + 1, self.header.now)
        return self._do(frame, entry, replace(applied, void=False))

    def recognise(self, entry: LogEntry) -> bool:
        """Tell whether an entry that was applied before is the one that it was, as far as that is known."""
        before, then = self._state.digest_at(entry.position - 1), self._state.digest_at(entry.position)
        return before is None or then is None or chained(before, entry) == then

    def finish(self) -> None:
        """Note where it is, at the end of a transaction."""
        self._state.note(self.header, self._noted)
        self._noted = self.header

    def sweep(self) -> None:
        """Forget what is too old, and nodes of which nothing comes any more."""
        self._state.forget_producers(self.header.now - _PRODUCERS)
        self.forget_old()

    # --- what a subclass knows -------------------------------------------------------------------

    @abstractmethod
    def new_header(self, identity: str) -> H:
        """Return what is known of a log of which nothing was read."""

    @abstractmethod
    def new_applied(self, applied: Applied) -> A:
        """Return what an entry has done so far."""

    @abstractmethod
    def is_content(self, content: Mapping[str, Any]) -> bool:
        """Tell whether an entry holds one thing, and all of it as it should be; it is no epoch."""

    @abstractmethod
    def do(self, content: Mapping[str, Any], entry: LogEntry, applied: A) -> A:
        """Do what an entry that counts holds."""

    def let_time_pass(self) -> None:
        """Do what the time of the log brings; it is called with each entry, before what that does."""

    def forget_old(self) -> None:
        """Forget what is too old; it is called by `sweep`."""

    # --- any entry -------------------------------------------------------------------------------

    def _is_content(self, content: Mapping[str, Any]) -> bool:
        match content:
            case {"epoch": epoch, **rest}:
                return not rest and isinstance(epoch, str) and _EPOCH.fullmatch(epoch) is not None
            case _:
                return self.is_content(content)

    def _do(self, frame: Frame, entry: LogEntry, applied: Applied) -> A:
        match frame.content:
            case {"epoch": epoch}:
                self.header = replace(self.header, epoch=epoch, forked="")
                return self.new_applied(replace(applied, begins_epoch=True))
            case _:
                return self.do(frame.content, entry, self.new_applied(applied))

    def _differs(self, seen: ReadDigest, position: int) -> str:
        """Return how what a server has read differs from what was read here, in words, if it does."""
        if seen.position >= position:
            return f"entry {position} is of a server that has read {seen.position} entries"
        if self._state.digest_at(seen.position) in (None, seen.digest):
            return ""
        return f"entry {position} is of a server that has read something else up to entry {seen.position}"

    def _move(self, entry: LogEntry) -> None:
        """Note the entry, and let time pass."""
        header = self.header
        digest = chained(header.digest, entry)
        now = max(header.now, bounded(entry.at))
        self.header = replace(header, position=entry.position, digest=digest, now=now)
        self._state.keep_digest(entry.position, digest)
        self.let_time_pass()
        if now // _SWEEP > header.swept:
            self.header = replace(self.header, swept=now // _SWEEP)
            self.sweep()


def bounded(at: int) -> int:
    """Return a time of the log within what can be written as a date."""
    return min(max(at, 0), _TIME_MAX)
