"""What a peer has sent and the server has not taken yet, in the order in which it came.

Nearly always that is nothing. Items wait when something that they depend on is not decided yet:

- after a `hello` or a `nick`, everything;
- after a `join`, the frames that name its room, and the end of the stream; others pass.

While much waits, the peer's socket is not read, so a session waits with one segment at most.
"""

from collections import deque
from collections.abc import Iterable

from chatcore.names import fold
from chatcore.wire import Hangup, Item

__all__ = ["ROOM_ITEMS", "Inbox"]

ROOM_ITEMS = 16
"""Frames that may wait for one room before everything does."""


class Inbox:
    """The items of one session that wait.

    ``holds`` tells whether what comes now has to wait too, and ``blocked`` whether to read nothing more.
    """

    __slots__ = ("_holds_all", "_items", "_rooms", "blocked", "holds")

    def __init__(self) -> None:
        self.holds = False
        self.blocked = False
        self._holds_all = False
        self._items: deque[Item] = deque()
        self._rooms: dict[str, list[Item]] = {}  # what names a room that is being entered, by folded name

    def put(self, item: Item) -> None:
        """Let an item wait."""
        self._items.append(item)
        self._update()

    def put_all(self, items: Iterable[Item]) -> None:
        """Let items wait."""
        self._items.extend(items)
        self._update()

    def take(self, *, at_end: bool) -> Item | None:
        """Take the next item that need not wait; the end of the stream only ``at_end`` of all work."""
        item = self._next(at_end)
        self._update()
        return item

    def hold_all(self) -> None:
        """Let everything wait."""
        self._holds_all = True
        self._update()

    def hold_room(self, room: str) -> None:
        """Let what names a room (folded) wait."""
        self._rooms[room] = []
        self._update()

    def release_all(self) -> None:
        """Let go of what waited for `hold_all`."""
        self._holds_all = False
        self._update()

    def release_room(self, room: str) -> None:
        """Let go of what waited for a room: it comes before all that came later."""
        self._items.extendleft(reversed(self._rooms.pop(room)))
        self._update()

    def clear(self) -> None:
        """Drop everything."""
        self._items.clear()
        self._rooms.clear()
        self._holds_all = False
        self._update()

    def _next(self, at_end: bool) -> Item | None:
        while self._items and not self._is_full():
            if isinstance(self._items[0], Hangup) and (self._rooms or not at_end):
                return None
            item = self._items.popleft()
            held = self._rooms.get(_room_of(item)) if self._rooms else None
            if held is None:
                return item
            held.append(item)
        return None

    def _is_full(self) -> bool:
        return self._holds_all or any(len(items) >= ROOM_ITEMS for items in self._rooms.values())

    def _update(self) -> None:
        self.blocked = self._is_full()
        self.holds = self._holds_all or bool(self._items or self._rooms)


def _room_of(item: Item) -> str:
    """Return the folded room that an item names, or an empty string."""
    return fold(getattr(item, "room", None) or "")
