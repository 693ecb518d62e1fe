"""Mentions of the user among the messages that were skipped when we came back.

They are looked for once, in the background, after everything else is drawn. What mentions the user is
searched for in each room, between the numbers of what was skipped there, so no clock matters. Where the
server cannot search, the newest of those messages are looked through. What nobody has looked through is said.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import NamedTuple

from chatcore import ChatError, Event, Gap, Message, RefusedError, UsageError, fold
from cli.terminal.conversation import Conversation
from cli.terminal.memory import Memory
from cli.terminal.painter import Fragments, Painter
from transports.asyncio_tcp import Chat

__all__ = ["SkippedMentions"]

SEARCHES = 24
"""Searches, all in all. Each costs ten of the frames that a server allows."""

PAGES_EACH = 3
"""Searches for one name in one room."""

PAGES = 2
"""Pages of history that are asked for in place of a search."""

PAGE = 200

MOST_SHOWN = 20
"""Mentions that are shown."""

EXCERPT = 300
"""Characters that are shown of each."""

NOT_LOOKED = "mentions further back were not looked for"


class _Result(NamedTuple):
    """The messages that mention the user, oldest first; ``complete`` if none is missing."""

    messages: Sequence[Message]
    complete: bool


class _Searches:
    """Searches that have a bound together. ``found`` is what they found."""

    def __init__(self, chat: Chat) -> None:
        self.found: list[Message] = []
        self._chat = chat
        self._left = SEARCHES
        self._unfinished = 0

    @property
    def complete(self) -> bool:
        """Whether everything was looked through."""
        return not self._unfinished

    async def look(self, gap: Gap, name: str) -> None:
        """Search for a name among what was skipped in a room, within the bounds."""
        self._unfinished += 1
        phrase = '"' + name.replace('"', " ") + '"'
        cursor: str | None = None
        for _ in range(min(PAGES_EACH, self._left)):
            self._left -= 1
            page = await self._chat.search(
                phrase, room=gap.room, after=gap.after, before=gap.through + 1, limit=100, cursor=cursor
            )
            self.found += page.messages
            if (cursor := page.cursor) is None:
                self._unfinished -= 1
                return


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
        """Search for everything that mentions us; return ``None`` if the server cannot."""
        searches = _Searches(chat)
        for number, (name, gap) in enumerate(product(self._names(), self._in_order())):
            try:
                await searches.look(gap, name)
            except UsageError:
                continue  # nobody can search for this word
            except RefusedError as error:
                if number == 0 and error.code != "bad_text":
                    return None
        return _Result(self._accepted(searches.found), searches.complete)

    def _names(self) -> list[str]:
        """Return what mentions us, once each, the nick first."""
        return list({fold(name): name for name in self._conversation.names}.values())

    def _in_order(self) -> list[Gap]:
        """Return what was skipped, in the room on the screen first."""
        room = self._conversation.rooms.current
        current = None if room is None else fold(room.name)
        return sorted(self._gaps.values(), key=lambda gap: fold(gap.room) != current)

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
        once = {(each.room, each.seq): each for each in found if self._was_skipped(each)}
        mentions = filter(self._conversation.is_mention, once.values())
        return sorted(mentions, key=lambda message: (message.at, message.seq))

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
            drawn += self._painter.found(
                message.at,
                message.room,
                message.nick,
                text,
                kind=message.kind,
                mentioned=self._conversation.names,
            )
        return drawn if result.complete else drawn + self._painter.note(NOT_LOOKED)
