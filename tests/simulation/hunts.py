"""A search of the simulation: what the journal finds, and what its results may be, judged against the record.

Texts begin with the name of who wrote them and a number, ``t3.14.``, and what is searched is such a name. So
whether a text is one that is looked for is seen without knowing what words are.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import accumulate
from random import Random

from chatcore.journal import Stored
from chatcore.journal.search import Hits, SearchCursor, SearchRequest
from tests.protocol.frames import Found, Message, Search
from tests.simulation.law import Reader
from tests.simulation.record import Log, Record
from tests.simulation.step import expect

__all__ = ["Hunt", "hits"]


def hits(epoch: str, logs: Mapping[str, Log], request: SearchRequest, random: Random) -> Hits:
    """Search the logs of an epoch; a page may be short, or empty, and have a cursor."""
    (item,) = request.items
    entries = sorted(
        (SearchCursor.of(message), message)
        for room in request.rooms
        if (log := logs.get(room)) is not None
        for message in log.readable(log.expired, len(log.messages))
        if message.text.startswith(f"{item.terms[0]}.") and request.has_place_for(SearchCursor.of(message))
    )[::-1]
    stored = [Stored.of(message) for _, message in entries]
    sizes = accumulate(len(each.line) for each in stored)
    fits = max(sum(size <= request.max_bytes for size in sizes), 1)
    few = min(random.choice((0, 1, request.limit)), request.limit, fits)
    if few >= len(entries):
        return Hits(epoch, tuple(stored), None)
    # No result lies before the first, so a page without any may end right there.
    end = entries[few - 1][0] if few else entries[0][0]._replace(seq=entries[0][0].seq + 1)
    if end == request.cursor:  # but each page leads further
        few, end = 1, entries[0][0]
    return Hits(epoch, tuple(stored[:few]), end)


@dataclass
class Hunt:
    """A search, page after page, and what was found."""

    query: str
    room: str | None
    limit: int | None
    lives: tuple[str, ...]  # of the record, when it began
    inside: dict[str, tuple[Reader, int]]  # the rooms that it began in, and what was told of them
    cursor: str | None = None
    found: list[Message] = field(default_factory=list)

    @classmethod
    def begin(cls, record: Record, readers: Mapping[str, Reader], asked: Search) -> "Hunt":
        """Begin to search."""
        inside = {room: (reader, record.log(room).told) for room, reader in readers.items()}
        return cls(asked.query or "", asked.room, asked.limit, tuple(record.lives), inside)

    def judge(self, record: Record, page: Found, readers: Mapping[str, Reader]) -> None:
        """Judge a page: all of it is what the record holds and what is looked for, behind what was found."""
        expect(page.room == self.room, page, "is not of", self.room)
        expect(len(page.messages) <= (self.limit or 50), page, "is too long")
        expect(page.cursor is None or page.cursor != self.cursor, page, "leads nowhere")
        for message in page.messages:
            held = record.find(message.room, message.id)
            lives = [record.log(message.room, epoch) for epoch in held if held[epoch] == message]
            expect(bool(lives), message, "is not what the record holds")
            expect(message.text.startswith(f"{self.query}."), message, "was not looked for:", self.query)
            known = max(log.known for log in lives)
            expect(message.seq <= known, message, "was found before the journal told of it")
        if self.found and page.messages:
            expect(_place(page.messages[0]) < _place(self.found[-1]), page, "is not behind", self.found[-1])
        self.cursor = page.cursor
        self.found += page.messages
        if page.cursor is None and tuple(record.lives) == self.lives and record.epoch == self.lives[-1]:
            self._judge_all(record, readers)

    def _judge_all(self, record: Record, readers: Mapping[str, Reader]) -> None:
        """Judge that nothing is missing of the rooms that it was in all the time."""
        ids = {(message.room, message.id) for message in self.found}
        for room, (reader, told) in self.inside.items():
            if readers.get(room) is not reader or self.room not in (None, room):
                continue
            log = record.log(room)
            for stored in log.readable(log.expired, log.index_after(told)):
                wanted = stored.text.startswith(f"{self.query}.")
                expect(not wanted or (room, stored.id) in ids, "a search for", self.query, "lacks", stored)


def _place(message: Message) -> tuple[str, str, int]:
    return message.at, message.room, message.seq
