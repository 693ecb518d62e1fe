"""The seam to journals that can search: a journal that has a method `search` is one.

Results are whole messages, newest first: by time, then by room and number. Pages of them go on from a
`SearchCursor`, which names the entry that a page ended with, so every journal can go on from any cursor.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol, Self, runtime_checkable

from chatcore.journal import Journal, Unavailable
from chatcore.messages import Message, Stored
from chatcore.names import fold
from chatcore.terms import Item, matches, terms

__all__ = [
    "END_OF_TIME",
    "Answer",
    "Hits",
    "SearchCursor",
    "SearchRequest",
    "SearchableJournal",
    "Unsearchable",
    "can_search",
    "microseconds",
    "search",
]

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)

_NUMBER_MAX = 2**63 - 1

END_OF_TIME = _NUMBER_MAX
"""A time in microseconds that no message reaches."""


def microseconds(at: datetime) -> int:
    """Return the microseconds from 1970 to a time, which has a zone."""
    since = at - _BEGINNING
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


class SearchCursor(NamedTuple):
    """Where a page of results ended: the time of an entry in microseconds, its room (folded) and number."""

    at: int
    room: str
    seq: int

    @classmethod
    def of(cls, message: Message) -> Self:
        """Return the one of a message."""
        return cls(microseconds(message.at), message.room, message.seq)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what `str` writes; raises `ValueError` if that is not what it is."""
        at, _, rest = text.partition(".")
        room, _, seq = rest.rpartition(".")
        if not (_is_number(at.removeprefix("-")) and room and _is_number(seq)):
            raise ValueError("not a cursor")
        return cls(int(at), room, int(seq))

    def __str__(self) -> str:
        return f"{self.at}.{self.room}.{self.seq}"


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20 and int(text) <= _NUMBER_MAX


@dataclass(frozen=True, slots=True)
class SearchRequest:
    """What is looked for, in which part of which rooms.

    ``rooms`` gives for each room, by folded name, two numbers between which a result lies, both exclusive.
    Its time, in microseconds since 1970, is at least ``since`` and below ``until``. ``items`` are those of
    `chatcore.terms.parse_query`, and ``nick`` is folded; at least one of the two is given. With a ``cursor``,
    results follow that. There are at most ``limit``, of ``max_bytes`` in all, but at least one if there is
    any.
    """

    rooms: Mapping[str, tuple[int, int]]
    items: tuple[Item, ...] = ()
    nick: str | None = None
    since: int = -END_OF_TIME
    until: int = END_OF_TIME
    cursor: SearchCursor | None = None
    limit: int = 50
    max_bytes: int = 65_536

    def has_place_for(self, cursor: SearchCursor) -> bool:
        """Tell whether an entry lies where this looks."""
        after, before = self.rooms.get(cursor.room, (0, 0))
        if self.cursor is not None and cursor >= self.cursor:
            return False
        return after < cursor.seq < before and self.since <= cursor.at < self.until

    def is_answered_by(self, message: Message) -> bool:
        """Tell whether a message has what is looked for, wherever it is."""
        if self.nick is not None and fold(message.nick) != self.nick:
            return False
        return not self.items or matches(self.items, terms(message.text))


@dataclass(frozen=True, slots=True)
class Hits:
    """Results, newest first, all of one epoch. With a ``cursor`` there may be more, also after none."""

    epoch: str
    messages: tuple[Stored, ...]
    cursor: SearchCursor | None


@dataclass(frozen=True, slots=True)
class Unsearchable:
    """This will not be answered, however often it is asked; ``words`` say why."""

    words: str


Answer = Hits | Unavailable | Unsearchable
"""What a search comes to."""


@runtime_checkable
class SearchableJournal(Protocol):
    """A journal that can search, unless that is turned off: then it answers `Unsearchable`."""

    @property
    def can_search(self) -> bool:
        """Whether a search is worth a try, now or later. From any thread."""

    def search(self, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
        """Look for messages.

        What the feed was told of before is found, or this is `Unavailable`. A page may be short, even empty,
        with a ``cursor``: a journal MUST bound the work for one request, and each page leads further than
        the one before. ``deliver`` is called once, from any thread.
        """


def can_search(journal: Journal) -> bool:
    """Tell whether a journal has anything to search with."""
    return isinstance(journal, SearchableJournal) and journal.can_search


def search(journal: Journal, request: SearchRequest, deliver: Callable[[Answer], None]) -> None:
    """Search a journal, or answer that it can't."""
    if isinstance(journal, SearchableJournal):
        journal.search(request, deliver)
    else:
        deliver(Unsearchable("this server cannot search"))
