"""Whether the servers of a stream sync always: asked again and again, since one may be replaced."""

import time
from collections.abc import Sequence
from typing import Final

from transports.jetstream.log_events import stream_unsynced
from transports.jetstream.monitor import MonitorPage, read_pages, sync_problem
from transports.jetstream.stream import StreamState

__all__ = ["SyncWatch"]

SYNC_LOOK: Final = 60.0
"""Seconds between questions."""


class SyncWatch:
    """Warns where the power of all machines may be lost, and that takes entries; once for each reason."""

    def __init__(self, stream: str, monitors: Sequence[str]) -> None:
        self._stream = stream
        self._monitors = monitors
        self._pages: dict[str, MonitorPage | str] = {}
        self._problem: str | None = None
        self._next_look = 0.0

    async def why_not(self, state: StreamState) -> str | None:
        """Return why a loss of power may take entries, by what the servers say now."""
        return sync_problem(await read_pages(self._monitors), state)

    def begin(self) -> None:
        """Ask at the next look: there is another connection."""
        self._pages.clear()
        self._next_look = 0.0

    async def look(self, state: StreamState) -> None:
        """Ask if it is time for that.

        A server that says nothing now may be down, and is taken for what it was until it answers again.
        """
        if time.monotonic() < self._next_look:
            return
        for url, page in (await read_pages(self._monitors)).items():
            if isinstance(page, MonitorPage) or url not in self._pages:
                self._pages[url] = page
        problem = sync_problem(self._pages, state)
        if problem is not None and problem != self._problem:
            stream_unsynced.log(stream=self._stream, reason=problem)
        self._problem = problem
        self._next_look = time.monotonic() + SYNC_LOOK
