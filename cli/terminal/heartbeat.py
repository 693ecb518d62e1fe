"""Whether the server answers: asked while the user types, or waits, and shown when it does not.

A connection may be dead for a long time before anybody notices. Whoever types into it wants to know, so a
key asks the server for a sign of life, unless it gave one a moment ago.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

from chatcore import ChatError
from cli.terminal.waiting import Waiting

__all__ = ["Heartbeat"]

QUIET_SECONDS = 2.0
"""How long the server may say nothing while the user types before it is asked for a sign of life."""


class Heartbeat:
    """Watches one connection, in one event loop.

    ``ping`` asks the server for a sign of life. ``redraw`` draws the status row again, where `notice` is
    shown. ``warn`` shows a line.
    """

    def __init__(
        self,
        ping: Callable[[], Awaitable[object]],
        redraw: Callable[[], None],
        warn: Callable[[str], None],
    ) -> None:
        self._send_ping = ping
        self._redraw = redraw
        self._warn = warn
        self._waiting = Waiting(time.monotonic())
        self._ping: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def notice(self) -> str | None:
        """What the status row says of the connection, if there is something to say."""
        lag = self._waiting.lag(time.monotonic())
        return None if lag is None else f"lag {lag:,} s"

    def take_key(self) -> None:
        """Note that the user types, or waits for something."""
        quiet_at = self._waiting.quiet_at(QUIET_SECONDS)
        if self._ping is None and quiet_at is not None:
            self._ping = asyncio.create_task(self._ask(quiet_at))

    def begin(self, key: object) -> None:
        """Note that the server has to answer something, from now on."""
        self._waiting.begin(key, time.monotonic())
        self._set_timer()

    def end(self, key: object) -> None:
        """Note that it has, or that nobody waits for it any more."""
        self._waiting.end(key)
        self._set_timer()

    def hear(self) -> None:
        """Note that the server has said something."""
        if self._waiting.heard(time.monotonic()):
            self._warn("the server answers again")

    def disconnect(self) -> None:
        """Note that the connection is lost."""
        self._waiting.disconnect()
        self._set_timer()

    def connect(self) -> None:
        """Note that it is back."""
        self._waiting.connect(time.monotonic())
        self._set_timer()

    async def stop(self) -> None:
        """Watch no longer."""
        if self._timer is not None:
            self._timer.cancel()
        if self._ping is not None:
            self._ping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._ping

    async def _ask(self, when: float) -> None:
        """Ask for a sign of life at a time, or now."""
        key = object()
        try:
            await asyncio.sleep(when - time.monotonic())
            self.begin(key)
            await self._send_ping()
            self.hear()
        except ChatError:
            return
        finally:
            self._ping = None
            self.end(key)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        now = time.monotonic()
        if (when := self._waiting.next_deadline(now)) is not None:
            self._timer = asyncio.get_running_loop().call_later(when - now, self._handle_deadline)

    def _handle_deadline(self) -> None:
        if (seconds := self._waiting.stalls(time.monotonic())) is not None:
            self._warn(f"the server has said nothing for {seconds} s; what you send waits until it does")
        self.take_key()  # a lag may be that of one answer, or of the connection
        self._redraw()
        self._set_timer()
