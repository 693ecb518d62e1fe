"""The clocks of one connection: when its peer last showed life, and whether its socket still drains.

- Any byte received or drained is a sign of life: a ping that waits behind a long backlog proves nothing.
- A write that succeeded immediately is none, since only our own system took it.
- A peer that frees not one byte in time has stopped. One that takes a little now and then is only slow.
"""

from typing import Literal

from chatcore.limits import Limits

__all__ = ["REFUSAL_SECONDS", "Liveness", "is_over"]

REFUSAL_SECONDS = 2.0
"""Seconds in which a peer that is refused may finish its wire's own handshake, so that it can be told why in
frames. No limit counts such connections, so they are not kept for long."""


class Liveness:
    """The clocks of one connection. All times are on the hub's clock; ``None`` stands for never."""

    __slots__ = ("_asked", "_heard", "_limits", "_opened", "_progressed", "unsent")

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._opened = now
        self._heard = now
        self._asked: float | None = None  # when it was asked for a sign of life, if that was since
        self._progressed = now  # when the unsent bytes last became fewer, or began
        self.unsent = 0  # bytes that the transport holds because the socket refused them

    def note_life(self, now: float) -> None:
        """Take a sign of life."""
        self._heard = now
        self._asked = None

    def set_unsent(self, size: int, now: float) -> None:
        """Learn how many bytes the socket refuses; fewer than before is a sign of life."""
        if self.unsent == 0 and size:
            self._progressed = now
        elif size < self.unsent:
            self._progressed = now
            self.note_life(now)
        self.unsent = size

    def stall_deadline(self) -> float | None:
        """Return when to give up a peer that drains nothing."""
        return _add(self._progressed, self._limits.stall_seconds) if self.unsent else None

    def handshake_deadline(self, *, is_refused: bool = False) -> float | None:
        """Return when the handshake must be done, however many bytes came meanwhile.

        It may take ``handshake_seconds``, and not longer than `REFUSAL_SECONDS` if the peer is refused.
        """
        seconds = self._limits.handshake_seconds
        if is_refused:
            seconds = REFUSAL_SECONDS if seconds is None else min(seconds, REFUSAL_SECONDS)
        return _add(self._opened, seconds)

    def silence_deadline(self) -> float | None:
        """Return when to ask a silent peer for a sign of life or, if that was done, to drop it."""
        keepalive, idle = self._limits.keepalive_seconds, self._limits.idle_seconds
        if self._asked is None:
            return _add(self._heard, idle if keepalive is None else keepalive)
        if keepalive is None or idle is None:
            return _add(self._asked, keepalive)
        # However late it was asked, since this process may have been stopped, it may answer in time.
        return self._asked + (idle - keepalive)

    def check_silence(self, now: float) -> Literal["ask", "drop"] | None:
        """Return what to do about a silent peer, if anything. To be called at `silence_deadline`."""
        if not is_over(self.silence_deadline(), now):
            return None
        limits = self._limits
        if limits.idle_seconds is None or (self._asked is None and limits.keepalive_seconds is not None):
            self._asked = now
            return "ask"
        return "drop"


def is_over(deadline: float | None, now: float) -> bool:
    """Tell whether a deadline, if there is one, has come."""
    return deadline is not None and now >= deadline


def _add(start: float, seconds: float | None) -> float | None:
    return None if seconds is None else start + seconds
