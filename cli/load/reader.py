"""One member's stream, checked as it arrives: nothing lost, nothing twice, nothing out of order.

A reader is *on the log* while its bytes are those of the log. Then ``offset`` is how far it has read, which
may be in the middle of a line. Any other line is decoded: answers and presence are passed on, and a message
that does not follow the one before it is counted as what it is.

A reader that has no offset in the log is *off the log*, and checks each message by itself, by the same rules.
How many messages it has skipped becomes known when it enters the log again.
"""

from collections.abc import Callable

from chatcore import Gap, Joined, Message, ProtocolError, ServerFrame
from cli.load.frames import LINE_BYTES, decode
from cli.load.log import Log
from cli.load.verifier import Verifier

__all__ = ["Reader"]

_OFF = -1  # an offset that no log has
_HOLES = 1_000  # that are remembered, in case that what is missing arrives late


class Reader:
    """The reading half of one member.

    ``on_frame`` is called with every frame that is not of the room's log, and with the time. The counters are
    of messages: ``missed`` were announced by the server in gaps, ``lost`` were not.
    """

    __slots__ = (
        "_counted",
        "_gapped",
        "_holes",
        "_left",
        "_log",
        "_on_frame",
        "_position",
        "_rest",
        "_since",
        "_verifier",
        "altered",
        "disordered",
        "duplicated",
        "lost",
        "missed",
        "offset",
    )

    def __init__(self, verifier: Verifier, on_frame: Callable[[ServerFrame, float], None]) -> None:
        self._verifier = verifier
        self._on_frame = on_frame
        self._log: Log | None = None  # until the room was joined
        self._rest = b""  # the start of a line that is not the log's
        self.offset = _OFF
        self._position = 0  # the ``seq`` that was read last, while off the log
        self._left = 0  # the ordinal at which the log was left
        self._since = 0  # messages read since then
        self._gapped = 0  # numbers in gaps since then
        self._holes: list[tuple[int, int]] = []  # after one ``seq`` and up to another nothing arrived
        self._counted = 0  # messages read, less the ordinal where the log was entered
        self.duplicated = 0
        self.disordered = 0
        self.altered = 0
        self.lost = 0
        self.missed = 0

    @property
    def delivered(self) -> int:
        """How many messages arrived, each counted once."""
        if self._log is not None and self.offset != _OFF:
            return self._counted + self._log.ordinal(self.offset)
        return self._counted + self._since

    @property
    def at_goal(self) -> bool:
        """Whether every post that has reached any member has arrived here."""
        return self.position >= self._verifier.goal

    def behind(self) -> int:
        """Return how many messages are still on their way to this reader, as far as is known."""
        log = self._log
        if log is None:
            return 0
        if self.offset != _OFF or self._enter_log(log):
            taken = log.ordinal(self.offset)
        else:
            taken = self._left + self._since + self._gapped
        return max(log.reckon(self._verifier.goal) - taken, 0)

    @property
    def position(self) -> int:
        """The ``seq`` that was read last."""
        if self._log is not None and self.offset != _OFF:
            return self._log.position(self.offset)
        return self._position

    def join(self, joined: Joined) -> None:
        """Start to read. Raises `ProtocolError` if the room was joined before."""
        if self._log is not None:
            raise ProtocolError("the room's log started over during the test")
        self._position = joined.after
        self._log = log = self._verifier.begin(joined.after)
        self._left = log.reckon(joined.after)
        self._enter_log(log)

    def feed(self, data: memoryview, now: float) -> None:
        """Take bytes. Raises `ProtocolError` if they are not frames."""
        log, before = self._log, self.offset
        if log is not None and before != _OFF and not self._rest and log.matches(data, before):
            self.offset = before + len(data)
        else:
            self._take(bytes(data), now)
            if before == _OFF or self.offset == _OFF:
                return
        self._verifier.note_delivery(before, self.offset, now)

    def settle(self) -> None:
        """Count what has not arrived as lost. To be called last, when nothing more arrives."""
        self.leave_log()
        if self._log is not None:
            self._count_skipped(self._log.reckon(max(self._position, self._verifier.goal)))

    def leave_log(self) -> None:
        """Continue without the log. Idempotent."""
        log = self._log
        if log is None or self.offset == _OFF:
            return
        start = log.line_start(self.offset)
        if self.offset > start:
            self._rest = log.piece(start, self.offset)
        self._position = log.position(start)
        self._left = log.ordinal(start)
        self._counted += self._left
        self._since = 0
        self.offset = _OFF
        self._verifier.leave(self)

    # --- lines -----------------------------------------------------------------------------------

    def _take(self, data: bytes, now: float) -> None:
        """Take bytes that are not all those of the log."""
        data = self._back_to_line_start() + data
        first = 0
        while first < len(data):
            log = self._log
            if log is not None and (self.offset != _OFF or self._enter_log(log)):
                same = log.common(data, first, self.offset)
                if first + same == len(data):
                    self.offset += same
                    return
                lines = data.rfind(b"\n", first, first + same) + 1
                if lines:
                    self.offset += lines - first
                    first = lines
            end = data.find(b"\n", first) + 1
            if not end:
                break
            self._take_line(data[first:end], now)
            first = end
        self._rest = data[first:]
        if len(self._rest) > LINE_BYTES:
            raise ProtocolError(f"the server sent a line of more than {LINE_BYTES:,} bytes")

    def _back_to_line_start(self) -> bytes:
        """Go back to the start of the current line, and return it: it may not be the log's after all."""
        rest, self._rest = self._rest, b""
        log = self._log
        if log is not None and self.offset != _OFF and not rest:
            start = log.line_start(self.offset)
            rest = log.piece(start, self.offset)
            self.offset = start
        return rest

    def _take_line(self, line: bytes, now: float) -> None:
        frame, log = decode(line), self._log
        if isinstance(frame, Message) and log is not None:
            if frame.room != self._verifier.room:
                raise ProtocolError(f"the server sent a message of {frame.room}, which no member joined")
            self._take_message(log, frame, line)
        elif isinstance(frame, Gap) and log is not None:
            self._take_gap(log, frame)
        elif frame is not None:
            self._on_frame(frame, now)

    # --- the rules of reading --------------------------------------------------------------------

    def _take_message(self, log: Log, message: Message, line: bytes) -> None:
        position = self.position
        if message.seq <= position:
            self._take_old(message)
        elif message.prev != position:
            if position < message.prev < message.seq:
                self._note_hole(position, message.prev)
            else:
                self.disordered += 1
            self._continue_alone(message)
        elif _OFF != self.offset < log.end:
            self._take_other(log, message)
        elif self._verifier.ledger.is_altered(message):
            self.altered += 1
            self._continue_alone(message)
        elif self.offset == _OFF:
            self._continue_alone(message)
        else:
            self._verifier.append(log, line, message)
            self.offset = log.end
            self._verifier.tidy(log)

    def _take_old(self, message: Message) -> None:
        """Take a message from below our position: late if it was missing, otherwise a duplicate."""
        for index, (after, through) in enumerate(self._holes):
            if after <= message.prev and message.seq <= through:
                rest = [(after, message.prev), (message.seq, through)]
                self._holes[index : index + 1] = [hole for hole in rest if hole[0] < hole[1]]
                self.disordered += 1
                if self.offset == _OFF:
                    self._since += 1
                else:
                    self._counted += 1
                    self.lost -= 1
                return
        self.duplicated += 1

    def _take_other(self, log: Log, message: Message) -> None:
        """Take a message whose line differs from the one that another member has read."""
        line = log.line(self.offset)
        theirs = decode(line)
        if theirs != message:
            self.altered += 1
        if isinstance(theirs, Message) and theirs.seq == message.seq:
            self.offset += len(line)
        else:
            self._continue_alone(message)

    def _take_gap(self, log: Log, gap: Gap) -> None:
        self.leave_log()
        if gap.through <= gap.after:  # it must lead somewhere
            self.disordered += 1
        elif gap.after > self._position:
            self._note_hole(self._position, gap.after)
        elif gap.after < self._position:
            self.disordered += 1
        self._gapped += max(gap.through - max(gap.after, self._position), 0)
        self._position = max(gap.through, self._position)
        self._enter_log(log)

    def _note_hole(self, after: int, through: int) -> None:
        self._holes.append((after, through))
        del self._holes[:-_HOLES]

    def _continue_alone(self, message: Message) -> None:
        self.leave_log()
        self._position = message.seq
        self._since += 1
        self._verifier.expect(message)

    def _enter_log(self, log: Log) -> bool:
        """Enter the log, if it holds our position; return whether it does."""
        offset = self._verifier.enter(self, self._position)
        if offset is None:
            return False
        ordinal = log.ordinal(offset)
        self._count_skipped(ordinal)
        self._counted -= ordinal
        self.offset = offset
        return True

    def _count_skipped(self, ordinal: int) -> None:
        """Count the messages that we have not read, from where we left the log up to an ordinal."""
        skipped = ordinal - self._left - self._since  # negative if late ones arrived for an earlier hole
        announced = max(min(skipped, self._gapped), 0)
        self.missed += announced
        self.lost += skipped - announced
        self._counted += self._since
        self._left = ordinal
        self._since = self._gapped = 0
