"""What was stored and is not indexed yet: the messages, or their rooms alone where there are too many."""

from collections.abc import Iterable, Sequence

__all__ = ["Backlog", "Entry"]

MESSAGES = 4_096
"""Messages that are held; what is beyond them is read from the journal again."""

CHARACTERS = 4 * 1024 * 1024
"""Characters of their texts."""

Entry = tuple[int, str, int, int, str, str]
"""A message to be indexed: its time in microseconds since 1970, room, seq, prev, nick and text.

The room is folded. Entries are in the order of results.
"""


class Backlog:
    """Messages in the order in which they came, and rooms of which it has not all."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._rooms: dict[str, None] = {}
        self._size = 0

    def __len__(self) -> int:
        return len(self._entries) + len(self._rooms)

    def add(self, entries: Sequence[Entry]) -> None:
        """Add messages that were stored after all others."""
        self._entries += entries
        self._size += sum([len(text) for *_, text in entries])
        if len(self._entries) > MESSAGES or self._size > CHARACTERS:
            self.add_rooms(())

    def add_rooms(self, rooms: Iterable[str]) -> None:
        """Add rooms, and hold no messages any more: what is stored in theirs is not known for certain."""
        self._rooms.update(dict.fromkeys(rooms))
        self._rooms.update((room, None) for _, room, *_ in self._entries)
        self._entries, self._size = [], 0

    def take(self) -> tuple[list[Entry], dict[str, None]]:
        """Hand out all messages and rooms."""
        taken = self._entries, self._rooms
        self._entries, self._rooms, self._size = [], {}, 0
        return taken
