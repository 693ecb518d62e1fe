"""What one membership of a room may be told, judged against the record.

The law of reading itself, that each message and gap follows the position before it, is asserted by the
`FrameReader` that read the frame. Here a frame is compared with the truth.
"""

from typing import NamedTuple

from tests.protocol.frames import Gap, Join, Joined, Message, Position
from tests.simulation.record import Record
from tests.simulation.step import expect
from tests.simulation.transport import Pipe

__all__ = ["Reader", "Then"]


class Then(NamedTuple):
    """What a room was like when something was asked. When the server took it, it had as much or more."""

    epoch: str
    head: int

    @classmethod
    def of(cls, record: Record, room: str) -> "Then":
        """Look at a room now."""
        return cls(record.epoch, record.log(room).told)


class _Opening(NamedTuple):
    """What a join with both a position and a number of messages may leave out."""

    wanted: int  # messages at most
    head_then: int  # when it was asked
    head: int  # when it was answered


class Reader:
    """One membership from its `joined` on.

    A message is what the record holds, a gap covers only what is no longer available, a new life of the
    record is announced by a reset, and nothing is shown before the journal has told of it. Whoever has once
    read everything meets no other gap, unless the socket refuses something.
    """

    def __init__(
        self, record: Record, joined: Joined, asked: tuple[Join, Then] | None, most: int, pipe: Pipe
    ) -> None:
        self.room = joined.room
        self.epoch = joined.epoch
        self.position = joined.after
        self._log = record.log(joined.room, joined.epoch)
        # `None`: it may come or not, since an answer at 0 and news of a new life look the same.
        self._reset_due: bool | None = True
        self._opening: _Opening | None = None  # until the first message
        self._pipe = pipe
        self._refusals: int | None = None  # of the socket, when everything was read the last time
        expect(joined.head <= self._log.known, joined, "is ahead of the journal, at", self._log.known)
        if asked is not None:
            self._judge_answer(joined, *asked, most)
            self._judge_reset(record, joined, asked[0].after)
        if self._reset_due:
            expect(joined.after == 0, joined, "begins a new life, but not at its beginning")
        self._note_progress()

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
        expect(message.seq <= self._log.known, message, "was shown before the journal told of it")
        if self._opening is not None:
            self._judge_start(self._opening, message.prev)
        self._reset_due, self._opening = False, None
        self.position = message.seq
        self._note_progress()

    def gap(self, gap: Gap) -> None:
        """Judge a gap and move."""
        if gap.reason == "reset":
            expect(self._reset_due is not False, self, "was told of a reset that there was not")
            expect(gap.through == 0, gap, "skips something of the new life")
        else:
            expect(not self._reset_due, self, "was not told of the reset before", gap)
            if gap.reason == "skipped":
                self._judge_skipped(gap)
            else:
                expect(self._log.is_gone(gap.after, gap.through), gap, "covers what is there")
            expect(gap.through <= self._log.known, gap, "is ahead of the journal")
            expect(self._refusals != self._pipe.refusals, self, "has taken everything, and gets", gap)
        self._reset_due = False
        self.position = gap.through
        self._note_progress()

    def _note_progress(self) -> None:
        if not self._reset_due and self.position == self._log.known and not self._pipe.unsent:
            self._refusals = self._pipe.refusals  # not `told`: a room may begin ahead of what was reported

    def _judge_answer(self, joined: Joined, join: Join, then: Then, most: int) -> None:
        if join.after is not None:
            known = join.after.epoch == joined.epoch and join.after.seq <= joined.head
            self._reset_due = not known
            expect(not known or joined.after == join.after.seq, joined, "does not resume at", join.after)
            if join.history is not None:
                head_then = then.head if then.epoch == joined.epoch else 0
                self._opening = _Opening(min(join.history, most), head_then, joined.head)
        elif not join.history:
            self._reset_due = False
            expect(joined.after == joined.head, joined, "does not start at its head")
        else:
            same_life = then.epoch == joined.epoch
            self._reset_due = False if same_life or joined.after else None
            self._judge_history(joined, min(join.history, most), then.head if same_life else 0)

    def _judge_reset(self, record: Record, joined: Joined, after: Position | None) -> None:
        """Judge that whoever comes from a hub that is ahead begins nowhere else."""
        if after is not None and after.epoch == joined.epoch:
            is_there = record.is_ahead(joined.room, after.epoch, after.seq)
            expect(not is_there or self._reset_due is False, joined, "begins anew, and the log has", after)

    def _judge_history(self, joined: Joined, wanted: int, head_then: int) -> None:
        log = self._log
        first = log.index_after(joined.after)
        expect(log.position(first) == joined.after or not joined.after, joined, "is at no position")
        expect(log.index_after(head_then) - first <= wanted, joined, "replays more than", wanted)
        kept = log.index_after(joined.head) - log.expired
        got = log.index_after(joined.head) - first
        expect(got >= min(wanted, kept), joined, "replays less than", wanted, "though", kept, "are kept")

    def _judge_skipped(self, gap: Gap) -> None:
        """Judge a gap of what was left out on request: it is counted, and not too much is left out."""
        log, opening = self._log, self._opening
        expect(opening is not None, self, "was not to leave out", gap)
        assert opening is not None
        start, stop, end = (log.index_after(seq) for seq in (gap.after, gap.through, opening.head))
        expect(log.position(stop) == gap.through, gap, "ends at no position")
        least = max(stop - max(start, log.expired), 0)
        expect(
            gap.count is None or least <= gap.count <= stop - start, gap, "counts wrongly, at least", least
        )
        kept = end - max(start, log.expired)
        expect(end - stop >= min(opening.wanted, kept), gap, "leaves out too much of", kept)
        self._judge_start(opening, gap.through)

    def _judge_start(self, opening: _Opening, position: int) -> None:
        replayed = self._log.index_after(opening.head_then) - self._log.index_after(position)
        expect(replayed <= opening.wanted, self, "gets", replayed, "and not", opening.wanted)
