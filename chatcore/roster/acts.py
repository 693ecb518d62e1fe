"""What an entry of a live log may hold: acts of the server that wrote it, or a part of its roster.

An entry without acts is a *beat*: it says that its server is there. Every term begins with the first part of
a roster, so whoever has not read what came before knows everybody from there on.

What is not exactly of this form is void, for every server.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from chatcore.names import NICK_PATTERN, ROOM_PATTERN

__all__ = [
    "ACTS",
    "PART_BYTES",
    "PART_ROWS",
    "ROW_ROOMS",
    "Act",
    "Claim",
    "Enter",
    "Exit",
    "Forget",
    "Kick",
    "Part",
    "Release",
    "Rename",
    "Row",
    "bytes_of",
    "content_of",
    "parts_of",
    "read_content",
]

ACTS: Final = 512
"""The most acts, or rows of a roster, in one entry. So many acts are some 100 KiB, with the longest names."""

ROW_ROOMS: Final = 30_000
"""The most rooms of a row: with the longest names they still fit into one entry."""

PART_ROWS: Final = 256
"""The most rows in a part of a roster: at most some 64 KiB, unless they are in many rooms."""

PART_BYTES: Final = 256 * 1024
"""The most bytes of the rows of a part, unless it has one row: so it is applied quickly."""

_ROW_BYTES: Final = 256  # what a row takes besides its rooms, with the longest names and numbers

_TIME_MAX: Final = 2**53 - 1
_PROOF = re.compile(r"[0-9a-f]{32}")
_NAME = re.compile(r"[0-9a-f]{32}\.[0-9]{1,20}")
_NICK = re.compile(NICK_PATTERN[1:-1])
_ROOM = re.compile(ROOM_PATTERN[1:-1])


class Claim(NamedTuple):
    """A session wants a seat.

    ``proof`` is that of the secret it has, if any. ``fresh`` is that of the secret it gets if it has none
    that counts; with ``adopts`` its own is kept, although no server knows it. ``keep`` is for how many
    microseconds the nick is reserved if the server is gone. ``most`` sessions an account may have.
    """

    proof: str | None
    fresh: str
    adopts: bool
    nick: str
    account: str | None
    variant: bool
    keep: int
    most: int | None


class Release(NamedTuple):
    """A session has left its seat; the nick is reserved for so many microseconds, or not at all.

    ``claimed`` is the stamp of its claim: another session may have claimed the seat since.
    """

    proof: str
    keep: int | None
    claimed: int = 0


class Forget(NamedTuple):
    """A reserved seat, and what it reserves, is to be forgotten."""

    proof: str


class Rename(NamedTuple):
    """An identity wants another nick."""

    proof: str
    nick: str
    variant: bool


class Enter(NamedTuple):
    """A seat is in a room (folded)."""

    proof: str
    room: str


class Exit(NamedTuple):
    """A seat is in a room (folded) no longer."""

    proof: str
    room: str


class Kick(NamedTuple):
    """All sessions of an account, or of everybody if that is ``None``, are put out of a room (folded)."""

    account: str | None
    room: str


class Row(NamedTuple):
    """A seat of a roster, with all that there is to know of it and its identity.

    ``claimed`` and ``named`` are the stamps of when the seat was claimed, and when the identity got its nick.
    """

    proof: str
    claimed: int
    keep: int
    rooms: tuple[str, ...]
    name: str
    nick: str
    named: int
    home: str | None
    account: str | None


class Part(NamedTuple):
    """A part of a roster. What its server had, and is in no part up to the last one, it has no longer."""

    rows: tuple[Row, ...]
    is_last: bool


Act = Claim | Release | Forget | Rename | Enter | Exit | Kick

_KINDS: Final[Mapping[str, type[Act]]] = {
    "claim": Claim,
    "release": Release,
    "forget": Forget,
    "rename": Rename,
    "enter": Enter,
    "exit": Exit,
    "kick": Kick,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def content_of(content: Sequence[Act] | Part) -> dict[str, Any]:
    """Return what an entry holds, as `chatcore.replication.fence.Frame` has it."""
    if isinstance(content, Part):
        return {"roster": content.rows, "last": content.is_last}
    return {"acts": [[_NAMES[type(act)], *act] for act in content]}


def bytes_of(row: Row) -> int:
    """Return how many bytes of an entry a row takes at most."""
    return _ROW_BYTES + sum(len(room) + 3 for room in row.rooms)  # all names are ASCII


def parts_of(rows: Sequence[Row]) -> Iterator[tuple[Row, ...]]:
    """Yield the rows of each part of a roster, of which there is at least one."""
    part: list[Row] = []
    size = 0
    for row in rows:
        row_size = bytes_of(row)
        if part and (len(part) == PART_ROWS or size + row_size > PART_BYTES):
            yield tuple(part)
            part, size = [], 0
        part.append(row)
        size += row_size
    yield tuple(part)


def read_content(content: Mapping[str, Any]) -> list[Act] | Part | None:
    """Return what an entry holds, or ``None`` if it is not of this form."""
    match content:
        case {"acts": list(listed), **rest} if not rest and len(listed) <= ACTS:
            acts = [act for act in map(_act, listed) if act is not None]
            return acts if len(acts) == len(listed) else None
        case {"roster": list(listed), "last": bool(is_last), **rest} if not rest and len(listed) <= ACTS:
            rows = tuple(row for row in map(_row, listed) if row is not None)
            return Part(rows, is_last) if len(rows) == len(listed) else None
        case _:
            return None


def _act(fields: object) -> Act | None:
    if not isinstance(fields, list) or not fields or not isinstance(fields[0], str):
        return None
    kind = _KINDS.get(fields[0])
    if kind is None or len(fields) != 1 + len(kind._fields):
        return None
    values = dict(zip(kind._fields, fields[1:], strict=True))
    if not all(_is_valid(name, value) for name, value in values.items()):
        return None
    if kind is Claim and values["keep"] is None:
        return None
    if kind in (Release, Forget, Rename, Enter, Exit) and values["proof"] is None:
        return None
    return kind(**values)


def _row(fields: object) -> Row | None:
    if not isinstance(fields, list) or len(fields) != len(Row._fields):
        return None
    values = dict(zip(Row._fields, fields, strict=True))
    rooms = values.pop("rooms")
    if not isinstance(rooms, list) or not all(_is_valid("room", room) for room in rooms):
        return None
    are_valid = all(_is_valid(name, value) for name, value in values.items())
    if not are_valid or values["proof"] is None or values["keep"] is None:
        return None
    return Row(**values, rooms=tuple(rooms))


def _is_valid(name: str, value: object) -> bool:
    match name:
        case "proof":
            return value is None or _is_text(_PROOF, value)
        case "fresh":
            return _is_text(_PROOF, value)
        case "name":
            return _is_text(_NAME, value)
        case "nick":
            return _is_text(_NICK, value)
        case "account" | "home":
            return value is None or _is_text(_NICK, value)
        case "room":
            return _is_text(_ROOM, value)
        case "adopts" | "variant":
            return isinstance(value, bool)
        case "claimed" | "named":
            return _is_number(value)
        case "keep" | "most":
            return value is None or _is_number(value)
        case _:
            return True


def _is_text(pattern: re.Pattern[str], value: object) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None


def _is_number(value: object) -> bool:
    return type(value) is int and 0 <= value <= _TIME_MAX
