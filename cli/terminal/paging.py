"""Reading a room's log backwards."""

from collections.abc import Callable

from chatcore.client.session import Message
from cli.terminal.rooms import RoomView
from transports.asyncio_tcp import Chat

__all__ = ["messages_before"]

PAGE = 200
"""Messages that are asked for at once."""

MOST_CHARS = 4_000_000
"""How much text is taken: all of it is in memory before the first line is drawn."""


async def messages_before(
    chat: Chat, room: RoomView, count: int, tell: Callable[[int], None]
) -> list[Message]:
    """Return messages from before those that were shown, oldest first; ``tell`` hears how many it has."""
    messages: list[Message] = []
    before, chars = room.oldest, 0
    while len(messages) < count and chars < MOST_CHARS:
        page = await chat.history(room.name, before=before, limit=min(count - len(messages), PAGE))
        if page.epoch != room.epoch or not page.messages or page.messages[-1].seq >= before:
            break
        messages = [*page.messages, *messages]
        chars += sum(len(message.text) for message in page.messages)
        before = page.messages[0].seq
        tell(len(messages))
        if not page.more:
            break
    return messages
