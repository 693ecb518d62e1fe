"""Pages of history, the law of reading in them, and what was found.

From ``base`` on, messages and gaps each begin where the one before ended. A first gap that ends at ``base``
says what of the request has expired. A page that breaks this is a `ProtocolError`.
"""

from chatcore.client.positions import Entry, ends_of
from chatcore.errors import ProtocolError
from chatcore.messages import ClientFrame, Found, Gap, History, Page, Search, ServerFrame
from chatcore.names import fold

__all__ = ["check_answer", "check_page", "entries_of"]

RESULTS_MAX = 100
"""Messages of one answer to a search."""


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


def check_answer(answer: ServerFrame, asked: ClientFrame | None) -> None:
    """Check that a page or what was found is what was asked for; raises `ProtocolError` if it is not."""
    if isinstance(answer, Page) and isinstance(asked, History):
        check_page(answer, asked)
    elif isinstance(answer, Found) and isinstance(asked, Search):
        _check_found(answer, asked)


def _check_found(found: Found, asked: Search) -> None:
    """Check results. A page has to lead further, or whoever asks for the next would do so forever."""
    if asked.room is not None and any(fold(each.room) != fold(asked.room) for each in found.messages):
        raise ProtocolError(f"a search in {asked.room} found messages of other rooms")
    if len(found.messages) > (asked.limit or RESULTS_MAX):
        raise ProtocolError("a search found more messages than we asked for")
    if found.cursor is not None and found.cursor == asked.cursor:
        raise ProtocolError("a search does not lead further")


def _check_bounds(page: Page, asked: History, entries: list[Entry]) -> None:
    after, before = asked.after, asked.before
    start, first = ends_of(entries[0]) if entries else (page.base, None)
    if after is not None and (start > after or (first is not None and first <= after)):
        raise ProtocolError(f"a page of {page.room} begins after {start}, and we asked after {after}")
    last = page.messages[-1].seq if page.messages else 0
    if before is not None and last >= max(before, 1):
        raise ProtocolError(f"a page of {page.room} ends with {last}, and we asked before {before}")
