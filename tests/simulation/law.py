"""What one membership of a room may be told, judged against the record.

The law of reading itself, that each message and gap follows the position before it, is asserted by the
`FrameReader` that read the frame. Here a frame is compared with the truth.
"""

from typing import NamedTuple

from tests.protocol.frames import Gap, History, Join, Joined, Message, Page
from tests.simulation.record import Record
from tests.simulation.step import expect

__all__ = ["Reader", "Then", "judge_page"]


class Then(NamedTuple):
    """What a room was like when something was asked. When the server took it, it had as much or more."""

    epoch: str
    head: int

    @classmethod
    def of(cls, record: Record, room: str) -> "Then":
        """Look at a room now."""
        return cls(record.epoch, record.log(room).told)


class Reader:
    """One membership from its `joined` on.

    A message is what the record holds, a gap covers only what is no longer available, a new life of the
    record is announced by a reset, and nothing is shown before the journal has told of it.
    """

    def __init__(self, record: Record, joined: Joined, asked: tuple[Join, Then] | None, most: int) -> None:
        self.room = joined.room
        self.epoch = joined.epoch
        self.position = joined.after
        self._log = record.log(joined.room, joined.epoch)
        # `None`: it may come or not, since an answer at 0 and news of a new life look the same.
        self._reset_due: bool | None = True
        expect(joined.head <= self._log.told, joined, "is ahead of the journal, at", self._log.told)
        if asked is not None:
            self._judge_answer(joined, *asked, most)
        if self._reset_due:
            expect(joined.after == 0, joined, "begins a new life, but not at its beginning")

    def __repr__(self) -> str:
        return f"<reader of {self.room} {self.epoch} at {self.position}>"

    @property
    def is_through(self) -> bool:
        """Whether everything that the journal has told of has been read."""
        return not self._reset_due and self.position == self._log.told

    def has_read(self, epoch: str, seq: int) -> bool:
        """Tell whether a position was reached, or belongs to a life that is over."""
        return self.epoch != epoch or (not self._reset_due and self.position >= seq)

    def message(self, message: Message) -> None:
        """Judge a message and move."""
        expect(not self._reset_due, self, "was not told of the reset before", message)
        expect(self._log.by_id.get(message.id) == message, message, "is not what the record holds")
        expect(message.seq <= self._log.told, message, "was shown before the journal told of it")
        self._reset_due = False
        self.position = message.seq

    def gap(self, gap: Gap) -> None:
        """Judge a gap and move."""
        if gap.reason == "reset":
            expect(self._reset_due is not False, self, "was told of a reset that there was not")
            expect(gap.through == 0, gap, "skips something of the new life")
        else:
            expect(not self._reset_due, self, "was not told of the reset before", gap)
            expect(self._log.is_gone(gap.after, gap.through), gap, "covers what is there")
            expect(gap.through <= self._log.told, gap, "is ahead of the journal")
        self._reset_due = False
        self.position = gap.through

    def _judge_answer(self, joined: Joined, join: Join, then: Then, most: int) -> None:
        if join.after is not None:
            known = join.after.epoch == joined.epoch and join.after.seq <= joined.head
            self._reset_due = not known
            expect(not known or joined.after == join.after.seq, joined, "does not resume at", join.after)
        elif not join.history:
            self._reset_due = False
            expect(joined.after == joined.head, joined, "does not start at its head")
        else:
            same_life = then.epoch == joined.epoch
            self._reset_due = False if same_life or joined.after else None
            self._judge_history(joined, min(join.history, most), then.head if same_life else 0)

    def _judge_history(self, joined: Joined, wanted: int, head_then: int) -> None:
        log = self._log
        first = log.index_after(joined.after)
        expect(log.position(first) == joined.after or not joined.after, joined, "is at no position")
        expect(log.index_after(head_then) - first <= wanted, joined, "replays more than", wanted)
        kept = log.index_after(joined.head) - log.expired
        got = log.index_after(joined.head) - first
        expect(got >= min(wanted, kept), joined, "replays less than", wanted, "though", kept, "are kept")


def judge_page(record: Record, page: Page, asked: History, then: Then, most: int) -> None:
    """Judge an answer to `history`: a stretch of the record that begins and ends where it must."""
    log = record.log(page.room, page.epoch)
    entries = {message.seq: message.prev for message in page.messages}
    for message in page.messages:
        expect(log.by_id.get(message.id) == message, message, "is not what the record holds")
    for gap in page.gaps or ():
        if gap.through > page.base:
            entries[gap.through] = gap.after
            expect(log.is_gone(gap.after, gap.through), page, "lacks what is there:", gap)
    position = max(entries, default=page.base)
    _judge_expired(page, 0 if asked.after is None else asked.after, asked.after is not None)
    expect(len(page.messages) <= min(asked.limit or most, most), page, "is too long")
    if then.epoch == page.epoch:  # else what bounded it was a head of the life before
        shown = max(log.told, asked.after or 0)
        expect(position <= shown, page, "was shown before the journal told of it")
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
