"""What the Tab key offers: commands, rooms and nicks, by the text before the cursor."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chatcore import fold
from cli.terminal.input import ALIASES, COMMANDS
from cli.terminal.moderation import ALL_OVER
from cli.terminal.rooms import Rooms

__all__ = ["Candidate", "candidates"]

MOST = 50
"""Candidates that are offered: nobody picks one out of more."""

_ARGUMENT = re.compile(r"(/\w+) +(\S*)")
_FIELD = re.compile(r"(?i)/search\s(?:.*\s)?(in|from):(\S*)")
_WORD = re.compile(r"(?:^|.*[^\w.-])([\w.-]+)", re.ASCII | re.DOTALL)


class Candidate(NamedTuple):
    """``text`` replaces the last ``length`` characters before the cursor; ``shown`` is listed for it."""

    text: str
    length: int
    shown: str


def candidates(before: str, rooms: Rooms, own: str) -> list[Candidate]:
    """Return the candidates, the most likely first. ``own`` is our nick, which is never offered."""
    if field := _FIELD.fullmatch(before):
        known = rooms.names() if field[1].casefold() == "in" else _speakers(rooms)
        return [Candidate(f"{name} ", len(field[2]), name) for name in _starting(field[2], known)][:MOST]
    if argument := _ARGUMENT.fullmatch(before):
        name, start = argument[1].casefold(), argument[2]
        name = ALIASES.get(name, name)
        if name in ("/join", "/leave", "/who", "/close", "/open", "/hush"):
            known = rooms.names(others=name not in ("/leave", "/who", "/hush"))
            return [Candidate(room, len(start), room) for room in _starting(start, known)][:MOST]
        if name == "/help":
            slash = start[:1] == "/"
            names = _starting(start, [each if slash else each[1:] for each in COMMANDS])
            return [Candidate(each, len(start), each) for each in names]
        if name in COMMANDS and COMMANDS[name].argument.startswith(("NICK", "[NICK")):
            return list(_nicks(start, rooms, own, after=" "))[:MOST]
    elif (word := _place(before)) is not None:
        return [Candidate(ALL_OVER, len(word), ALL_OVER)]
    elif before.startswith("/") and " " not in before:
        return [
            Candidate(f"{name} " if COMMANDS[name].argument else name, len(before), name)
            for name in _starting(before, list(COMMANDS))
        ]
    return list(_nicks(before, rooms, own))[:MOST]


def _starting(start: str, names: list[str]) -> list[str]:
    return [name for name in names if fold(name).startswith(fold(start))]


def _speakers(rooms: Rooms) -> list[str]:
    """Return the nicks of this room, ours too: one may look for what one has said oneself."""
    return [] if rooms.current is None else rooms.current.nicks.matching("")


def _place(before: str) -> str | None:
    """Return the start of ``everywhere`` that is typed after a command which takes that."""
    name, _, rest = before.partition(" ")
    word = rest.rpartition(" ")[2]
    takes_it = name.casefold() in COMMANDS and ALL_OVER in COMMANDS[name.casefold()].argument
    return word if takes_it and word and ALL_OVER.startswith(word) else None


def _nicks(before: str, rooms: Rooms, own: str, after: str | None = None) -> Iterator[Candidate]:
    word = _WORD.fullmatch(before)
    if word is None or rooms.current is None:
        return
    start = word[1]
    if after is None:
        after = ": " if before in (start, f"@{start}") else " "
    for nick in rooms.current.nicks.matching(start):
        if fold(nick) != fold(own):
            yield Candidate(nick + after, len(start), nick)
