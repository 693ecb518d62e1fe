"""Entering the rooms at the start: those of the last run after what was read there, and those that are named.

Without either it is the lobby or, for a guest, the only room that it may enter.

The first one that lets us in comes on the screen. It is the first one that is named, or else the one that was
on the screen last.
"""

import contextlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatcore import LOBBY, Joined, Position, RefusedError, RoomList, UsageError, fold
from cli.access.guests import GUEST, MOST_NAMED, first_rooms, naming
from cli.state.remembered import OtherRoom, RoomMark
from cli.terminal.answers import NO_ROOM
from cli.terminal.conversation import Conversation
from cli.terminal.memory import Memory
from transports.asyncio_tcp import Chat

__all__ = ["Refusal", "describe_no_room", "describe_other_rooms", "enter_rooms"]

NEWEST = 200
"""Messages of a room that are shown of those that were missed."""

MOST_OTHERS = 10
"""Rooms of another client that are named."""


class Refusal(NamedTuple):
    """A room that did not let us in, and why."""

    room: str
    error: RefusedError
    known: bool
    """Whether it is one of the last run."""


async def enter_rooms(
    chat: Chat,
    conversation: Conversation,
    memory: Memory,
    named: Sequence[str],
    history: int | None,
    *,
    entering: Callable[[str], None],
) -> list[Refusal]:
    """Enter the rooms, or the first one if there are none; return which of them did not let us in.

    ``entering`` is called with what is done next, in words. Raises `UsageError` for a name that no room can
    have.
    """
    entering("entering the first room")
    marks = {fold(mark.name): mark for mark in memory.rooms}
    first = named if named or marks else await _first_room(chat)
    names = {fold(name): name for name in first}
    refusals = []
    for folded in dict.fromkeys([*names, *marks]):
        mark = marks.get(folded)
        entering(f"entering {names.get(folded) or marks[folded].name}")
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


async def describe_no_room(chat: Chat) -> str | None:
    """Return what somebody can do who is in no room; ``None`` for everybody else."""
    if chat.rooms:
        return None
    listed = await _rooms_of_guest(chat)
    return NO_ROOM if listed is None else f"{naming(first_rooms(listed), more=listed.more)}\n{NO_ROOM}"


def describe_other_rooms(chat: Chat, memory: Memory) -> str | None:
    """Return in which rooms another client of ours was that is gone, and this one is not; say that once.

    Those where somebody has mentioned us come first.
    """
    rooms = [room for room in memory.other_rooms if room.mentions or fold(room.name) not in chat.rooms]
    memory.note_others_shown()
    if not rooms:
        return None
    named = sorted(rooms, key=lambda room: -room.mentions)[:MOST_OTHERS]
    more = f" and {len(rooms) - MOST_OTHERS:,} more" if len(rooms) > MOST_OTHERS else ""
    return (
        f"your other client was also in {', '.join(map(_describe_other, named))}{more}; /join ROOM goes there"
    )


def _describe_other(room: OtherRoom) -> str:
    mentions = "1 mentions" if room.mentions == 1 else f"{room.mentions:,} mention"
    return f"{room.name} ({mentions} you)" if room.mentions else room.name


async def _first_room(chat: Chat) -> Sequence[str]:
    """Return the lobby or, for a guest who may not enter it, the only room that it may enter."""
    listed = await _rooms_of_guest(chat)
    names = (LOBBY,) if listed is None else first_rooms(listed)
    return names if len(names) == 1 else ()


async def _rooms_of_guest(chat: Chat) -> RoomList | None:
    """Return the rooms that a guest may enter; ``None`` for all others, and if the server does not say."""
    if chat.role == GUEST:
        with contextlib.suppress(RefusedError):
            return await chat.list_rooms(limit=MOST_NAMED)
    return None


async def _come_back(chat: Chat, mark: RoomMark) -> Joined:
    return await chat.join(mark.name, after=Position(epoch=mark.epoch, seq=mark.read), history=NEWEST)
