"""One member's stream, judged as it comes: nothing lost, nothing twice, nothing out of order.

A reader is *on the log* as long as its bytes are those of the log; then ``place`` is its offset
there, in the middle of a line too. Any other line is decoded: answers and presence are handed on, and
a message that does not follow the one before it is classified. A reader that the log does not know a
place for is *off the log* and checks each message by itself, by the same law. What it skipped
meanwhile is known when it is on the log again.
"""

from collections.abc import Callable

from chatcore.errors import Fault, ProtocolError
from chatcore.limits import LINE_BYTES_MAX
from chatcore.messages import Gap, Joined, Message, ServerFrame, server_frames
from chatcore.wire.ndjson import NdjsonDecoder
from cli.load.log import Log
from cli.load.verifier import Verifier

__all__ = ["Reader"]

_OFF = -1  # a place that no log has
_HOLES = 1_000  # of which we remember that something is missing


class Reader:
    """The reading half of one member; ``on_frame`` is called with what is not of the room's log."""

    __slots__ = (
        "_counted",
        "_decoder",
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
        "place",
    )

    def __init__(self, verifier: Verifier, on_frame: Callable[[ServerFrame, float], None]) -> None:
        self._verifier = verifier
        self._on_frame = on_frame
        self._decoder: NdjsonDecoder[ServerFrame] = NdjsonDecoder(server_frames, LINE_BYTES_MAX)
        self._log: Log | None = None  # until the room was joined
        self._rest = b""  # the beginning of a line that is not the log's
        self.place = _OFF
        self._position = 0  # the ``seq`` that was read last, while off the log
        self._left = 0  # the ordinal at which the log was left
        self._since = 0  # messages taken since then
        self._gapped = 0  # numbers since then that a gap has named
        self._holes: list[tuple[int, int]] = []  # behind one ``seq`` and up to another nothing came
        self._counted = 0  # messages taken, less the ordinal where the log was entered
        self.duplicated = 0
        self.disordered = 0
        self.altered = 0
        self.lost = 0
        self.missed = 0  # what the server has said that it leaves out

    @property
    def delivered(self) -> int:
        """How many messages came, each counted once."""
        if self._log is not None and self.place != _OFF:
            return self._counted + self._log.ordinal(self.place)
        return self._counted + self._since

    @property
    def at_goal(self) -> bool:
        """Whether all that was posted and is shown to anybody is here."""
        return self.position >= self._verifier.goal

    def behind(self) -> int:
        """Return how many messages are on their way to this reader, as far as is known."""
        log = self._log
        if log is None:
            return 0
        if self.place != _OFF or self._enter_log(log):
            taken = log.ordinal(self.place)
        else:
            taken = self._left + self._since + self._gapped
        return max(log.reckon(self._verifier.goal) - taken, 0)

    @property
    def position(self) -> int:
        """The ``seq`` that was read last."""
        if self._log is not None and self.place != _OFF:
            return self._log.position(self.place)
        return self._position

    def join(self, joined: Joined) -> None:
        """Begin to read; raises `ProtocolError` if that is the second time."""
        if self._log is not None:
            raise ProtocolError("the room began anew during the test")
        self._position = joined.after
        self._log = log = self._verifier.begin(joined.after)
        self._left = log.reckon(joined.after)
        self._enter_log(log)

    def feed(self, data: memoryview, now: float) -> None:
        """Take bytes; raises `ProtocolError` where they are no frames."""
        log, place = self._log, self.place
        if log is not None and place != _OFF and not self._rest and log.matches(data, place):
            self.place = place + len(data)
        else:
            self._take(bytes(data), now)
            if place == _OFF or self.place == _OFF:
                return
        self._verifier.note_delivery(place, self.place, now)

    def settle(self) -> None:
        """Count what did not come as lost: nothing comes any more."""
        self.leave_log()
        if self._log is not None:
            self._count_skipped(self._log.reckon(max(self._position, self._verifier.goal)))

    def leave_log(self) -> None:
        """Go on without the log. Idempotent."""
        log = self._log
        if log is None or self.place == _OFF:
            return
        start = log.line_start(self.place)
        if self.place > start:
            self._rest = log.piece(start, self.place)
        self._position = log.position(start)
        self._left = log.ordinal(start)
        self._counted += self._left
        self._since = 0
        self.place = _OFF
        self._verifier.leave(self)

    # --- lines -----------------------------------------------------------------------------------

    def _take(self, data: bytes, now: float) -> None:
        """Take bytes that are not all the log's."""
        data = self._back_to_line_start() + data
        first = 0
        while first < len(data):
            log = self._log
            if log is not None and (self.place != _OFF or self._enter_log(log)):
                same = log.common(data, first, self.place)
                if first + same == len(data):
                    self.place += same
                    return
                lines = data.rfind(b"\n", first, first + same) + 1
                if lines:
                    self.place += lines - first
                    first = lines
            end = data.find(b"\n", first) + 1
            if not end:
                break
            self._take_line(data[first:end], now)
            first = end
        self._rest = data[first:]
        if len(self._rest) > LINE_BYTES_MAX:
            raise ProtocolError("the server sent a line without an end")

    def _back_to_line_start(self) -> bytes:
        """Return the beginning of the current line, which may turn out not to be the log's after all."""
        rest, self._rest = self._rest, b""
        log = self._log
        if log is not None and self.place != _OFF and not rest:
            start = log.line_start(self.place)
            rest = log.piece(start, self.place)
            self.place = start
        return rest

    def _take_line(self, line: bytes, now: float) -> None:
        for item in self._decoder.receive_data(line, now):
            if isinstance(item, Fault):
                if item.code != "unknown_type":  # a newer server may say more than we know
                    raise ProtocolError(f"the server sent what is not a frame: {item.message}")
            elif isinstance(item, Message) and self._log is not None:
                if item.room != self._verifier.room:
                    raise ProtocolError(f"the server sent a message of {item.room}, which nobody joined")
                self._take_message(self._log, item, line)
            elif isinstance(item, Gap) and self._log is not None:
                self._take_gap(self._log, item)
            else:
                self._on_frame(item, now)  # type: ignore[arg-type]  # this wire makes frames and faults only

    # --- the law of reading ----------------------------------------------------------------------

    def _take_message(self, log: Log, message: Message, line: bytes) -> None:
        position = self.position
        if message.seq <= position:
            self._take_old(message)
        elif message.prev != position:
            if message.prev > position:
                self._note_hole(position, message.prev)
            else:
                self.disordered += 1
            self._go_on_alone(message)
        elif _OFF != self.place < log.end:
            self._take_other(log, message)
        elif self._verifier.ledger.is_altered(message):
            self.altered += 1
            self._go_on_alone(message)
        elif self.place == _OFF:
            self._go_on_alone(message)
        else:
            self._verifier.append(log, line, message)
            self.place = log.end
            self._verifier.tidy(log)

    def _take_old(self, message: Message) -> None:
        """Take a message from below our position: late if it was missing, and twice otherwise."""
        for index, (after, through) in enumerate(self._holes):
            if after <= message.prev and message.seq <= through:
                rest = [(after, message.prev), (message.seq, through)]
                self._holes[index : index + 1] = [hole for hole in rest if hole[0] < hole[1]]
                self.disordered += 1
                if self.place == _OFF:
                    self._since += 1
                else:
                    self._counted += 1
                    self.lost -= 1
                return
        self.duplicated += 1

    def _take_other(self, log: Log, message: Message) -> None:
        """Take a message where somebody else has read another line."""
        line = log.line(self.place)
        (theirs,) = self._decoder.receive_data(line, 0.0)
        if theirs != message:
            self.altered += 1
        if isinstance(theirs, Message) and theirs.seq == message.seq:
            self.place += len(line)
        else:
            self._go_on_alone(message)

    def _take_gap(self, log: Log, gap: Gap) -> None:
        self.leave_log()
        if gap.after > self._position:
            self._note_hole(self._position, gap.after)
        elif gap.after < self._position:
            self.disordered += 1
        self._gapped += max(gap.through - max(gap.after, self._position), 0)
        self._position = max(gap.through, self._position)
        self._enter_log(log)

    def _note_hole(self, after: int, through: int) -> None:
        self._holes.append((after, through))
        del self._holes[:-_HOLES]

    def _go_on_alone(self, message: Message) -> None:
        self.leave_log()
        self._position = message.seq
        self._since += 1
        self._verifier.expect(message)

    def _enter_log(self, log: Log) -> bool:
        """Go to our place on the log, if it has one; return whether it has."""
        place = self._verifier.place_after(self, self._position)
        if place is None:
            return False
        ordinal = log.ordinal(place)
        self._count_skipped(ordinal)
        self._counted -= ordinal
        self.place = place
        return True

    def _count_skipped(self, ordinal: int) -> None:
        """Count what we have not taken of the messages from where we left the log up to an ordinal."""
        skipped = ordinal - self._left - self._since  # below zero where late ones came for an earlier hole
        named = max(min(skipped, self._gapped), 0)
        self.missed += named
        self.lost += skipped - named
        self._counted += self._since
        self._left = ordinal
        self._since = self._gapped = 0
