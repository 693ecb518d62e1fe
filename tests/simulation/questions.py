"""What one connection asks with a token: pages of history, searches, lists of rooms. Each has one answer."""

from collections.abc import Mapping

from tests.protocol.frames import Error, Found, History, Page, RoomList, Rooms, Search, Time
from tests.simulation.hunts import Hunt
from tests.simulation.law import Reader, Then
from tests.simulation.page_law import judge_page
from tests.simulation.step import expect
from tests.simulation.world import ROOMS, World

__all__ = ["Bounds", "Questions"]

Readers = Mapping[str, Reader]
"""What somebody reads, by room."""

Bounds = tuple[int | None, int | None, Time | None, Time | None]
"""Of a page: before, after, before_at, after_at."""


class Questions:
    """What is asked, and not answered yet."""

    def __init__(self, who: object, world: World) -> None:
        self.open: dict[str, tuple[History, Then] | Rooms | Hunt] = {}  # by token
        self.hunt: Hunt | None = None  # one that goes on, if somebody asks
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

    def search(self, query: str, room: str | None, limit: int | None, readers: Readers) -> Search:
        """Return a question for results."""
        frame = Search(query=query, room=room, limit=limit, token=self._token())
        self.open[frame.token or ""] = Hunt.begin(self._world.record, readers, frame)
        return frame

    def go_on(self, hunt: Hunt) -> Search:
        """Return a question for more of them."""
        self.hunt = None
        frame = Search(
            query=hunt.query, room=hunt.room, limit=hunt.limit, cursor=hunt.cursor, token=self._token()
        )
        self.open[frame.token or ""] = hunt
        return frame

    def found(self, found: Found, account: str | None, readers: Readers) -> None:
        """Judge results."""
        hunt = self.open.pop(found.token or "", None)
        expect(isinstance(hunt, Hunt), self._who, "did not ask for", found)
        assert isinstance(hunt, Hunt)
        self._world.saw("a search" if found.messages else "a search in vain")
        hunt.judge(self._world.record, found, readers)
        for message in found.messages:
            self._judge_shown(found.token, account, message.room)
        if found.cursor is not None:
            self._world.saw("a search that goes on")
            self.hunt = hunt

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
