"""What a peer has sent and nobody has decoded yet: taken in turns, and paid for.

- A turn is a bounded number of lines. What a peer has sent beyond it waits here until others have had their
  turns, and its socket is not read meanwhile. So what waits is bounded: about one read of the socket.
- Each read and each line is paid for from the `Allowance`, whatever it says and whatever state the session
  is in. Where that is used up, nothing more is decoded and read until ``resume_at``.
- Output comes first: while a room has a backlog, whatever its members send waits for a turn.
- Members come first: while anybody waits for a turn, whoever has not said `hello` waits for one too.
- The end of the stream is taken after all that came before it.

A session's input lock, which lives here, lets one thread at a time decode for it: the one that reads its
socket, or the one that gives turns.
"""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from chatcore.address import address_of
from chatcore.messages import Post
from chatcore.server.allowance import SHORT_TURN, TURN
from chatcore.server.liveness import is_over
from chatcore.server.states import OVER, State
from chatcore.wire import Hangup, Item

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["Inflow"]

DELIVERED_PER_LINE = 16 * 1024
"""Characters that can be delivered in the time in which a line is decoded."""

DELIVERY = 1024
"""Overhead of a delivery, in characters."""


class Inflow:
    """The undecoded input of one session.

    ``resume_at`` is when it goes on; until then nothing is read. ``ended`` says that the peer's stream has
    ended, though that may not be taken yet. ``received`` counts all bytes that came.
    """

    __slots__ = ("_allowance", "_lock", "_owes_end", "_rest", "_session", "ended", "received", "resume_at")

    def __init__(self, session: "Session", now: float) -> None:
        self.resume_at: float | None = None
        self.ended = False
        self.received = 0
        self._session = session
        self._allowance = session.hub.allowances.give(address_of(session.peer), now)
        self._lock = threading.Lock()
        self._rest = b""
        self._owes_end = False  # the end has come, and is not taken yet

    # --- for the session, not under the hub's lock -----------------------------------------------

    def receive_data(self, data: bytes, now: float) -> None:
        """Take bytes from the peer, and decode as much as its turn allows."""
        with self._lock:
            self._rest = self._rest + data if self._rest else data
            size = len(data)
            self.received += size
            self._pay(0, size, now)
            if self.resume_at is not None:
                return
            session = self._session
            if self.is_ahead or (self._is_new and session.endpoint.turns_wait):
                self._pause(now, 0.0)
            else:
                self._go_on(now)

    def receive_eof(self, now: float) -> None:
        """Take the end of the stream, once all that came before it is decoded. Idempotent."""
        with self._lock:
            self._owes_end = self._owes_end or not self.ended
            self.ended = True
            if self.resume_at is None:
                self._go_on(now)

    def handle_deadline(self, now: float) -> None:
        """Take what silence completes, and join those who wait for their turn if it is time."""
        session, silence = self._session, self._silence()
        if is_over(silence, now):
            with self._lock:
                session.intake.take(session.codec.handle_deadline(now), now)
        with session.hub.lock:
            if is_over(self.resume_at, now):
                self._await_turn()

    def take_turn(self, now: float) -> None:
        """Decode the next turn's worth: others have had theirs."""
        with self._lock:
            self._go_on(now)

    @property
    def is_ahead(self) -> bool:
        """Whether it waits for what others are to be given: a room of it has a backlog. From any thread."""
        return any(member.room.has_backlog for member in list(self._session.members.values()))

    def charge(self, lines: int) -> None:
        """Pay for work that the peer has caused, as for so many lines. Callable from any thread."""
        if self._allowance is not None:
            self._allowance.charge(lines, self._session.hub.clock())

    def charge_posts(self, posts: Sequence[Post], readers: int) -> None:
        """Pay for what the readers of a room will get of these posts. Callable from any thread."""
        if self._allowance is not None:
            size = sum(len(post.text) + DELIVERY for post in posts)
            self.charge(size * readers // DELIVERED_PER_LINE)

    def charge_news(self, readers: Sequence[int]) -> None:
        """Pay for a change that rooms report, each to so many readers. Callable from any thread."""
        self.charge(len(readers) + sum(readers) * DELIVERY // DELIVERED_PER_LINE)

    # --- for the session, under the hub's lock ---------------------------------------------------

    def note_moved(self) -> None:
        """Pay from now on as the address does from which the session has its peer now."""
        session = self._session
        self._allowance = session.hub.allowances.give(address_of(session.peer), session.hub.clock())

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` has something to do."""
        resume_at = None if self._session.endpoint.awaits_turn(self._session) else self.resume_at
        times = [when for when in (resume_at, self._silence()) if when is not None]
        return min(times, default=None)

    def drop(self) -> None:
        """Forget everything: there is no peer any more."""
        self._rest = b""
        self._session.codec.receive_eof()  # it may hold most of a long line

    # --- the rest, with the input lock -----------------------------------------------------------

    def _go_on(self, now: float) -> None:
        """Decode what is paid for; then read on, or wait for the next turn."""
        session = self._session
        if session.state in OVER or session.is_turned_away:
            self._discard(now)
        elif self._rest and not self._wait(now):
            self._decode(now)
        wait = self._wait(now)
        if self._rest or wait:
            self._pause(now, wait)
            return
        if self._owes_end:
            self._end(now)
        if self.resume_at is not None:
            self._read_on()

    def _pause(self, now: float, wait: float) -> None:
        session = self._session
        with session.hub.lock:
            self.resume_at = now + wait
            if session.state is State.CLOSED:
                return
            if wait:
                session.advance_timer(self.resume_at)
            else:
                self._await_turn()

    def _await_turn(self) -> None:
        if self._session.state is not State.CLOSED:
            self._session.endpoint.await_turn(self._session)

    def _read_on(self) -> None:
        session = self._session
        with session.hub.lock:
            self.resume_at = None
            if session.state is not State.CLOSED:
                session.endpoint.mark(session)

    @property
    def _is_new(self) -> bool:
        return self._session.state is State.HANDSHAKE

    def _turn(self) -> int:
        """Return how many lines are a turn: few for whoever has sent much, and while others wait."""
        if self._allowance is None:
            return TURN
        turn = self._allowance.turn
        return min(turn, SHORT_TURN) if self._session.endpoint.turns_wait else turn

    def _silence(self) -> float | None:
        """Return when a silence ends a line; what waits here was no silence."""
        return None if self._rest else self._session.codec.deadline

    def _wait(self, now: float) -> float:
        return 0.0 if self._allowance is None else self._allowance.wait(now)

    def _pay(self, lines: int, size: int, now: float) -> None:
        if self._allowance is not None:
            self._allowance.take(lines, size, now)

    def _discard(self, now: float) -> None:
        if self._rest:
            self._rest = b""
            self._pay(1, 0, now)

    def _decode(self, now: float) -> None:
        codec, rest = self._session.codec, self._rest
        size, lines = codec.cut(rest, self._turn())
        self._rest = rest[size:]
        items = codec.receive_data(rest[:size], now)
        self._pay(max(lines, len(items), 1), 0, now)
        self._session.intake.take(items, now)

    def _end(self, now: float) -> None:
        self._owes_end = False
        items: list[Item] = [*self._session.codec.receive_eof(), Hangup()]
        self._session.intake.take(items, now)
