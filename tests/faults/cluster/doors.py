"""How people get into a cluster, and move about in it: each time by another server, if it runs."""

import random
import threading
import time
from collections.abc import Sequence
from itertools import count

from tests.faults.cluster.nodes import ChatNode
from tests.faults.talker import Talks
from tests.protocol.frames import ClientFrame, Error, Post, ServerFrame
from tests.transports.peers import TypedPeer
from tests.transports.web import WebPeer

__all__ = ["Doors", "TimedTalks", "Walk"]

PATIENCE = 60.0
"""Seconds for what takes an election, a lease, and a start or two."""

BURST = 8
"""Posts that one says at once."""


class TimedTalks(Talks):
    """`Talks` that know for how long no post was acknowledged."""

    acks = 0
    _silence = 0.0
    _last = 0.0

    def begin_silence(self) -> None:
        """Measure from now on."""
        self._silence, self._last = 0.0, time.monotonic()

    def end_silence(self) -> float:
        """Return the longest time without an acknowledgement, in seconds."""
        return max(self._silence, time.monotonic() - self._last)

    def note_ack(self) -> None:
        """Count an acknowledgement."""
        now = time.monotonic()
        self._silence, self._last = max(self._silence, now - self._last), now
        self.acks += 1
        super().note_ack()


class Doors:
    """The servers that run, for all who want in."""

    def __init__(self, nodes: Sequence[ChatNode]) -> None:
        self.nodes = nodes
        self.staying = False
        """Whether nobody moves any more by themselves, nor waits between posts."""
        self._changed = threading.Condition()

    def note(self) -> None:
        """Have everybody look again which servers run."""
        with self._changed:
            self._changed.notify_all()

    def next_node(self, number: int) -> ChatNode:
        """Return a server that runs, of this number or the next after it; waits until there is one."""
        ordered = [self.nodes[(number + n) % len(self.nodes)] for n in range(len(self.nodes))]
        with self._changed:
            assert self._changed.wait_for(lambda: any(node.is_up for node in ordered), PATIENCE)
            return next(node for node in ordered if node.is_up)


class Walk:
    """The way of one talker, from server to server. In a browser if ``by_web``."""

    def __init__(self, doors: Doors, seed: str, *, by_web: bool, pause: float = 0.5) -> None:
        self.doors = doors
        self._pause = pause
        self.random = random.Random(seed)
        self.frames_left = 0
        self._posts = count(1)
        self._numbers = count(self.random.randrange(8))
        self._by_web = by_web
        self._retry_after = 0.0

    def connect(self) -> TypedPeer:
        """Connect to the next server, after the time for which one has refused."""
        wait, self._retry_after = self._retry_after, 0.0
        if wait:
            threading.Event().wait(wait)
        node = self.doors.next_node(next(self._numbers))
        self.frames_left = self.random.randint(20, 400)
        try:
            if self._by_web:
                peer: _Mover = _WebMover(node.ports["http"])
            else:
                peer = _Mover(node.ports["chat"])
        except OSError:
            self._retry_after = 0.1
            raise
        peer.walk = self
        return peer

    def pace(self) -> None:
        """Wait now and then before a post."""
        if next(self._posts) % BURST == 0 and not self.doors.staying:
            threading.Event().wait(self.random.uniform(0.5, 1.5) * self._pause)

    def be_refused(self, error: Error) -> None:
        """Take note of why it was not let in; raises `AssertionError` where nobody may be refused so."""
        assert error.retry_after is not None, error
        assert error.code == "unavailable", error
        self._retry_after = min(max(error.retry_after, 0.1), 1.0)


class _Mover(TypedPeer):
    """Somebody who goes elsewhere after some frames, by a goodbye or as after a loss."""

    walk: Walk | None = None

    def send_frame(self, frame: ClientFrame) -> None:
        """Send a frame; posts come in bursts."""
        walk = self.walk
        if walk is not None and isinstance(frame, Post):
            walk.pace()
        super().send_frame(frame)

    def receive_frame(self) -> ServerFrame:
        """Return the next frame; raises `EOFError` where it is not let in, and when it moves."""
        walk = self.walk
        if walk is not None and not walk.doors.staying:
            walk.frames_left -= 1
            if walk.frames_left < 0:
                if walk.random.random() < 0.5:
                    self.reset()
                raise EOFError
        frame = super().receive_frame()
        if isinstance(frame, Error) and frame.id is None and walk is not None:
            walk.be_refused(frame)
            raise EOFError
        return frame


class _WebMover(_Mover, WebPeer):
    """The same in a browser."""
