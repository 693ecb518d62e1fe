"""A search without an index: the newest messages are read one by one, a slice for each request.

It is for a journal in memory. Times are those of the messages, and rooms are merged by them.
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from heapq import merge
from itertools import islice

from chatcore.journal.search import Hits, SearchCursor, SearchRequest
from chatcore.messages import Message, Stored

__all__ = ["LINES", "SLICE", "scan"]

LINES = 20_000
"""The newest messages of all rooms together, beyond which nothing is looked for."""

SLICE = 2_000
"""How many are looked at for one request: some twenty milliseconds."""

SLICE_BYTES = 128 * 1024
"""And how much: long texts take as long by their length."""

_Entry = tuple[SearchCursor, Message, Stored]


def scan(epoch: str, newest: Mapping[str, Sequence[Stored]], request: SearchRequest) -> Hits:
    """Search what ``newest`` has of each room, newest first."""
    starts = {room: _start(room, messages, request) for room, messages in newest.items()}
    left = LINES - sum(starts.values())
    entries = merge(*(_entries(newest[room], start) for room, start in starts.items()), reverse=True)
    found: list[Stored] = []
    size = looked_at = 0
    end: SearchCursor | None = None  # of what was looked at
    for cursor, message, stored in islice(entries, max(min(SLICE, left), 0)):
        if cursor.at < request.since:
            return Hits(epoch, tuple(found), None)
        if request.has_place_for(cursor) and request.is_answered_by(message):
            size += len(stored.line)
            if found and size > request.max_bytes:
                return Hits(epoch, tuple(found), end)
            found.append(stored)
        end = cursor
        looked_at += len(stored.line)
        left -= 1
        if len(found) == request.limit or looked_at > SLICE_BYTES:
            break
    more = left > 0 and next(entries, None) is not None
    return Hits(epoch, tuple(found), end if more else None)


def _start(room: str, messages: Sequence[Stored], request: SearchRequest) -> int:
    """Return the index of the first message that lies before the cursor and the time."""
    before = SearchCursor(request.until, "", 0)
    end = before if request.cursor is None else min(before, request.cursor)
    return bisect_left(messages, True, key=lambda stored: SearchCursor.of(stored.message) < end)


def _entries(messages: Sequence[Stored], start: int) -> Iterator[_Entry]:
    for index in range(start, len(messages)):
        message = messages[index].message
        yield SearchCursor.of(message), message, messages[index]
