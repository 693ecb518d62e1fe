"""The seam to journals: where the log of every room is stored, durably and in one order.

This module is public, for those who write a journal. A journal is asynchronous in shape, so that memory, a
thread with a database and a stream on another machine all fit. It has an order of its own, in which it
numbers messages and calls its `Feed`. Callers hold no lock, and a feed must not call back into the journal.

Everything that a room shows came through `Feed.committed`: commit first, then deliver.

A journal knows no wires. It stores lines (`chatcore.messages.Stored`), and whoever reads a page encodes it.

Three come with it: `memory`, and the packages `sqlite` and `replicated`, which several servers share. Read
`memory` first: it is the contract in few lines.
`times` says how times are compared. `search` is what a journal may do besides: `scan` does it by reading.
Another such thing is `statistics`, what it has counted.

``chat server --journal NAME:ARGUMENT`` finds a journal by its name among the entry points of the group
``chat.journals``, each of which names an object that is a `JournalKind`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import EntryPoint, entry_points
from typing import NamedTuple, Protocol

from chatcore.limits import HistoryLimits
from chatcore.messages import DurabilityWord, PageGap, Stored

__all__ = [
    "GROUP",
    "Conflict",
    "Draft",
    "DurabilityWord",
    "Feed",
    "Head",
    "Journal",
    "JournalKind",
    "Outcome",
    "Page",
    "PageGap",
    "Place",
    "Posted",
    "RoomPage",
    "RoomRecord",
    "Stored",
    "Unavailable",
    "always",
    "find_journals",
    "load_journal",
]

GROUP = "chat.journals"
"""The group of entry points in which journals are found."""


def always() -> bool:
    """Say yes: what is submitted stays valid, since its sender never sends again."""
    return True


Posted = tuple[str | None, int | None, str]
"""What was posted: kind, target and text."""


class Draft(NamedTuple):
    """A post that is not in the log yet. ``room`` is folded; room and id are its key.

    ``author`` is the account that posts it, if any. A durable journal stores it with the message: later it
    could not be found out, since a nick proves nothing.

    ``posted`` is what was posted, where that is not what is to be stored, because a gate rewrote it. Whether
    an id that comes again is a repeat is decided from what was posted.
    """

    room: str
    id: str
    nick: str
    text: str
    kind: str | None = None
    target: int | None = None
    author: str | None = None
    posted: Posted | None = None


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The journal cannot be read now, or a draft is not stored, or not known to be.

    ``retry_after`` is in seconds.
    """

    retry_after: float


@dataclass(frozen=True, slots=True)
class Conflict:
    """The id of a draft belongs to something else that was posted."""


Outcome = int | Conflict | Unavailable
"""What became of a draft: the ``seq`` of the one message with its id, new or not, or why there is none."""


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a room's log, oldest message first.

    It begins after ``base`` and ends with ``through``; both are positions. A reader at position p that
    asked for what follows p has met a gap if ``base`` is above p, or if there are no messages and
    ``through`` is above p. ``more`` says that there are more in the direction of reading.

    ``oldest`` is the position before the oldest message that is stored, in the answer to a request with
    ``after_at``; otherwise it may be missing.

    ``gaps``, in order, are what is stored between the two but cannot be read, such as damaged messages.
    Messages and gaps follow each other without a hole: each begins, with its ``prev`` or ``after``, where
    the one before it ended. A page may hold gaps only.
    """

    epoch: str
    base: int
    through: int
    messages: tuple[Stored, ...]
    more: bool
    gaps: tuple[PageGap, ...] = ()
    oldest: int | None = None


class Head(NamedTuple):
    """The last position of a room that has been reported, and the epoch it belongs to."""

    epoch: str
    seq: int


class Place(NamedTuple):
    """Where the last stored messages before a number begin: the answer of `Journal.seek`.

    ``epoch`` is the one that all of it belongs to. ``position`` is where they begin. ``oldest`` is the
    position before the oldest message that is stored. ``skipped`` is how many messages are stored between the
    later of ``oldest`` and the ``after`` that was asked with, and ``position``; ``None`` where that is not
    known.
    """

    epoch: str
    position: int
    oldest: int
    skipped: int | None


class RoomRecord(NamedTuple):
    """A room that has held a message and was not removed.

    ``at`` is the time of its last message, ``None`` only where that has expired and nobody noted it.
    """

    room: str
    head: int
    at: datetime | None


class RoomPage(NamedTuple):
    """Rooms in the order of their folded names; ``more`` says that there are more after the last."""

    rooms: tuple[RoomRecord, ...]
    more: bool


class Feed(Protocol):
    """Where a journal reports what is in the log. Called in log order, one call at a time."""

    @property
    def tail_bytes(self) -> int:
        """Bytes of the newest lines of a room that readers get without the journal.

        Whoever is a moment late asks for what has just left them. A journal that stores less of a room than
        that answers with a gap.
        """

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """An epoch begins; ``head`` tells the last number of a room (folded) in it, during this call only.

        MUST be called before anything else, and again if the log is replaced while there are readers.
        """

    def committed(self, messages: Sequence[Stored]) -> None:
        """These messages are in the log now, as safely as the journal's ``durability`` says."""


