"""Loading what is not on the screen, one page after the other: older messages, and the server's rooms."""

from collections.abc import Callable, Container, Iterable
from datetime import datetime
from typing import Any

from chatcore import Gap, Message, Page, RoomEntry, fold
from cli.terminal.rooms import Entry, Older, Rest, RoomView, end_of
from transports.asyncio_tcp import Chat

__all__ = ["entries_of", "messages_since", "older_messages", "other_rooms"]

PAGE = 200
"""Messages in one request."""

MOST_SINCE = 1_000
"""Messages that are loaded from a time on. If there are more, the user can ask for the rest."""

MOST_CHARS = 4_000_000
"""Text that is loaded at most: all of it is in memory before the first line is drawn."""

MOST_ROOMS = 100
"""Rooms that are listed: what a person looks through."""


async def older_messages(chat: Chat, room: RoomView, count: int, report: Callable[[int], None]) -> Older:
    """Return up to ``count`` messages from before those that were shown, and the gaps between them.

    A gap counts as a message. ``report`` is called after each page with the number so far. Raises
    `RefusedError` if the server refuses a page, and the `ChatError` that ended the connection.
    """
    entries: list[Entry] = []
    oldest = room.oldest
    while len(entries) < count and _chars(entries) < MOST_CHARS:
        page = await chat.history(room.name, before=oldest, limit=min(count - len(entries), PAGE))
        if page.epoch != room.epoch or _end(page) >= oldest:
            break
        entries = [*entries_of(page), *entries]
        report(len(entries))
        stuck, oldest = page.base + 1 == oldest, page.base + 1
        if not page.more:
            return Older(entries, oldest, Rest.EXPIRED if _is_cut(page) else Rest.NONE)
        if stuck:
            break
    return Older(entries, oldest, Rest.MORE)


async def messages_since(chat: Chat, room: RoomView, since: datetime, report: Callable[[int], None]) -> Older:
    """Return the messages from a time on, up to those that were shown, as `older_messages` does.

    If there are too many, it returns the first of them: others lie between them and those that were shown.
    """
    entries: list[Entry] = []
    position, oldest, rest = 0, room.oldest, Rest.MORE
    lower: dict[str, Any] = {"after_at": since}
    while len(entries) < MOST_SINCE and _chars(entries) < MOST_CHARS:
        page = await chat.history(room.name, before=room.oldest, limit=PAGE, **lower)
        new = entries_of(page)
        if page.epoch != room.epoch or page.base < position or _end(page) >= room.oldest:
            break
        if not entries and new:
            oldest, rest = page.base + 1, Rest.EXPIRED if _is_cut(page) else Rest.MORE
        entries += new
        report(len(entries))
        if not page.more:
            return Older(entries, oldest, rest)
        if not new or end_of(new[-1]) <= position:
            break
        position = end_of(new[-1])
        lower = {"after": position}
    return Older(entries, room.oldest, Rest.BETWEEN)


async def other_rooms(chat: Chat, start: str, ours: Container[str]) -> tuple[list[RoomEntry], bool]:
    """Return the server's rooms whose names begin with ``start``, and whether there are more of them.

    Those in ``ours``, by folded name, are left out. Raises as `older_messages` does.
    """
    found: list[RoomEntry] = []
    last = ""
    while len(found) <= MOST_ROOMS:
        page = await chat.list_rooms(after=last or None, prefix=fold(start) or None, limit=MOST_ROOMS)
        found += [entry for entry in page.rooms if fold(entry.room) not in ours]
        before, last = last, page.rooms[-1].room if page.rooms else ""
        if not page.more or last <= before:
            break
    return found[:MOST_ROOMS], len(found) > MOST_ROOMS


def entries_of(page: Page) -> list[Entry]:
    """Return the messages of a page, and a gap for what cannot be read between them."""
    gaps = [
        Gap(room=page.room, after=gap.after, through=gap.through, reason=gap.reason)
        for gap in page.gaps or ()
        if gap.through > page.base
    ]
    return sorted([*page.messages, *gaps], key=end_of)


def _end(page: Page) -> int:
    """Return the number of the last entry of a page."""
    return max([page.base, *map(end_of, entries_of(page))])


def _is_cut(page: Page) -> bool:
    """Tell whether what came before a page was asked for, and is no longer stored."""
    return any(gap.through <= page.base for gap in page.gaps or ())


def _chars(entries: Iterable[Entry]) -> int:
    return sum(len(entry.text) for entry in entries if isinstance(entry, Message))
