"""Entries that are asked for, many in one request, whichever server of the stream answers."""

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Final

from nats.aio.msg import Msg

from chatcore.replication import LogEntry
from transports.jetstream.link import Link, LinkLost, StreamMissing, entry_of, microseconds
from transports.jetstream.stream import Stream, Unfit

__all__ = ["Fetches"]

TOGETHER: Final = 256
"""The most entries that are asked for together."""

TOGETHER_BYTES: Final = 4 * 1024 * 1024

ANSWER: Final = 2.0
"""Seconds without anything, after which a request is over."""


class Fetches:
    """Requests over one link, one at a time. ``take`` is called with what comes."""

    def __init__(self, link: Link, stream: Stream, take: Callable[[LogEntry], None]) -> None:
        self._link = link
        self._stream = stream
        self._take = take
        self._inbox = link.inbox()
        self._count = 0
        self._reply = ""
        self._heard = asyncio.Event()
        self._ended = False
        self._pending = 0  # how many entries there are after those that came

    async def open(self) -> None:
        """Listen for answers; raises `LinkLost`."""
        await self._link.subscribe(f"{self._inbox}.*", self._hear)

    async def fetch(self, position: int) -> bool | None:
        """Ask for the entries from a position; return whether there are more, or ``None`` without an answer.

        A server of the stream answers that may lack the newest. Raises `LinkLost`.
        """
        self._count += 1
        self._reply, self._ended = f"{self._inbox}.{self._count}", False
        self._heard.clear()
        request = {
            "seq": position,
            "next_by_subj": self._stream.subject,
            "batch": TOGETHER,
            "max_bytes": TOGETHER_BYTES,
        }
        subject = f"$JS.API.DIRECT.GET.{self._stream.name}"
        await self._link.publish(subject, json.dumps(request).encode(), self._reply)
        while not self._ended:
            try:
                async with asyncio.timeout(ANSWER):
                    await self._heard.wait()
            except TimeoutError:
                return None
            self._heard.clear()
        return self._pending > 0

    async def fetch_from_leader(self, position: int) -> None:
        """Ask the server that leads for one entry; nothing comes if it has none."""
        try:
            answer = await self._link.ask(f"STREAM.MSG.GET.{self._stream.name}", {"seq": position}, ANSWER)
        except (LinkLost, StreamMissing, Unfit):
            return
        message = answer["message"]
        at = microseconds(message["time"])
        if message["seq"] == position and at is not None:
            self._take(LogEntry(position, at, base64.b64decode(message.get("data", ""))))

    async def _hear(self, message: Msg) -> None:
        if message.subject != self._reply:
            return
        if (entry := entry_of(message)) is not None:
            self._take(entry)
        else:
            pending = (message.headers or {}).get("Nats-Num-Pending", "0")
            self._ended, self._pending = True, int(pending) if pending.isdecimal() else 0
        self._heard.set()
