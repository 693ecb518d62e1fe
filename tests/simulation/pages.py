"""Pages of the simulation's journal, made from what it holds, damage and all."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from chatcore.journal import Page, PageGap, Stored
from chatcore.messages import Message
from tests.simulation.record import Log

__all__ = ["ERA", "number_from", "page", "position_before"]

ERA = datetime(2026, 1, 1, tzinfo=UTC)
"""The time at which a simulation's clock is at zero."""


def position_before(log: Log, at: datetime) -> int:
    """Return the position after which messages from a time begin; those that cannot be read are included."""
    earlier = [
        message.seq
        for message in log.readable(log.expired, len(log.messages))
        if _milliseconds(message.at) < _milliseconds(at)
    ]
    return earlier[-1] if earlier else log.position(log.expired)


def number_from(log: Log, at: datetime) -> int:
    """Return the number at which messages before a time have ended; as above."""
    later = [
        message.seq
        for message in log.readable(log.expired, len(log.messages))
        if _milliseconds(message.at) >= _milliseconds(at)
    ]
    return later[0] if later else log.head + 1


def _milliseconds(at: datetime) -> int:
    return (at - ERA) // timedelta(milliseconds=1)


def page(epoch: str, log: Log, after: int | None, before: int | None, limit: int, max_bytes: int) -> Page:
    """Make a page, with whole runs of damaged entries."""
    stop = len(log.messages) if before is None else log.index_after(before - 1)
    start = max(log.expired, 0 if after is None else log.index_after(after))
    wanted = log.messages[start:stop]
    if after is None:
        wanted.reverse()
    count = _fitting(log, wanted, limit, max_bytes)
    if not count:
        end = max(after or 0, log.position(stop))
        return Page(epoch, end, end, (), False)
    first, last = (start, start + count) if after is not None else (stop - count, stop)
    base = log.position(first)
    if log.seqs[first] in log.damaged:  # then nobody knows whether something has expired before it
        base = after if after is not None else base if first > log.expired else 0
    return Page(
        epoch,
        base,
        log.position(last),
        tuple(map(Stored.of, log.readable(first, last))),
        count < len(wanted),
        tuple(_gaps(log, base, first, last)),
    )


def _fitting(log: Log, wanted: list[Message], limit: int, max_bytes: int) -> int:
    """Return how many entries, with whole runs of damaged ones, a page has room for."""
    messages = size = 0
    in_run = False
    for count, message in enumerate(wanted):
        damaged = message.seq in log.damaged
        if damaged and in_run:
            continue
        in_run = damaged
        messages += not damaged
        size += 64 if damaged else len(Stored.of(message).line)
        if count and (messages > limit or size > max_bytes):
            return count
    return len(wanted)


def _gaps(log: Log, base: int, first: int, last: int) -> Iterator[PageGap]:
    position = base
    for message in log.readable(first, last):
        if message.prev > position:
            yield PageGap(after=position, through=message.prev, reason="damaged")
        position = message.seq
    if log.position(last) > position:
        yield PageGap(after=position, through=log.position(last), reason="damaged")
