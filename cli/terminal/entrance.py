"""Entering the rooms at the start: those of the last run after what was read there, and those that are named.

The first one that lets us in comes on the screen. It is the first one that is named, or else the one that was
on the screen last.
"""

from collections.abc import Sequence
from typing import NamedTuple

from chatcore import LOBBY, Joined, Position, RefusedError, UsageError, fold
from cli.state.remembered import RoomMark
from cli.terminal.conversation import Conversation
from cli.terminal.memory import Memory
from transports.asyncio_tcp import Chat

__all__ = ["Refusal", "enter_rooms"]

NEWEST = 200
"""Messages of a room that are shown of those that were missed."""


class Refusal(NamedTuple):
    """A room that did not let us in, and why."""

    room: str
    error: RefusedError
    known: bool
    """Whether it is one of the last run."""


async def enter_rooms(
    chat: Chat, conversation: Conversation, memory: Memory, named: Sequence[str], history: int | None
) -> list[Refusal]:
    """Enter the rooms, or the lobby if there are none; return which of them did not let us in.

    Raises `UsageError` for a name that no room can have.
    """
    marks = {fold(mark.name): mark for mark in memory.rooms}
    names = {fold(name): name for name in named} or ({} if marks else {LOBBY: LOBBY})
    refusals = []
    for folded in dict.fromkeys([*names, *marks]):
        mark = marks.get(folded)
        try:
            if mark is None:
                await chat.join(names[folded], history=history)
            else:
                conversation.expect_back(mark, memory.mentions(mark.name), first=not chat.rooms)
                await _come_back(chat, mark)
        except UsageError:
            raise
        except RefusedError as error:
            if mark is not None:
                conversation.give_up_return(mark.name)
            refusals.append(Refusal(names[folded] if mark is None else mark.name, error, mark is not None))
    return refusals


async def _come_back(chat: Chat, mark: RoomMark) -> Joined:
    return await chat.join(mark.name, after=Position(epoch=mark.epoch, seq=mark.read), history=NEWEST)
