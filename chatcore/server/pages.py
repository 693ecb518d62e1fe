"""Pages of the journal, encoded for the wire that they are sent on.

A page is encoded before the lock is taken, in the thread that delivers it: nobody waits for that.
"""

from collections.abc import Callable
from typing import NamedTuple

from chatcore.journal import Page, Unavailable
from chatcore.wire import Wire

__all__ = ["RETRY_SECONDS", "EncodedPage", "encoding"]

RETRY_SECONDS = 1.0
"""How long to wait before a page is read again that could not be encoded, or did not lead further."""


class EncodedPage(NamedTuple):
    """A page, and each of its messages as a wire writes it."""

    page: Page
    data: list[bytes]


def encoding(
    wire: Wire, receive: Callable[[EncodedPage | Unavailable], None]
) -> Callable[[Page | Unavailable], None]:
    """Return what takes a page from a journal, encodes it for a wire, and hands it on."""

    def deliver(page: Page | Unavailable) -> None:
        receive(page if isinstance(page, Unavailable) else _encode(page, wire))

    return deliver


def _encode(page: Page, wire: Wire) -> EncodedPage | Unavailable:
    try:
        return EncodedPage(page, list(map(wire.encode_stored, page.messages)))
    except ValueError:  # a stored line is damaged
        return Unavailable(RETRY_SECONDS)
