"""Pages of the journal, encoded for the wire that they are sent on.

A page is encoded before the lock is taken, in the thread that delivers it: nobody waits for that.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import NamedTuple

from chatcore.journal import Page, PageGap, Stored, Unavailable
from chatcore.wire import Wire

__all__ = ["RETRY_SECONDS", "EncodedPage", "encoding"]

RETRY_SECONDS = 1.0
"""How long to wait before a page is read again that did not lead further."""


class EncodedPage(NamedTuple):
    """A page, and each of its messages as a wire writes it."""

    page: Page
    data: list[bytes]


def encoding(
    wire: Wire, receive: Callable[[EncodedPage | Unavailable], None]
) -> Callable[[Page | Unavailable], None]:
    """Return what takes a page from a journal, encodes it for a wire, and hands it on.

    A message that the wire cannot encode, because its line is damaged, is a gap of the page, and a run of
    them is one.
    """

    def deliver(page: Page | Unavailable) -> None:
        receive(page if isinstance(page, Unavailable) else _encode(page, wire))

    return deliver


def _encode(page: Page, wire: Wire) -> EncodedPage:
    try:
        return EncodedPage(page, list(map(wire.encode_stored, page.messages)))
    except ValueError:  # a line is damaged, and the journal has not noticed
        return _without_damaged(page, wire)


def _without_damaged(page: Page, wire: Wire) -> EncodedPage:
    messages, data, gaps = list[Stored](), list[bytes](), list(page.gaps)
    for stored in page.messages:
        try:
            data.append(wire.encode_stored(stored))
            messages.append(stored)
        except ValueError:
            gaps.append(PageGap(after=stored.prev, through=stored.seq, reason="damaged"))
    return EncodedPage(replace(page, messages=tuple(messages), gaps=tuple(_joined(gaps))), data)


def _joined(gaps: list[PageGap]) -> Iterator[PageGap]:
    """Put gaps in order, and make those one that follow each other for the same reason."""
    one: PageGap | None = None
    for gap in sorted(gaps, key=lambda gap: gap.through):
        if one is not None and (one.through, one.reason) == (gap.after, gap.reason):
            gap = one.model_copy(update={"through": gap.through})
        elif one is not None:
            yield one
        one = gap
    if one is not None:
        yield one
