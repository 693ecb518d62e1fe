"""The rooms of one connection: what it asks of them, what it reads in them, and who it believes is there."""

from collections.abc import Callable, Mapping

from chatcore.server.directory import Identity
from chatcore.server.pending import ANSWER_SECONDS
from chatcore.server.room import Room
from tests.protocol.frames import (
    ClientFrame,
    Error,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Position,
    Who,
)
from tests.simulation.law import Reader, Then
from tests.simulation.naming import Naming
from tests.simulation.roster import Roster
from tests.simulation.step import expect
from tests.simulation.transport import Pipe
from tests.simulation.world import World

__all__ = ["Memberships"]

TOO_LATE = "there was no answer to this in time"
_ENDING = "this connection is ending"
_FULL = "the room is full"

Question = Join | Leave | Who
Send = Callable[[ClientFrame], None]


class Memberships:
    """Asks, and judges the answers.

    None of these answers carries a token. So at most one question a room is open at any time, but that a room
    may be left while it is being joined.
    """

    def __init__(
        self, who: object, naming: Naming, world: World, pipe: Pipe, send: Callable[[ClientFrame], None]
    ) -> None:
        self.account: str | None = None  # of the key that was shown
        self.readers: dict[str, Reader] = {}
        self.rosters: dict[str, Roster] = {}
        self.open: dict[str, list[Question]] = {}  # by room: asked, not answered
        self._who = who
        self._naming = naming
        self._world = world
        self._pipe = pipe
        self._send = send
        self.early: list[Error] = []  # refusals for want of an answer, before its time was over
        self.late: list[str] = []  # rooms whose joins got no answer in time
        self._asked_at: dict[str, float] = {}  # by room: when it was joined last
        self._was_inside: dict[str, bool] = {}  # by room: another session of it was, since it was joined
        self._asked: dict[str, tuple[Join, Then]] = {}  # by room: the last time it was joined
        self._expulsions: dict[str, int] = {}  # by room: how many there had been when it was joined

    def show(self, account: str | None) -> None:
        """Note whose key is shown."""
        self.account = account

    # --- asking ----------------------------------------------------------------------------------

    def join(self, room: str, after: Position | None, history: int | None) -> None:
        """Enter a room."""
        join = Join(room=room, after=after, history=history)
        self._asked[room] = join, Then.of(self._world.record, room)
        self._asked_at[room] = self._world.now
        self._was_inside[room] = True
        if room not in self.readers:  # else it may have been put out, and not know it yet
            self._expulsions[room] = len(self._world.expulsions)
        self._ask(join)

    def leave(self, room: str) -> None:
        """Leave a room."""
        self._ask(Leave(room=room))

    def who(self, room: str, after: str | None = None) -> None:
        """Ask who is there."""
        self.rosters[room].asked(after)
        self._ask(Who(room=room, after=after))

    def may_ask(self, room: str, *, leave: bool = False) -> bool:
        """Tell whether the answer to one more question in this room could be told from others."""
        waiting = self.open.get(room, [])
        alone = self._world.limits.frames_per_second is None  # else it could be the one that was too many
        return not waiting or (leave and alone and len(waiting) == 1 and isinstance(waiting[0], Join))

    def is_joining(self, room: str) -> bool:
        """Tell whether a room is being entered."""
        return any(isinstance(frame, Join) for frame in self.open.get(room, ()))

    def _ask(self, frame: Question) -> None:
        self.open.setdefault(frame.room, []).append(frame)
        self._send(frame)

    def watch(self, identity: Identity | None, rooms: Mapping[str, Room]) -> None:
        """See where its identity is: it may always enter there."""
        for room, asked in self.open.items():
            if asked and identity is not None:
                there = rooms.get(room)
                self._was_inside[room] &= there is not None and there.has(identity)

    # --- being answered --------------------------------------------------------------------------

    def joined(self, frame: Joined) -> None:
        """Begin to read, or begin again since there is a new epoch."""
        asked = None
        if frame.room not in self.readers:
            expect(self._resolve(frame.room, Join) is not None, self._who, "did not ask for", frame)
            asked = self._asked[frame.room]
            self.rosters[frame.room] = Roster(frame.count)
        most = self._world.limits.page_messages
        self.readers[frame.room] = Reader(self._world.record, frame, asked, most, self._pipe)

    def left(self, frame: Left) -> None:
        """Read no more."""
        if frame.reason == "expelled":
            self._expelled(frame)
            return
        expect(self._resolve(frame.room, Leave) is not None, self._who, "did not ask for", frame)
        self._resolve(frame.room, Join)  # it was left before it could be entered
        self.readers.pop(frame.room, None)

    def members(self, frame: Members) -> str | None:
        """Learn who is there; return the nick after which to ask for the rest."""
        asked = self._resolve(frame.room, Who)
        expect(asked is not None, self._who, "did not ask for", frame)
        expect(frame.room in self.readers, self._who, "is not in the room of", frame)
        if not frame.more and isinstance(asked, Who) and asked.after is None:
            expect(self._naming.may_be(frame.nicks), self._who, "is not in", frame)
        return self.rosters[frame.room].members(frame)

    def refuse(self, room: str, error: Error) -> None:
        """Take a refusal."""
        kinds: tuple[type[Question], ...] = (Leave, Who) if error.code == "not_joined" else (Join, Leave, Who)
        if error.message == _ENDING:  # what was asked before the end is still answered
            kinds = (Leave, Who, Join)
        resolved = any(self._resolve(room, kind) is not None for kind in kinds)
        expect(resolved, self._who, "asked", self.open.get(room), "and got", error)
        full = error.message == _FULL and self._was_inside.get(room, False)
        expect(not full, self._who, "is told that it is full where it is already:", error)
        if error.message == TOO_LATE:
            self.late.append(room)
            if self._world.now < self._asked_at[room] + ANSWER_SECONDS:
                self.early.append(error)

    def _expelled(self, frame: Left) -> None:
        """Leave a room unasked, in place of the answer to a join if that is not there yet."""
        since = self._world.expulsions[self._expulsions.get(frame.room, 0) :]
        mine = [each for each in since if each.room == frame.room]
        fair = any(each.everybody or each.account == self.account for each in mine)
        expect(fair, self._who, "is put out, and nobody wanted that:", since)
        self._world.saw("expelled")
        if self.readers.pop(frame.room, None) is None:
            self._world.saw("expelled while joining")
            expect(self._resolve(frame.room, Join) is not None, self._who, "is not in the room of", frame)

    def _resolve(self, room: str, kind: type[Question]) -> Question | None:
        """Take out the open question of a kind, if there is one."""
        waiting = self.open.get(room, [])
        found = next((frame for frame in waiting if isinstance(frame, kind)), None)
        if found is not None:
            waiting.remove(found)
        return found
