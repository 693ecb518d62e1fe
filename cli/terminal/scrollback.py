"""The messages that were shown, for ``/search``.

It holds what was drawn, not what was received: a search finds what the user could have read. It ends with
the program.
"""

from collections import OrderedDict

from chatcore import Message, fold

__all__ = ["Scrollback"]

MOST_MESSAGES = 5_000
MOST_CHARS = 2_000_000
"""The size of the scrollback: days of a busy room, and small enough to search without a pause."""


class Scrollback:
    """The latest messages that were shown, each once, even if it was shown several times."""

    def __init__(self) -> None:
        self._messages: OrderedDict[tuple[str, int, str], Message] = OrderedDict()
        self._chars = 0

    def add(self, message: Message) -> None:
        """Remember a message, and forget old ones if there are too many."""
        key = (fold(message.room), message.seq, message.id)
        if key in self._messages:
            return
        self._messages[key] = message
        self._chars += len(message.text)
        while len(self._messages) > MOST_MESSAGES or self._chars > MOST_CHARS:
            self._chars -= len(self._messages.popitem(last=False)[1].text)

    def find(self, wanted: str, most: int) -> list[Message]:
        """Return the latest messages, oldest first, whose text contains something or whose nick is it.

        Case does not matter.
        """
        folded = wanted.casefold()
        hits = [
            message
            for message in self._messages.values()
            if folded in message.text.casefold() or folded == fold(message.nick)
        ]
        hits.sort(key=lambda message: message.at)
        return hits[-most:]
