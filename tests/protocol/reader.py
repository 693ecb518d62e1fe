"""The peer of the tests: bytes of a typed server in, frames out, and every rule that a reader can check.

The law of reading, in each room: a position begins as ``joined.after``; a `message` has ``prev`` = position
and moves it to ``seq``; a `gap` has ``after`` = position and moves it to ``through``. There is no exception.

Besides:

- every line is a frame of the server exactly as ``docs/protocol.md`` has it, and no longer than
  ``welcome.limits.line_bytes``;
- nothing but `error`, `ping`, `pong` and `closing` comes before the one `welcome`, and nothing after
  `closing`;
- messages, gaps and presence come only between `joined` and `left`, and a second `joined` only with another
  epoch, from its beginning;
- a ``skipped`` gap comes only where a join had both ``after`` and ``history``, as the last gap before the
  first message, and not beyond ``joined.head``; only such a gap has a count;
- a page is an unbroken chain of messages and gaps from its ``base``, but for a first gap that ends there;
- times never decrease from one message to the next, in a room or in a page;
- a list of rooms is in the order of their names, and is never empty if there are more.

What breaks a rule raises `AssertionError`, and names the frame.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from tests.protocol.codec import LineSplitter, decode_server
from tests.protocol.frames import (
    ClientFrame,
    Closing,
    Error,
    Found,
    Gap,
    Join,
    Joined,
    Left,
    Message,
    Page,
    Ping,
    Pong,
    Position,
    Presence,
    RoomEntry,
    RoomList,
    ServerFrame,
    Time,
    Welcome,
)

__all__ = ["FrameReader"]

_OWN_KIND = re.compile(r"x\.[a-z0-9.-]{1,30}")  # an application's own


class FrameReader:
    """What one client of the typed wire reads on one connection, and what it knows from that."""

    def __init__(self) -> None:
        self.welcome: Welcome | None = None
        self.closing: Closing | None = None
        self.positions: dict[str, Position] = {}  # by room, while it is in there
        self._times: dict[str, datetime] = {}  # by room, of the last message
        self._may_skip: set[str] = set()  # rooms of joins with both
        self._opening: dict[str, int] = {}  # by room, up to where a gap may be one of what was skipped
        self._lines = LineSplitter()

    def note_sent(self, frame: ClientFrame) -> None:
        """Learn what was asked. Without that, nothing may be skipped."""
        if isinstance(frame, Join) and frame.after is not None and frame.history is not None:
            self._may_skip.add(frame.room.lower())

    def receive_data(self, data: bytes) -> Iterator[ServerFrame]:
        """Yield the frames that bytes complete, each after it was judged and has moved its position."""
        return map(self.receive_line, self._lines.receive_data(data))

    def receive_line(self, line: bytes) -> ServerFrame:
        """Return the frame that a line is."""
        assert self.closing is None, f"the server has closed, and sends {line!r}"
        assert self.welcome is None or len(line) <= self.welcome.limits["line_bytes"], f"too long: {line!r}"
        frame = decode_server(line)
        early = isinstance(frame, Welcome | Error | Ping | Pong | Closing)
        assert early or self.welcome, f"before the welcome comes {frame}"
        self._read(frame)
        return frame

    def _read(self, frame: ServerFrame) -> None:
        match frame:
            case Message():
                self._read_message(frame)
            case Gap():
                self._read_gap(frame)
            case Joined():
                self._join(frame)
            case Left():
                self._leave(frame.room)  # it may be left before it was entered
            case Presence():
                assert frame.room in self.positions, f"not in the room of {frame}"
            case Page():
                _judge_page(frame)
            case Found():
                _judge_found(frame)
            case RoomList():
                _judge_room_list(frame)
            case Welcome():
                assert self.welcome is None, f"a second welcome: {frame}"
                self.welcome = frame
            case Closing():
                self.closing = frame
            case _:
                pass

    def _read_message(self, message: Message) -> None:
        _judge_message(message)
        self._move(message.room, message.prev, message.seq, message)
        self._opening.pop(message.room, None)
        at = _time(message.at)
        assert self._times.get(message.room, at) <= at, f"older than the one before: {message}"
        self._times[message.room] = at

    def _read_gap(self, gap: Gap) -> None:
        self._move(gap.room, gap.after, gap.through, gap)
        if gap.reason == "skipped":
            head = self._opening.pop(gap.room, None)
            assert gap.room in self._may_skip, f"nothing was to be skipped: {gap}"
            assert head is not None, f"skipped in mid-stream: {gap}"
            assert gap.through <= head, f"skips what is no replay: {gap}"
            assert gap.count is None or gap.count <= gap.through - gap.after, f"too many: {gap}"
        else:
            assert gap.count is None, f"only what was skipped is counted: {gap}"

    def _move(self, room: str, after: int, seq: int, frame: Message | Gap) -> None:
        here = self.positions.get(room)
        assert here is not None, f"not in the room of {frame}"
        assert after == here.seq, f"at {here.seq}, and cannot go on with {frame}"
        assert seq > after or (isinstance(frame, Gap) and frame.reason == "reset"), f"leads nowhere: {frame}"
        self.positions[room] = Position(epoch=here.epoch, seq=seq)

    def _join(self, joined: Joined) -> None:
        here = self.positions.get(joined.room)
        assert here is None or (here.epoch != joined.epoch and joined.after == 0), (
            f"no news at {here}: {joined}"
        )
        self._leave(joined.room)
        self.positions[joined.room] = Position(epoch=joined.epoch, seq=joined.after)
        if here is None:
            self._opening[joined.room] = joined.head

    def _leave(self, room: str) -> None:
        self.positions.pop(room, None)
        self._times.pop(room, None)
        self._opening.pop(room, None)


def _judge_message(message: Message) -> None:
    assert message.text, f"no text: {message}"
    own = message.kind is not None and _OWN_KIND.fullmatch(message.kind)
    assert own or message.kind in (None, "action", "notice"), f"no server takes such a kind: {message}"
    assert message.target is None or (own and message.target >= 1), f"may not have a target: {message}"


def _judge_page(page: Page) -> None:
    gaps = list(page.gaps or ())
    assert page.gaps != (), f"no gaps are left out: {page}"
    assert gaps == sorted(gaps, key=lambda gap: gap.through), f"out of order: {page}"
    assert all(gap.reason in ("expired", "damaged") for gap in gaps), f"in no page: {page}"
    if gaps and gaps[0].through == page.base:
        assert gaps.pop(0).after < page.base, f"leads nowhere: {page}"
    chain = [(message.seq, message.prev) for message in page.messages]
    chain += [(gap.through, gap.after) for gap in gaps]
    position = page.base
    for end, begin in sorted(chain):
        assert begin == position < end, f"a hole between {position} and {end} in {page}"
        position = end
    _judge_messages(page)


def _judge_messages(page: Page) -> None:
    for message in page.messages:
        assert message.room == page.room, f"of another room: {page}"
        _judge_message(message)
    for one, next_ in pairwise(page.messages):
        assert _time(one.at) <= _time(next_.at), f"{next_} is older than the one before in {page}"


def _judge_found(found: Found) -> None:
    for message in found.messages:
        assert found.room in (None, message.room), f"of another room: {found}"
        _judge_message(message)
    for one, next_ in pairwise(found.messages):
        assert (_time(one.at), one.room, one.seq) > (_time(next_.at), next_.room, next_.seq), (
            f"{next_} is newer than the one before in {found}"
        )


def _judge_room_list(room_list: RoomList) -> None:
    assert room_list.rooms or not room_list.more, f"empty, but there are more: {room_list}"
    names = [entry.room for entry in room_list.rooms]
    assert names == sorted({name.lower() for name in names}), f"out of order: {room_list}"
    for entry in room_list.rooms:
        _judge_room_entry(entry)


def _judge_room_entry(entry: RoomEntry) -> None:
    assert (entry.at is None) == (entry.head == 0), f"a time and no message, or the other way: {entry}"
    assert entry.head or entry.count, f"nobody is there, and nobody ever was: {entry}"
    assert entry.private is not False, f"private only if it is: {entry}"


def _time(at: Time) -> datetime:
    return datetime.fromisoformat(at)
