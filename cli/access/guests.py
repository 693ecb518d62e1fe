"""Where guests begin: they enter only rooms that they are admitted to, and the lobby is seldom one of them.

A server lists for a guest the rooms that it may enter. It does not list a room without messages while nobody
is there, so a list may be empty.
"""

from chatcore import LOBBY, RoomList

__all__ = ["GUEST", "MOST_NAMED", "first_rooms", "naming"]

GUEST = "guest"
"""What a server calls the role of those who are confined to some rooms."""

MOST_NAMED = 20
"""Rooms that are named to a guest."""


def first_rooms(listed: RoomList) -> tuple[str, ...]:
    """Return the rooms that a guest can begin in: the lobby, if it is one of them, or else all of them."""
    names = tuple(entry.room for entry in listed.rooms)
    return (LOBBY,) if LOBBY in names else names


def naming(rooms: tuple[str, ...], *, more: bool) -> str:
    """Return a sentence about the rooms that a guest may enter."""
    if not rooms:
        return "as a guest, you may enter the rooms that somebody lets you in; ask which"
    return f"as a guest, you may enter {', '.join(rooms)}{' and more' if more else ''}"
