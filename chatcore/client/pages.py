"""Pages of history, and the law of reading in them.

From ``base`` on, messages and gaps each begin where the one before ended. A first gap that ends at ``base``
says what of the request has expired. A page that breaks this is a `ProtocolError`.
"""

from chatcore.client.positions import Entry, ends_of
from chatcore.errors import ProtocolError
from chatcore.messages import Gap, History, Page
from chatcore.names import fold

__all__ = ["check_page", "entries_of"]


def entries_of(page: Page) -> list[Entry]:
    """Return the messages and gaps of a page, in their order; raises `ProtocolError` if they do not fit."""
    entries: list[Entry] = [
        Gap(room=page.room, after=gap.after, through=gap.through, reason=gap.reason)
        for gap in page.gaps or ()
    ]
    entries = sorted([*entries, *page.messages], key=lambda entry: ends_of(entry)[1])
    first = entries[0] if entries else None
    at = first.after if isinstance(first, Gap) and first.through == page.base else page.base
    for entry in entries:
        start, end = ends_of(entry)
        if start != at or end <= start or fold(entry.room) != fold(page.room):
            raise ProtocolError(f"a page of {page.room} has a {entry.type} after {start}, not after {at}")
        at = end
    return entries


def check_page(page: Page, asked: History) -> list[Entry]:
    """Return the entries of the page that was asked for; raises `ProtocolError` if it is another one."""
    entries = entries_of(page)
    if fold(page.room) != fold(asked.room) or len(page.messages) > (asked.limit or len(page.messages)):
        raise ProtocolError(f"a page of {page.room} is not the one that we asked for")
    if asked.epoch is None or asked.epoch == page.epoch:  # else our numbers mean nothing in it
        _check_bounds(page, asked, entries)
    return entries


def _check_bounds(page: Page, asked: History, entries: list[Entry]) -> None:
    after, before = asked.after, asked.before
    start, first = ends_of(entries[0]) if entries else (page.base, None)
    if after is not None and (start > after or (first is not None and first <= after)):
        raise ProtocolError(f"a page of {page.room} begins after {start}, and we asked after {after}")
    last = page.messages[-1].seq if page.messages else 0
    if before is not None and last >= max(before, 1):
        raise ProtocolError(f"a page of {page.room} ends with {last}, and we asked before {before}")
