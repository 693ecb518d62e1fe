"""A chat's events, for a main thread that signals interrupt."""

import threading
from collections.abc import Iterator
from queue import Queue

from chatcore.client import Event
from chatcore.errors import ChatError
from transports.threaded_tcp import Chat

__all__ = ["interruptible"]

AHEAD = 256
"""Events that are taken before somebody asks for them; then the socket is left unread."""


def interruptible(chat: Chat) -> Iterator[Event]:
    """Yield what `Chat.events` yields, and raise what it raises.

    Another thread takes them. What a signal raises in the middle of a call can leave a lock taken: here
    that is one which nobody needs any more, and inside the chat it would be the one that `Chat.close` needs.
    """
    taken: Queue[Event | ChatError | None] = Queue(AHEAD)
    threading.Thread(target=_take, args=(chat, taken), name="chat-events", daemon=True).start()
    while (event := taken.get()) is not None:
        if isinstance(event, ChatError):
            raise event
        yield event


def _take(chat: Chat, taken: "Queue[Event | ChatError | None]") -> None:
    try:
        for event in chat.events():
            taken.put(event)
    except ChatError as error:
        taken.put(error)
    else:
        taken.put(None)
