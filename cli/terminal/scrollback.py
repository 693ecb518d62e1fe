"""What was drawn, to be searched."""

from collections import OrderedDict

from chatcore.client.session import Message
from chatcore.names import fold

__all__ = ["Scrollback"]

MOST_MESSAGES = 5_000
MOST_CHARS = 2_000_000
"""How much is remembered: some days of a lively room, and few enough to search without a pause."""


class Scrollback:
    """The messages that were shown last; each is in it once, however often it was shown."""

    def __init__(self) -> None:
        self._messages: OrderedDict[tuple[str, int, str], Message] = OrderedDict()
        self._chars = 0

    def add(self, message: Message) -> None:
        """Remember a message, and forget old ones if it is too much."""
        key = (fold(message.room), message.seq, message.id)
        if key in self._messages:
            return
        self._messages[key] = message
        self._chars += len(message.text)
        while len(self._messages) > MOST_MESSAGES or self._chars > MOST_CHARS:
            self._chars -= len(self._messages.popitem(last=False)[1].text)

    def find(self, wanted: str, most: int) -> list[Message]:
        """Return the latest messages, the oldest first, in whose text or nick something occurs.

        Case makes no difference.
        """
        folded = wanted.casefold()
        hits = [
            message
            for message in self._messages.values()
            if folded in message.text.casefold() or folded == fold(message.nick)
        ]
        hits.sort(key=lambda message: message.at)
        return hits[-most:]
