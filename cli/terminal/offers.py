"""Lines of the user that nothing sends by itself any more, and what their owner decides.

Each is offered under a number. Sending one again uses its id, which is never worse than a new one: if the
server still knows that, the line is there once. `KnownIds` finds out whether it surely does.
"""

from collections.abc import Iterator
from typing import NamedTuple

from chatcore import RefusedError, UsageError, fold
from cli.state.remembered import UnsentLine
from cli.terminal.excerpt import excerpt
from transports.asyncio_tcp import Chat

__all__ = ["ALL", "KnownIds", "Offer", "Offers"]

ALL = "all"
"""What the user types instead of a number."""


MOST_CHECKS = 20
"""Questions to the server about that, all in all. Where nobody has asked, it may have forgotten."""


class Offer(NamedTuple):
    """A line that its owner may send again. If the server may have forgotten its id, it may appear twice."""

    number: int
    line: UnsentLine
    forgotten: bool

    def describe(self, when: str, room: str | None) -> str:
        """Return it in words: ``when`` it was typed, in which room if that is another one, and what to do.

        An empty room is none: it was not known yet where the line would be said.
        """
        where = "" if room is None else f" in {room}" if room else " between two rooms"
        what = f"/resend {self.number}, /drop {self.number}"
        twice = "; it may appear twice then" if self.forgotten else ""
        return f"not sent {when}{where}: {excerpt(self.line.shown)}; {what}{twice}"


class Offers:
    """What is offered, by its number."""

    def __init__(self) -> None:
        self._offers: dict[int, Offer] = {}

    def __len__(self) -> int:
        return len(self._offers)

    def __iter__(self) -> Iterator[Offer]:
        return iter(self._offers.values())

    def add(self, line: UnsentLine, *, forgotten: bool) -> Offer:
        """Offer a line; one that was offered before keeps its number."""
        known = (offer.number for offer in self if offer.line.id == line.id)
        number = next(known, max(self._offers, default=0) + 1)
        offer = self._offers[number] = Offer(number, line, forgotten)
        return offer

    def choose(self, wanted: str) -> list[Offer]:
        """Return what is meant by a number, by `ALL`, or by nothing if there is only one; else nothing."""
        if wanted == ALL or (not wanted and len(self._offers) == 1):
            return list(self)
        offer = self._offers.get(int(wanted)) if wanted else None
        return [] if offer is None else [offer]

    def remove(self, offer: Offer) -> None:
        """Offer a line no longer. Idempotent."""
        self._offers.pop(offer.number, None)

    def settle(self, line: UnsentLine) -> None:
        """Offer a line no longer, if it is offered."""
        for offer in [offer for offer in self if offer.line.id == line.id]:
            self.remove(offer)


class KnownIds:
    """Finds out which ids the server surely knows, in case it has stored the lines that have them.

    It does while nothing has expired of what was said since the line was typed: ids live as long as their
    messages. No clocks are compared.
    """

    def __init__(self, chat: Chat) -> None:
        self._chat = chat
        self._complete: dict[tuple[str, str], int] = {}  # after which number nothing is missing, in an epoch
        self._left = MOST_CHECKS

    async def may_lack(self, line: UnsentLine) -> bool:
        """Tell whether the server may have stored a line, and have forgotten its id.

        Raises the `ChatError` that ended the connection.
        """
        if line.sent is None:
            return False
        if line.behind is None:
            return True
        epoch, seq = line.behind
        key = fold(line.room), epoch
        if seq >= self._complete.get(key, seq + 1):
            return False
        if self._left == 0 or not await self._is_complete(line.room, epoch, seq):
            return True
        self._complete[key] = seq
        return False

    async def _is_complete(self, room: str, epoch: str, seq: int) -> bool:
        """Tell whether everything is kept that was said in a room after a number."""
        self._left -= 1
        try:
            page = await self._chat.history(room, after=seq, limit=1)
        except (RefusedError, UsageError):
            return False
        return page.epoch == epoch and all(gap.reason == "damaged" for gap in page.gaps or ())
