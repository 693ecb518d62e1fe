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
- a page is an unbroken chain of messages and gaps from its ``base``, but for a first gap that ends there.

What breaks a rule raises `AssertionError`, and names the frame.
"""

from collections.abc import Iterator

from tests.protocol.codec import LineSplitter, decode_server
from tests.protocol.frames import (
    Closing,
    Error,
    Gap,
    Joined,
    Left,
    Message,
    Page,
    Ping,
    Pong,
    Position,
    Presence,
    ServerFrame,
    Welcome,
)

__all__ = ["FrameReader"]


class FrameReader:
    """What one client of the typed wire reads on one connection, and what it knows from that."""

    def __init__(self) -> None:
        self.welcome: Welcome | None = None
        self.closing: Closing | None = None
        self.positions: dict[str, Position] = {}  # by room, while it is in there
        self._lines = LineSplitter()

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
                self._move(frame.room, frame.prev, frame.seq, frame)
            case Gap():
                self._move(frame.room, frame.after, frame.through, frame)
            case Joined():
                self._join(frame)
            case Left():
                self.positions.pop(frame.room, None)  # it may be left before it was entered
            case Presence():
                assert frame.room in self.positions, f"not in the room of {frame}"
            case Page():
                _read_page(frame)
            case Welcome():
                assert self.welcome is None, f"a second welcome: {frame}"
                self.welcome = frame
            case Closing():
                self.closing = frame
            case _:
                pass

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
        self.positions[joined.room] = Position(epoch=joined.epoch, seq=joined.after)


def _read_page(page: Page) -> None:
    gaps = list(page.gaps or ())
    assert page.gaps != (), f"no gaps are left out: {page}"
    assert gaps == sorted(gaps, key=lambda gap: gap.through), f"out of order: {page}"
    if gaps and gaps[0].through == page.base:
        assert gaps.pop(0).after < page.base, f"leads nowhere: {page}"
    assert all(message.room == page.room for message in page.messages), f"of another room: {page}"
    chain = [(message.seq, message.prev) for message in page.messages]
    chain += [(gap.through, gap.after) for gap in gaps]
    position = page.base
    for end, begin in sorted(chain):
        assert begin == position < end, f"a hole between {position} and {end} in {page}"
        position = end
