"""What a page of history may be, judged against the record.

That its messages and gaps follow each other was asserted by the `FrameReader` that read it.
"""

from datetime import datetime, timedelta

from tests.protocol.frames import History, Message, Page, Time
from tests.simulation.law import Then
from tests.simulation.pages import ERA
from tests.simulation.record import Log, Record
from tests.simulation.step import expect

__all__ = ["judge_page"]


def judge_page(record: Record, page: Page, asked: History, then: Then, most: int) -> None:
    """Judge an answer to `history`: a stretch of the record that begins and ends where it must."""
    log = record.log(page.room, page.epoch)
    for message in page.messages:
        expect(log.by_id.get(message.id) == message, message, "is not what the record holds")
    for gap in page.gaps or ():
        if gap.through > page.base:
            expect(log.is_gone(gap.after, gap.through), page, "lacks what is there:", gap)
    expect(len(page.messages) <= min(asked.limit or most, most), page, "is too long")
    if then.epoch == page.epoch:  # else what bounded it was a head of the life before
        shown = max(log.known, asked.after or 0)
        expect(_end_of(page) <= shown, page, "was shown before the journal told of it")
    if asked.after_at is None and asked.before_at is None:
        _judge_numbers(log, page, asked, then)
    else:
        _judge_times(log, page, asked, then)


def _end_of(page: Page) -> int:
    ends = [message.seq for message in page.messages] + [gap.through for gap in page.gaps or ()]
    return max(ends, default=page.base)


def _judge_numbers(log: Log, page: Page, asked: History, then: Then) -> None:
    position = _end_of(page)
    _judge_expired(page, 0 if asked.after is None else asked.after, asked.after is not None)
    if asked.after is not None:
        expect(page.base <= asked.after or log.is_gone(asked.after, page.base), page, "skips something")
    elif not page.more:
        expect(log.is_gone(0, page.base), page, "says that there is no more")
    if asked.before is not None:
        expect(position < max(asked.before, 1) or not page.messages, page, "is not before", asked.before)
    if then.epoch == page.epoch and (asked.after is None or not page.more):
        end = then.head if asked.before is None else min(asked.before - 1, then.head)
        expect(log.is_gone(position, end), page, "ends too early, before", end)


def _judge_expired(page: Page, start: int, goes_up: bool) -> None:
    expired = [gap for gap in page.gaps or () if gap.through <= page.base]
    if page.base > start and (goes_up or not page.more):
        expect([(gap.through, gap.reason) for gap in expired] == [(page.base, "expired")], page, "is silent")
    else:
        expect(not expired, page, "calls expired what was not asked for")


def _judge_times(log: Log, page: Page, asked: History, then: Then) -> None:
    """Judge a page with a bound in time: it has what is within its bounds, all of it if there is no more."""
    for message in page.messages:
        expect(_is_within(asked, message), message, "is not within", asked)
    if page.more or then.epoch != page.epoch:
        return
    got = {message.seq for message in page.messages}
    for stored in log.readable(log.expired, log.index_after(then.head)):
        wanted = _is_within(asked, log.by_id[stored.id])
        expect(stored.seq in got or not wanted, page, "lacks", stored)


def _is_within(asked: History, message: Message) -> bool:
    at = _milliseconds(message.at)
    return (
        (asked.after is None or message.seq > asked.after)
        and (asked.before is None or message.seq < asked.before)
        and (asked.after_at is None or at >= _milliseconds(asked.after_at))
        and (asked.before_at is None or at < _milliseconds(asked.before_at))
    )


def _milliseconds(time: Time) -> int:
    return (datetime.fromisoformat(time) - ERA) // timedelta(milliseconds=1)
