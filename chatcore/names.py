"""What nicks, rooms and texts look like, and how names are compared.

Names are ASCII, so that two that look alike are alike: the confusables of Unicode never arise.
They keep their spelling and are unique by casefold. An identifier that ends in ``_folded`` holds the folded
name; every other one holds a name as it was spelled.
"""

from typing import Annotated

from pydantic import Field

__all__ = ["LOBBY", "NICK_CHARS", "RULES", "Nick", "RoomName", "Text", "fold", "is_numeric", "is_reserved"]

LOBBY = "lobby"
"""The room that plain members are in, and the one that a client joins by default."""

RESERVED_FOLDED = frozenset(
    {"admin", "administrator", "keeper", "moderator", "operator", "owner", "root", "server", "system"}
)
"""Nicks that would suggest an authority that nobody gave."""

NICK_CHARS = 32
"""Characters of the longest nick."""

Nick = Annotated[str, Field(pattern=rf"^[A-Za-z0-9._-]{{1,{NICK_CHARS}}}$")]
RoomName = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]

RULES = {
    "nick": "a nick is 1 to 32 ASCII letters, digits, '-', '_' or '.'",
    "room": "a room's name is 1 to 64 ASCII letters, digits, '-', '_' or '.'",
    "id": "an id is 1 to 64 printable ASCII characters",
    "key": "a key is 43 to 4096 printable ASCII characters without spaces, such as new_key() makes",
    "invite": "an invite is 1 to 128 printable ASCII characters without spaces",
    "text": "a text has at least one character, and no control characters but tab and newline",
    "kind": "a kind is text, action or notice, or one of your own: x. and up to 30 of a-z, 0-9, '-' and '.'",
    "target": "a target is a message's number, and only a kind of your own, which begins with x., has one",
}
"""The same in words, by the name of a frame's field."""

# The control characters are Unicode's category Cc: C0, DEL and C1. Tab and newline are text.
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]


def fold(name: str) -> str:
    """Return the form of a nick or a room's name in which two spellings of it are equal.

    Rooms in answers and events have this form already.
    """
    return name.casefold()


def is_reserved(nick: str) -> bool:
    """Tell whether a nick is one that nobody may take."""
    return fold(nick) in RESERVED_FOLDED


def is_numeric(nick: str) -> bool:
    """Tell whether a nick is all digits: those are the port numbers of plain members."""
    return nick.isdigit()
