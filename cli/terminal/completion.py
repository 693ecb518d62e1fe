"""What the Tab key may make of what stands before the cursor."""

import re
from collections.abc import Iterator
from typing import NamedTuple

from chatcore.names import fold
from cli.terminal.input import COMMANDS
from cli.terminal.rooms import Rooms

__all__ = ["Candidate", "candidates"]

MOST = 50
"""Candidates that are offered: nobody picks one out of more."""

_ARGUMENT = re.compile(r"(/\w+) +(\S*)")
_WORD = re.compile(r"(?:^|.*[^\w.-])([\w.-]+)", re.ASCII | re.DOTALL)


class Candidate(NamedTuple):
    """``text`` may replace the last ``length`` characters; ``shown`` is what is listed for it."""

    text: str
    length: int
    shown: str


def candidates(before: str, rooms: Rooms, own: str) -> list[Candidate]:
    """Return what may be meant, the likeliest first."""
    if argument := _ARGUMENT.fullmatch(before):
        name, start = argument[1].casefold(), argument[2]
        if name in ("/join", "/leave", "/who"):
            known = rooms.names(past=name == "/join")
            return [Candidate(room, len(start), room) for room in _beginning(start, known)][:MOST]
    elif before.startswith("/") and " " not in before:
        return [
            Candidate(f"{name} " if COMMANDS[name][0] else name, len(before), name)
            for name in _commands(before)
        ]
    return list(_nicks(before, rooms, own))[:MOST]


def _commands(before: str) -> list[str]:
    return _beginning(before, list(COMMANDS))


def _beginning(start: str, names: list[str]) -> list[str]:
    return [name for name in names if fold(name).startswith(fold(start))]


def _nicks(before: str, rooms: Rooms, own: str) -> Iterator[Candidate]:
    word = _WORD.fullmatch(before)
    if word is None or rooms.current is None:
        return
    start = word[1]
    behind = ": " if before in (start, f"@{start}") else " "
    for nick in rooms.current.people.matching(start):
        if fold(nick) != fold(own):
            yield Candidate(nick + behind, len(start), nick)
