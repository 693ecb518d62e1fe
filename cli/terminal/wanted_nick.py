"""The nick that the user wants, while somebody else has it.

A number is added to it then, as in ``ada-2``. It is asked for again when its owner leaves a room that we are
in, and now and then: a server reserves the nick of a lost connection for a while, and does not say when that
is over.
"""

import asyncio
import contextlib

from chatcore import ChatError, Event, Presence, RefusedError, fold
from transports.asyncio_tcp import Chat

__all__ = ["WantedNick"]

AGAIN_SECONDS = 120.0
"""How often it is asked for, if the server does not say how long it reserves nicks."""


class WantedNick:
    """A nick that is wanted, in one event loop."""

    def __init__(self, nick: str) -> None:
        self._nick = nick
        self._wanted = True
        self._freed = asyncio.Event()

    def missing(self, ours: str) -> str | None:
        """Return the nick, if we have another one."""
        return self._nick if self._is_missing(ours) else None

    def describe_other(self, ours: str) -> str | None:
        """Return why we have another nick; ``None`` if we have not."""
        if not self._is_missing(ours):
            return None
        return f"the nick {self._nick} is in use; you are {ours} until it is free"

    def give_up(self) -> None:
        """Note that the user has chosen another one."""
        self._wanted = False

    def receive(self, event: Event) -> None:
        """Note whether the nick has become free."""
        if isinstance(event, Presence):
            gone = [*event.left, *(pair.old for pair in event.renamed)]
            if fold(self._nick) in map(fold, gone):
                self._freed.set()

    async def take_back(self, chat: Chat) -> None:
        """Ask for the nick until we have it, the user wants another one, or the connection ends."""
        while self._is_missing(chat.nick):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(chat.limits.session_seconds or AGAIN_SECONDS):
                    await self._freed.wait()
            self._freed.clear()
            if not self._is_missing(chat.nick):
                return
            try:
                await chat.set_nick(self._nick)
            except RefusedError:
                continue
            except ChatError:
                return

    def _is_missing(self, ours: str) -> bool:
        return self._wanted and fold(ours) != fold(self._nick)
