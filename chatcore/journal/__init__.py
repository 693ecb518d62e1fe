"""The seam to the durable, ordered record of what was said.

A journal is asynchronous in shape, so that memory, a writer thread with a database and a stream on
another machine fit behind it. It has an order of its own, in which it numbers entries and calls
`Feed`; callers hold no lock, and a feed must not call back into the journal.

Everything that a room shows came through `Feed.committed`: commit first, then deliver.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, Self

from chatcore.messages import DurabilityWord, Message, encode
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson

__all__ = ["Draft", "Entry", "Feed", "Journal", "Outcome", "Page", "Stored", "Unavailable"]


class Draft(NamedTuple):
    """A post that is not in the log yet. ``room`` is folded; room and id are its key."""

    room: str
    id: str
    nick: str
    text: str


class Outcome(NamedTuple):
    """What became of a draft.

    ``stored`` and ``repeat`` come with the ``seq`` of the one entry, ``conflict`` means that the id
    belongs to another text, ``unavailable`` that it is not stored or not known to be.
    """

    kind: Literal["stored", "repeat", "conflict", "unavailable"]
    seq: int = 0
    retry_after: float = 0.0


class Entry(NamedTuple):
    """A message as the tail and pages hold it: encoded for one wire."""

    seq: int
    prev: int
    id: str
    data: bytes


class Stored(NamedTuple):
    """A message in the record, and its entry on the typed wire: it is encoded once, for both."""

    message: Message
    entry: Entry

    @classmethod
    def of(cls, message: Message) -> Self:
        """Encode a message."""
        return cls(message, Entry(message.seq, message.prev, message.id, encode(message)))

    def on(self, wire: Wire) -> Entry:
        """Return the entry as a wire writes it."""
        return self.entry if wire is ndjson else self.entry._replace(data=wire.encode(self.message))


@dataclass(frozen=True, slots=True)
class Page:
    """A stretch of a room's log, oldest entry first.

    It begins behind ``base`` and ends with ``through``, both positions. A reader at position p that
    asked for what follows p and gets a ``base`` above p has met a gap; so has one that gets no
    entries and a ``through`` above p.
    """

    epoch: str
    base: int
    through: int
    entries: tuple[Entry, ...]
    more: bool


@dataclass(frozen=True, slots=True)
class Unavailable:
    """The record cannot be read just now; ``retry_after`` is in seconds."""

    retry_after: float


class Feed(Protocol):
    """Where a journal tells what is in the record. Called in log order, one call at a time."""

    def opened(self, epoch: str, heads: Mapping[str, int]) -> None:
        """A life of the record begins: these rooms (folded) have these last numbers.

        MUST be called before anything else, and again if the record is replaced under live readers.
        """

    def committed(self, messages: Sequence[Stored]) -> None:
        """These messages are now in the record, as safely as the journal's ``durability`` says."""


class Journal(Protocol):
    """The ordered record of all rooms of one hub."""

    durability: DurabilityWord
    dedupe_seconds: float

    def start(self, feed: Feed) -> None:
        """Open the record and begin to tell. Called once, before anything else."""

    def submit(self, drafts: Sequence[Draft], done: Callable[[Sequence[Outcome]], None]) -> None:
        """Ask for drafts to be stored, in this order; callable from any thread.

        ``done`` is called once, from any thread, with an outcome for each. MUST NOT store a draft
        that was submitted before the refusal of an earlier one of the same room was told: a sender
        who is refused sends again, in order. MUST tell refusals in the order of submission: a
        sender's session takes the first that it is told for the first that was refused.
        """

    def read(
        self,
        room: str,
        wire: Wire,
        deliver: Callable[[Page | Unavailable], None],
        *,
        after: int | None = None,
        before: int | None = None,
        limit: int,
        max_bytes: int,
    ) -> None:
        """Read a page behind ``after``, or the last one below ``before``; both are exclusive.

        With both, a page behind ``after`` that ends below ``before``. At most ``limit`` entries and
        ``max_bytes`` encoded bytes, but at least one entry where there is any.
        """

    def seek(self, room: str, back: int, before: int, deliver: Callable[[int | Unavailable], None]) -> None:
        """Find the position behind which the last ``back`` kept entries below ``before`` begin."""

    def close(self) -> None:
        """Finish what was submitted and close the record. Idempotent."""
