"""What the client remembers of a conversation, and when it writes that down.

- Rooms are written when one is entered or left, and where the user has read at most every ten seconds, at a
  change of room and at the end.
- Without a slot nothing is remembered, and everything here does nothing.
"""

import asyncio
import secrets
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from chatcore import Message, UsageError, fold
from cli.access.links import address
from cli.places import state_directory
from cli.state.remembered import Draft, Header, Mention, OtherRoom, RoomMark, UnsentLine
from cli.state.slot import Slot
from cli.state.slots import Slots
from cli.terminal.rooms import Rooms, RoomView

__all__ = ["Memory", "open_memory"]

READ_SECONDS = 10.0
"""How often the read marks are written at most, while messages arrive."""

SECRET_BYTES = 24
"""Chance in a secret of our own, which is 32 characters then: a server takes no shorter one."""


class Memory:
    """The memory of one run of the client. Times of ``clock`` never go back."""

    def __init__(self, slot: Slot | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._slot = slot
        self._is_unused = slot is not None and slot.remembered.is_empty  # until a server lets us in
        self._clock = clock
        self._read_at = clock()  # when the marks were written last
        self._timer: asyncio.TimerHandle | None = None  # for the next time
        self._known_for = slot.remembered.header.dedupe_seconds if slot else None  # ids, in the last run

    # --- what the last run has left --------------------------------------------------------------

    @property
    def is_kept(self) -> bool:
        """Whether anything is remembered."""
        return self._slot is not None and not self._slot.failed

    @property
    def knows_server(self) -> bool:
        """Whether we were in a room there, or something of the user's own is kept for it."""
        return bool(self.rooms or self.lines or self.drafts)

    @property
    def secret(self) -> str | None:
        """What proves our right to the nick that we had."""
        return self._slot.remembered.session if self._slot else None

    @property
    def nick(self) -> str | None:
        """The nick that the user had chosen, or that was made up for them."""
        return self._slot.remembered.nick if self._slot else None

    @property
    def rooms(self) -> list[RoomMark]:
        """The rooms that we were in, in their order, but for the current one, which comes first."""
        if self._slot is None:
            return []
        current = fold(self._slot.remembered.current or "")
        return sorted(self._slot.remembered.in_order(), key=lambda mark: fold(mark.name) != current)

    @property
    def other_rooms(self) -> Sequence[OtherRoom]:
        """The rooms that another client of ours was in, which is gone, and this one was not."""
        return list(self._slot.remembered.others.values()) if self._slot else ()

    def mentions(self, room: str) -> Sequence[Mention]:
        """Return the mentions in a room that nobody has seen."""
        return self._slot.remembered.mentions_in(room) if self._slot else ()

    @property
    def lines(self) -> Sequence[UnsentLine]:
        """The lines that were not acknowledged, in the order in which they were typed."""
        return list(self._slot.remembered.unsent.values()) if self._slot else ()

    def is_own(self, message: Message) -> bool:
        """Tell whether a message is a line of ours, whatever nick we had then."""
        return self._slot is not None and self._slot.remembered.is_own(message.id, message.room)

    @property
    def dedupe_seconds(self) -> float:
        """For how long the server has surely known the ids of such lines, then and now."""
        seconds = (self._known_for, self._slot.remembered.header.dedupe_seconds if self._slot else None)
        return min((each for each in seconds if each is not None), default=0.0)

    @property
    def drafts(self) -> dict[str, str]:
        """What is being typed in each room, by its folded name."""
        drafts = self._slot.remembered.drafts if self._slot else {}
        return {room: draft.text for room, draft in drafts.items()}

    @property
    def muted(self) -> frozenset[str]:
        """The rooms that the user has muted, folded."""
        return frozenset(self._slot.remembered.muted) if self._slot else frozenset()

    @property
    def ignored(self) -> Sequence[str]:
        """The nicks that the user ignores, as they were typed."""
        return list(self._slot.remembered.ignored.values()) if self._slot else ()

    @property
    def highlights(self) -> Sequence[str]:
        """The words that count as mentions, as they were typed."""
        return list(self._slot.remembered.highlights.values()) if self._slot else ()

    # --- what happens in this one ----------------------------------------------------------------

    def on_failure(self, warn: Callable[[str], None]) -> None:
        """Have ``warn`` called, in the running event loop, if nothing can be written any more."""
        if self._slot is not None:
            loop = asyncio.get_running_loop()

            def report(error: OSError) -> None:
                why = f"the client remembers nothing from now on: {error.strerror or error}"
                loop.call_soon_threadsafe(warn, why)

            self._slot.on_failure(report)

    async def make_secret(self) -> None:
        """Have a secret before the first connection: a server takes one that it does not know.

        So a client that is killed before it could write down what the server gave it gets its nick back too.
        """
        if self._slot is not None and self.secret is None:
            made = {"session": secrets.token_urlsafe(SECRET_BYTES)}
            await asyncio.wrap_future(self._slot.write(made, sync=True))

    def note_welcome(self, secret: str, dedupe_seconds: float | None) -> None:
        """Remember what the server has given us."""
        if self._slot is None:
            return
        self._is_unused = False
        old = self._slot.remembered.header
        header = Header(old.server, old.who, dedupe_seconds)
        records = [] if header == old else [header.record()]
        if secret != self._slot.remembered.session:
            records.append({"session": secret})
        if records:
            self._slot.write(*records)

    def note_nick(self, nick: str) -> None:
        """Remember a nick that was chosen: we ask for it at the next start."""
        if self._slot is not None and nick != self.nick:
            self._slot.write({"nick": nick})

    def note_rooms(self, rooms: Rooms, *, watched: bool = False) -> None:
        """Remember which rooms we are in, which one is on the screen, and what was read in them.

        If that one is ``watched``, it was read now, even if nothing new was there.
        """
        if self._slot is None:
            return
        known = self._slot.remembered
        changed = [
            room
            for room in rooms
            if (watched and room is rooms.current) or not _is_known(room, known.rooms.get(fold(room.name)))
        ]
        records = [_mark(room).record() for room in changed]
        current = None if rooms.current is None else rooms.current.name
        if current is not None and current != known.current:
            records.append({"current": current})
        if records:
            self._read_at = self._clock()
            self._slot.write(*records)

    def note_reading(self, rooms: Rooms) -> None:
        """Remember what was read: now or, if that was done a moment ago, a moment later."""
        wait = READ_SECONDS - (self._clock() - self._read_at)
        if wait <= 0:
            self.note_rooms(rooms)
        elif self._timer is None and self._slot is not None:
            self._timer = asyncio.get_running_loop().call_later(wait, self._note_later, rooms)

    def _note_later(self, rooms: Rooms) -> None:
        self._timer = None
        self.note_rooms(rooms)

    def forget(self, room: str) -> bool:
        """Forget a room that we have left, or were put out of; return whether it was known."""
        if self._slot is None or fold(room) not in self._slot.remembered.rooms:
            return False
        self._slot.write({"room": room, "left": True})
        return True

    def note_others_shown(self) -> None:
        """Name those rooms no more."""
        if self.other_rooms and self._slot is not None:
            self._slot.write({"others": "shown"})

    def note_mention(self, message: Message, epoch: str) -> None:
        """Remember a mention until its room is read."""
        if self._slot is not None:
            mention = Mention(message.room, epoch, message.seq, message.nick, message.text)
            self._slot.write(mention.record())

    def keep_line(self, line: UnsentLine) -> "asyncio.Future[None]":
        """Remember a line that is about to be sent; the future is done when it is on the disk."""
        if self._slot is not None:
            return asyncio.wrap_future(self._slot.write(line.record(), sync=True))
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def note_sent(self, line: UnsentLine) -> None:
        """Remember when a line was sent that was written down earlier, or that it was not sent at all."""
        if self._slot is not None:
            self._slot.write(line.record())

    def settle_line(self, line: UnsentLine) -> None:
        """Forget a line: it is stored, was refused for good, or its owner has discarded it."""
        if self._slot is not None:
            self._slot.write({"settled": line.id})

    def note_draft(self, room: str, text: str) -> None:
        """Remember what is being typed in a room."""
        record = Draft(room, text).record()
        if self._slot is not None and record["draft"] != self.drafts.get(fold(room), ""):
            self._slot.write(record)

    def set_muted(self, room: str, *, muted: bool) -> None:
        """Remember that the user has muted a room, or listens to it again."""
        if self._slot is not None:
            self._slot.write({"muted": room, "on": muted})

    def set_ignored(self, nick: str, *, ignored: bool) -> None:
        """Remember that the user ignores somebody, or no longer does."""
        if self._slot is not None:
            self._slot.write({"ignored": nick, "on": ignored})

    def set_highlight(self, word: str, *, highlighted: bool) -> None:
        """Remember that a word counts as a mention, or no longer does."""
        if self._slot is not None:
            self._slot.write({"highlight": word, "on": highlighted})

    def close(self) -> None:
        """Write what is not written yet, but for what `note_rooms` was not called for."""
        if self._timer is not None:
            self._timer.cancel()
        if self._slot is not None:
            self._slot.close()

    def give_up(self) -> None:
        """Leave no slot behind that a start which failed has made; `close` follows."""
        slot = self._slot
        if slot is not None and self._is_unused:
            self._slot = None
            slot.remove()


def open_memory(url: str, who: str, *, account: bool) -> tuple[Memory, str | None]:
    """Return the memory of a server and identity, and what is wrong with it, if anything is."""
    directory = state_directory()
    if directory is None:
        return Memory(None), None
    try:
        slot = Slots(directory, address(url), who, account=account).take()
        return Memory(slot), _describe_set_aside(slot.set_aside)
    except UsageError as error:
        return Memory(None), f"nothing is remembered of this conversation: {error}"
    except OSError as error:
        why = f"{error.strerror or error} ({directory})"
        return Memory(None), f"nothing is remembered of this conversation: {why}"


def _describe_set_aside(paths: Sequence[Path]) -> str | None:
    if not paths:
        return None
    where = ", ".join(map(str, paths))
    return f"what was remembered had grown too long, and is no longer used; messages may be left in {where}"


def _mark(room: RoomView) -> RoomMark:
    return RoomMark(room.name, room.number, room.epoch, room.seen, datetime.now(UTC))


def _is_known(room: RoomView, mark: RoomMark | None) -> bool:
    now = (room.name, room.number, room.epoch, room.seen)
    return mark is not None and (mark.name, mark.number, mark.epoch, mark.read) == now
