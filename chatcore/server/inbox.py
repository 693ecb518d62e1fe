"""What a peer has sent and the server has not taken yet, in the order in which it came.

Nearly always that is nothing. Items wait when something that they depend on is not decided yet:

- after a `hello`, a `nick`, a `moderate`, an `invite` or a `forget`, everything;
- after a `join`, the frames that name its room, and the end of the stream; others pass;
- while another thread takes what came before, everything that it has not come to.

Except for the few frames that may wait for a room, the peer's socket is not read while anything waits. So
what waits is one segment, and no more.
"""

from collections.abc import Iterable
from typing import Final

from chatcore.names import fold
from chatcore.wire import Hangup, Item

__all__ = ["ROOM_ITEMS", "Inbox"]

_NO_ITEMS: Final[list[Item]] = []
_NO_ROOMS: Final[dict[str, list[Item]]] = {}
"""What nearly all sessions share, so that an idle one costs little. They are replaced, never filled."""

ROOM_ITEMS = 16
"""Frames that may wait for one room before everything does."""


class Inbox:
    """The items of one session that wait.

    ``holds`` tells whether what comes now has to wait too, ``blocked`` whether to read nothing more, and
    ``reopened`` whether there may be more to read since `note_reopened` was called last.
    """

    __slots__ = ("_holds_all", "_items", "_rooms", "blocked", "holds", "reopened")

    def __init__(self) -> None:
        self.holds = False
        self.blocked = False
        self.reopened = False
        self._holds_all = False
        self._items = _NO_ITEMS
        self._rooms = _NO_ROOMS  # what names a room that is being entered, by folded name

    def put(self, item: Item) -> None:
        """Let an item wait."""
        self.put_all((item,))

    def put_all(self, items: Iterable[Item]) -> None:
        """Let items wait."""
        if self._items is _NO_ITEMS:
            self._items = []
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
        if self._rooms is _NO_ROOMS:
            self._rooms = {}
        self._rooms[room] = []
        self._update()

    def release_all(self) -> None:
        """Let go of what waited for `hold_all`."""
        self._holds_all = False
        self._update()

    def release_room(self, room: str) -> None:
        """Let go of what waited for a room: it comes before all that came later."""
        if held := self._rooms.pop(room):
            self._items = [*held, *self._items]
        self._update()

    def clear(self) -> None:
        """Drop everything."""
        self._items, self._rooms = _NO_ITEMS, _NO_ROOMS
        self._holds_all = False
        self._update()

    def note_reopened(self) -> None:
        """Note that whoever reads the socket is told of that."""
        self.reopened = False

    def _next(self, at_end: bool) -> Item | None:
        while self._items and not self._is_full():
            if isinstance(self._items[0], Hangup) and (self._rooms or not at_end):
                return None
            item = self._items.pop(0)
            held = self._rooms.get(_room_of(item)) if self._rooms else None
            if held is None:
                return item
            held.append(item)
        return None

    def _is_full(self) -> bool:
        return self._holds_all or any(len(items) >= ROOM_ITEMS for items in self._rooms.values())

    def _update(self) -> None:
        was_blocked, self.blocked = self.blocked, bool(self._items) or self._is_full()
        self.reopened = self.reopened or (was_blocked and not self.blocked)
        self._items = self._items or _NO_ITEMS
        self._rooms = self._rooms or _NO_ROOMS
        self.holds = self._holds_all or bool(self._items or self._rooms)


def _room_of(item: Item) -> str:
    """Return the folded room that an item names, or an empty string."""
    return fold(getattr(item, "room", None) or "")
