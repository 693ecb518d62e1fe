"""What the user is typing, in each room: the prompt shows the draft of the room on the screen.

- A draft is remembered two seconds after the last key, when it is sent, and at the end. One that begins with
  a space is not, as with everything that is typed.
- A change of room that the user has not asked for leaves in the prompt what is there: it is the draft of that
  room then, and no longer of the other one.
"""

import asyncio

from chatcore import fold
from cli.terminal.memory import Memory
from cli.terminal.surface import Surface

__all__ = ["Drafts"]

SAVE_SECONDS = 2.0
"""How long after the last key."""


class Drafts:
    """The drafts of one user, in one event loop."""

    def __init__(self, memory: Memory, screen: Surface) -> None:
        self._memory = memory
        self._screen = screen
        self._texts = memory.drafts  # by the folded name of the room, as they were remembered or left last
        self._room: str | None = None  # whose draft is in the prompt
        self._departed = False
        self._timer: asyncio.TimerHandle | None = None

    def take_key(self) -> None:
        """Note that a key was pressed."""
        self._stop()
        self._timer = asyncio.get_running_loop().call_later(SAVE_SECONDS, self.save)

    def save(self) -> None:
        """Remember what is in the prompt now."""
        if self._room is not None and not self._departed:
            self._note(self._room)

    def depart(self, room: str | None) -> None:
        """Take the draft out of the prompt, as that of a room: the user is about to go to another one."""
        if room is None or room == self._room:
            self.save()
        elif self._screen.draft:  # it was typed ahead of a change of room
            self._note(room)
        self._screen.take_draft()
        self._departed = True

    def follow(self, room: str, *, arrived: bool = False) -> None:
        """Show the draft of the room where the user writes, if it is another one or they have ``arrived``."""
        back = arrived and self._departed
        if room == self._room and not back:
            return
        if self._room is not None and not self._departed:
            self._set(self._room, "")
        self._room, self._departed = room, False
        if draft := self._texts.get(fold(room)):
            self._screen.put_back(draft)

    def close(self) -> None:
        """Remember the last one."""
        self._stop()
        self.save()

    def _note(self, room: str) -> None:
        self._set(room, self._screen.draft)

    def _set(self, room: str, draft: str) -> None:
        self._texts[fold(room)] = draft
        self._memory.note_draft(room, "" if draft.startswith(" ") else draft)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
