"""Mentions of the user among the messages that were skipped when we came back.

They are looked for once, in the background, after everything else is drawn: by one search in all rooms or,
where the server has none, in the newest of those messages. What nobody has looked through is said.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import NamedTuple

from chatcore import ChatError, Event, Gap, Message, RefusedError, fold
from cli.terminal.conversation import Conversation
from cli.terminal.memory import Memory
from cli.terminal.painter import Fragments, Painter
from transports.asyncio_tcp import Chat

__all__ = ["SkippedMentions"]

SEARCHES = 3
"""Pages of results that are asked for."""

PAGES = 2
"""Pages of history that are asked for in place of a search."""

PAGE = 200

SLACK = timedelta(hours=1)
"""How far the clocks of the server and of this machine may differ. What is found too much is left out."""

MOST_SHOWN = 20
"""Mentions that are shown."""

EXCERPT = 300
"""Characters that are shown of each."""

NOT_LOOKED = "mentions further back were not looked for"


class _Result(NamedTuple):
    """The messages that mention the user, oldest first; ``complete`` if none is missing."""

    messages: Sequence[Message]
    complete: bool


class SkippedMentions:
    """Looks once, after a start. ``show`` prints lines."""

    def __init__(
        self,
        conversation: Conversation,
        memory: Memory,
        painter: Painter,
        show: Callable[[Fragments], None],
    ) -> None:
        self._conversation = conversation
        self._memory = memory
        self._painter = painter
        self._show = show
        self._marks = {fold(mark.name): mark for mark in memory.rooms}
        self._gaps: dict[str, Gap] = {}  # by the folded name of their room
        self._task: asyncio.Task[None] | None = None

    def receive(self, event: Event, chat: Chat) -> None:
        """Note what was skipped, once the conversation has taken it; look when all rooms are there."""
        if isinstance(event, Gap) and event.reason == "skipped" and fold(event.room) in self._marks:
            self._gaps.setdefault(fold(event.room), event)
        if self._gaps and self._task is None and self._is_back(chat):
            self._task = asyncio.create_task(self._look(chat))

    async def close(self) -> None:
        """Stop looking."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _is_back(self, chat: Chat) -> bool:
        rooms = [self._conversation.rooms.get(name) for name in chat.rooms]
        return all(room is not None and not room.replaying for room in rooms)

    async def _look(self, chat: Chat) -> None:
        try:
            result = await self._search(chat)
            if result is None:
                result = await self._read(chat)
        except ChatError:
            result = _Result((), False)  # we are no longer there, or there is no connection any more
        for message in result.messages:
            self._note(message)
        self._show(self._draw(result))

    async def _search(self, chat: Chat) -> _Result | None:
        """Search for our nick; return ``None`` if the server cannot."""
        since = min(self._marks[room].read_at for room in self._gaps) - SLACK
        found: list[Message] = []
        cursor: str | None = None
        for _ in range(SEARCHES):
            try:
                page = await chat.search(
                    f'"{self._conversation.nick}"', after_at=since, limit=100, cursor=cursor
                )
            except RefusedError:
                return None
            found += page.messages
            if (cursor := page.cursor) is None:
                break
        return _Result(self._accepted(found), cursor is None)

    async def _read(self, chat: Chat) -> _Result:
        """Look through the newest messages that were skipped in the room on the screen."""
        room = self._conversation.rooms.current
        gap = None if room is None else self._gaps.get(fold(room.name))
        if gap is None:
            return _Result((), False)
        found: list[Message] = []
        base = gap.through
        for _ in range(PAGES):
            page = await chat.history(gap.room, before=base + 1, limit=PAGE)
            found = [*page.messages, *found]
            base = page.base
            if base <= gap.after or not page.more:
                return _Result(self._accepted(found), len(self._gaps) == 1)
        return _Result(self._accepted(found), False)

    def _accepted(self, found: Iterable[Message]) -> list[Message]:
        """Return what was skipped and mentions the user, oldest first."""
        skipped = (each for each in found if self._was_skipped(each))
        return sorted(filter(self._conversation.is_mention, skipped), key=lambda message: message.at)

    def _was_skipped(self, message: Message) -> bool:
        gap = self._gaps.get(fold(message.room))
        return gap is not None and gap.after < message.seq <= gap.through

    def _note(self, message: Message) -> None:
        room = self._conversation.rooms.get(message.room)
        if room is not None and message.seq > room.seen:
            room.count_mention()
            self._memory.note_mention(message, room.epoch)

    def _draw(self, result: _Result) -> Fragments:
        count, shown = len(result.messages), result.messages[-MOST_SHOWN:]
        drawn: Fragments = []
        if count:
            which = "1 mentions" if count == 1 else f"{count:,} mention"
            newest = "" if count == len(shown) else f"; the newest {len(shown)}"
            drawn = self._painter.warning(f"of the messages that were skipped, {which} you{newest}:")
        for message in shown:
            text = message.text if len(message.text) <= EXCERPT else f"{message.text[:EXCERPT]}..."
            drawn += self._painter.found(message.at, message.room, message.nick, text, kind=message.kind)
        return drawn if result.complete else drawn + self._painter.note(NOT_LOOKED)
