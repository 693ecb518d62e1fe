"""What nicks, rooms and texts look like, and how names are compared.

Names are ASCII, so that two that look alike are alike: the confusables of Unicode never arise.
They keep their spelling and are unique by casefold. An identifier that ends in ``_folded`` holds the folded
name; every other one holds a name as it was spelled.
"""

__all__ = [
    "LOBBY",
    "NICK_CHARS",
    "NICK_PATTERN",
    "POST_ID_PATTERN",
    "ROOM_PATTERN",
    "RULES",
    "fold",
    "is_numeric",
    "is_reserved",
]

LOBBY = "lobby"
"""The room that plain members are in, and the one that a client joins by default."""

RESERVED_FOLDED = frozenset(
    {"admin", "administrator", "keeper", "moderator", "operator", "owner", "root", "server", "system"}
)
"""Nicks that would suggest an authority that nobody gave."""

NICK_CHARS = 32
"""Characters of the longest nick."""

NICK_PATTERN = rf"^[A-Za-z0-9._-]{{1,{NICK_CHARS}}}$"
ROOM_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
POST_ID_PATTERN = r"^[ -~]{1,64}$"
"""What nicks, rooms and the ids of posts look like. There is no newline at the end of any of them."""

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
