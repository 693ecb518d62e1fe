"""What one connection asks with a token: pages of history, and lists of rooms. Each has one answer."""

from tests.protocol.frames import Error, History, Page, RoomList, Rooms, Time
from tests.simulation.law import Then
from tests.simulation.page_law import judge_page
from tests.simulation.step import expect
from tests.simulation.world import ROOMS, World

__all__ = ["Bounds", "Questions"]

Bounds = tuple[int | None, int | None, Time | None, Time | None]
"""Of a page: before, after, before_at, after_at."""


class Questions:
    """What is asked, and not answered yet."""

    def __init__(self, who: object, world: World) -> None:
        self.open: dict[str, tuple[History, Then] | Rooms] = {}  # by token
        self._asked_at: dict[str, int] = {}  # by token: the step
        self._who = who
        self._world = world
        self._count = 0

    def history(self, room: str, bounds: Bounds, limit: int | None) -> History:
        """Return a question for a page."""
        before, after, before_at, after_at = bounds
        frame = History(
            room=room,
            before=before,
            after=after,
            before_at=before_at,
            after_at=after_at,
            limit=limit,
            token=self._token(),
        )
        self.open[frame.token or ""] = frame, Then.of(self._world.record, room)
        return frame

    def rooms(self, after: str | None, prefix: str | None, limit: int | None) -> Rooms:
        """Return a question for a list of rooms."""
        frame = Rooms(after=after, prefix=prefix, limit=limit, token=self._token())
        self.open[frame.token or ""] = frame
        return frame

    def page(self, page: Page, account: str | None) -> None:
        """Judge a page."""
        asked = self.open.pop(page.token or "", None)
        expect(isinstance(asked, tuple), self._who, "did not ask for", page)
        assert isinstance(asked, tuple)
        judge_page(self._world.record, page, *asked, self._world.limits.page_messages)
        self._judge_shown(page.token, account, page.room)

    def room_list(self, rooms: RoomList, account: str | None) -> None:
        """Judge a list of rooms."""
        asked = self.open.pop(rooms.token or "", None)
        expect(isinstance(asked, Rooms), self._who, "did not ask for", rooms)
        assert isinstance(asked, Rooms)
        self._world.saw("a list of rooms")
        names = [entry.room for entry in rooms.rooms]
        fits = all(name > (asked.after or "") and name.startswith(asked.prefix or "") for name in names)
        expect(fits and set(names) <= set(ROOMS), rooms, "is not what was asked:", asked)
        expect(len(names) <= (asked.limit or len(ROOMS)), rooms, "is longer than", asked)
        for entry in rooms.rooms:
            self._judge_shown(rooms.token, account, entry.room)
            lives = self._world.record.lives.values()
            heads = {log.head for logs in lives if (log := logs.get(entry.room)) is not None}
            expect(entry.head <= max(heads, default=0), rooms, "is ahead of the journal")

    def refuse(self, error: Error) -> bool:
        """Take an error if it is an answer; return whether it is."""
        return self.open.pop(error.id or "", None) is not None

    def _judge_shown(self, token: str | None, account: str | None, room: str) -> None:
        """Check that nothing is shown of a room that was closed to somebody when they asked, and since."""
        out = self._world.table.was_out(account, room, self._asked_at[token or ""])
        expect(not out, self._who, "may not see", room, "and is shown something of it")

    def _token(self) -> str:
        self._count += 1
        token = f"t{self._count}"
        self._asked_at[token] = self._world.table.step
        return token
