"""Loading older messages of a room for ``/back``, one page after the other."""

from collections.abc import Callable

from chatcore import Message
from cli.terminal.rooms import RoomView
from transports.asyncio_tcp import Chat

__all__ = ["older_messages"]

PAGE = 200
"""Messages in one request."""

MOST_CHARS = 4_000_000
"""Text that is loaded at most: all of it is in memory before the first line is drawn."""


async def older_messages(
    chat: Chat, room: RoomView, count: int, report: Callable[[int], None]
) -> list[Message]:
    """Return up to ``count`` messages from before those that were shown, oldest first.

    ``report`` is called after each page with the number of messages so far. Raises `RefusedError` if the
    server refuses a page, and the `ChatError` that ended the connection.
    """
    messages: list[Message] = []
    before, chars = room.oldest, 0
    while len(messages) < count and chars < MOST_CHARS:
        page = await chat.history(room.name, before=before, limit=min(count - len(messages), PAGE))
        first = page.messages[0].seq if page.messages and not page.gaps else page.base + 1
        if page.epoch != room.epoch or first >= before or any(m.seq >= before for m in page.messages[-1:]):
            break
        messages = [*page.messages, *messages]
        chars += sum(len(message.text) for message in page.messages)
        before = first
        report(len(messages))
        if not page.more:
            break
    return messages