class Journal(Protocol):
    """The log of all rooms of one hub."""

    durability: DurabilityWord
    """How safe a stored message is; acks say so. Known once the journal is started."""

    dedupe_seconds: float
    """How long an id is remembered after its message has expired. Known once the journal is started."""

    def start(self, feed: Feed) -> None:
        """Open the log and begin to report. Called once, before anything else.

        Raises `JournalError` where it cannot be opened.
        """

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = ...,
    ) -> None:
        """Ask for drafts to be stored, in this order; callable from any thread.

        ``done`` is called once, from any thread, with an outcome for each draft.

        A sender that is refused sends again, in order. So a journal MUST NOT store a draft that was
        submitted before the refusal of an earlier one of the same room was reported. It MUST report
        refusals in the order of submission: a session takes the first refusal that is reported for the
        first that happened.

        Between a sender's decision to submit and this call, a refusal may be reported. So a journal MUST
        ask ``still_valid`` where it puts the drafts into its order, such that no refusal is reported
        between the two, and refuse all of them as `Unavailable` where it says no.
        """

    def read(
        self,
        room: str,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Read a page between a lower and an upper bound.

        The lower is ``after``, which is exclusive, or ``after_at``, a time whose whole millisecond is
        included. The upper is ``before`` or ``before_at``, both exclusive, or the lower of the two. With a
        lower bound the page starts there; without one it ends at the upper bound, or at the head.

        A page has at most ``limit`` messages, and lines of at most ``max_bytes`` bytes in all, where a gap
        counts as 64, but at least one message or gap where there is any. ``deliver`` is called once, from any
        thread.

        A journal MUST NOT hand out a message that is not what was stored: that is a gap in the page. Nor may
        it be `Unavailable` forever because of one.
        """

    def seek(
        self,
        room: str,
        back: int,
        before: int,
        deliver: Callable[[Place | Unavailable], None],
        *,
        after: int = 0,
    ) -> None:
        """Find the position after which the last ``back`` stored messages before ``before`` begin.

        ``after`` is the position of a reader that leaves out what is stored between the two.
        ``deliver`` is called once, from any thread.
        """

    def head(self, room: str, deliver: Callable[[Head | Unavailable], None]) -> None:
        """Answer the last position of a room, 0 if it has never held a message.

        It MUST NOT be below what the feed was told of before the call. A message that is reported later may
        be at or below it: whoever asked passes over that one. ``deliver`` is called once, from any thread.
        """

    def rooms(
        self, deliver: Callable[[RoomPage | Unavailable], None], *, after: str | None, prefix: str, limit: int
    ) -> None:
        """List rooms whose folded names come after ``after`` and begin with ``prefix``, ``limit`` at most.

        ``deliver`` is called once, from any thread.
        """

    def remove_room(self, room: str, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Remove what is stored of a room; answer whether there was such a room.

        The room keeps its head and the time of its last message, as if all of it had expired, so that its
        numbers never mean something else. ``deliver`` is called once, from any thread.
        """

    def reach(self, room: str, seq: int, deliver: Callable[[bool | Unavailable], None]) -> None:
        """Wait until the feed was told of a position that a reader knows; answer whether there is one.

        A journal that several machines share may know of entries that it has not reported here yet: a
        reader who comes from another machine is ahead. True MUST be answered after the call of
        `Feed.committed`, or `Feed.opened`, that reaches ``seq``, and false only where the log of this epoch
        itself ends before it. A single node knows that immediately. ``deliver`` is called once, from any
        thread; whoever asks waits for a few seconds only.
        """

    def close(self) -> None:
        """Finish what was submitted and close the log. Idempotent."""


class JournalKind(Protocol):
    """A way to store messages, which ``chat server`` finds by name."""

    @property
    def name(self) -> str:
        """The name of its entry point."""

    @property
    def summary(self) -> str:
        """What it is, in one line, for ``chat journals``."""

    def open(self, argument: str, limits: HistoryLimits) -> Journal:
        """Return a journal that is not started yet.

        ``argument`` is what follows the name and a colon in ``--journal``, empty if nothing does. Raises
        `UsageError` that says how to write it.
        """


def find_journals() -> dict[str, EntryPoint]:
    """Return what is installed, by name. Nothing is imported yet, so nothing can fail yet."""
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def load_journal(point: EntryPoint) -> JournalKind:
    """Import a journal; raises whatever its module raises."""
    kind: JournalKind = point.load()
    return kind
