"""What a caller asks of a session, as the frames that ask it, and what it may know of it."""

from datetime import datetime
from typing import Any

from chatcore.arguments import checked, checked_post
from chatcore.client.arguments import checked_history, checked_moderation, checked_search
from chatcore.client.identity import Identity
from chatcore.client.positions import Positions
from chatcore.client.requests import PendingPost, PendingRequests, Request
from chatcore.client.send_queue import SendQueues
from chatcore.errors import UsageError
from chatcore.ids import new_id
from chatcore.messages import (
    Act,
    ClientFrame,
    Closing,
    Forget,
    Found,
    Hello,
    History,
    Invite,
    Invited,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    Message,
    Moderate,
    Moderated,
    NickFrame,
    Page,
    Ping,
    Pong,
    Position,
    Post,
    RoomList,
    Rooms,
    Search,
    Who,
)

__all__ = ["Calls"]


class Calls:
    """The half of a session that its caller sees. Each call returns a `Request`, which is answered later.

    Raises `UsageError` for an argument that the protocol does not allow, and what has ended the session.
    """

    def __init__(self, identity: Identity, positions: Positions) -> None:
        self.identity = identity
        self._positions = positions
        self._requests = PendingRequests()
        self._posts = SendQueues()
        self._tokens = 0

    def _ask(self, frame: ClientFrame) -> Request[Any]:
        """Ask what a frame asks."""
        raise NotImplementedError

    def _post(self, frame: Post) -> PendingPost:
        """Queue a post."""
        raise NotImplementedError

    def _next_token(self) -> str:
        self._tokens += 1
        return str(self._tokens)

    def join(
        self, room: str, *, after: Position | None = None, history: int | None = None
    ) -> Request[Joined]:
        """Ask to enter a room, after a position, with the last ``history`` messages at most, or both.

        If the server puts us out of the room before it has let us in, the answer is a `RefusedError` with
        ``forbidden``.
        """
        return self._ask(checked(Join, room=room, after=after, history=history))

    def leave(self, room: str) -> Request[Left]:
        """Ask to leave a room."""
        return self._ask(checked(Leave, room=room))

    def post(
        self,
        room: str,
        text: str,
        *,
        id: str | None = None,
        kind: str | None = None,
        target: int | None = None,
    ) -> PendingPost:
        """Queue a post, which is sent, and sent again if need be, until it is acknowledged.

        ``id`` is its key, a new one unless you give it. Posted again under the same one, by anyone and at any
        time while the server remembers it, it is stored once.
        """
        return self._post(checked_post(room, text, new_id() if id is None else id, kind, target))

    def history(
        self,
        room: str,
        *,
        before: int | None = None,
        after: int | None = None,
        before_at: datetime | None = None,
        after_at: datetime | None = None,
        limit: int | None = None,
    ) -> Request[Page]:
        """Ask for a page of a room's log; by default the newest."""
        token = self._next_token()
        return self._ask(checked_history(room, before, after, before_at, after_at, limit, token))

    def list_rooms(
        self, *, after: str | None = None, prefix: str | None = None, limit: int | None = None
    ) -> Request[RoomList]:
        """Ask for a page of the server's rooms; by default the first."""
        return self._ask(checked(Rooms, after=after, prefix=prefix, limit=limit, token=self._next_token()))

    def search(
        self,
        query: str | None = None,
        *,
        nick: str | None = None,
        room: str | None = None,
        after: int | None = None,
        before: int | None = None,
        after_at: datetime | None = None,
        before_at: datetime | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Request[Found]:
        """Search one room, or all that we are in; after a page, what follows its ``cursor``."""
        return self._ask(
            checked_search(
                self._next_token(),
                query=query,
                nick=nick,
                room=room,
                after=after,
                before=before,
                after_at=after_at,
                before_at=before_at,
                limit=limit,
                cursor=cursor,
            )
        )

    def who(self, room: str) -> Request[Members]:
        """Ask who is in a room; the answer has all nicks, however many frames they took."""
        return self._ask(checked(Who, room=room))

    def set_nick(self, nick: str) -> Request[NickFrame]:
        """Ask for another nick."""
        return self._ask(checked(NickFrame, nick=nick, token=self._next_token()))

    def ping(self) -> Request[Pong]:
        """Ask for a sign of life; without one in `PONG_SECONDS` the connection is given up."""
        return self._ask(Ping(token=self._next_token()))

    def moderate(
        self,
        act: Act,
        *,
        room: str | None = None,
        nick: str | None = None,
        seconds: float | None = None,
        reason: str | None = None,
    ) -> Request[Moderated]:
        """Ask for an act of moderation; it is answered once it is stored and in force."""
        return self._ask(checked_moderation(act, room, nick, seconds, reason, self._next_token()))

    def invite_device(self) -> Request[Invited]:
        """Ask for an invite by which one more device of our own account may come."""
        return self._ask(Invite(token=self._next_token()))

    def forget_device(self) -> Request[Closing]:
        """Ask that our own key be revoked; it is answered once the server lets that in no more."""
        return self._ask(Forget(token=self._next_token()))

    def ask(self, frame: ClientFrame) -> Request[Any]:
        """Ask what a frame asks; raises `UsageError` for those that the session sends by itself."""
        match frame:
            case Hello() | Ping() | Pong():
                raise UsageError(f"{frame.type} is sent by the client itself")
            case Post():
                return self._post(frame)
            case (
                History(token=None)
                | Rooms(token=None)
                | Search(token=None)
                | NickFrame(token=None)
                | Moderate(token=None)
                | Invite(token=None)
                | Forget(token=None)
            ):
                return self._ask(frame.model_copy(update={"token": self._next_token()}))
            case _:
                return self._ask(frame)

    # --- what a caller may know ------------------------------------------------------------------

    @property
    def rooms(self) -> tuple[str, ...]:
        """The rooms that we are in, folded; also while there is no connection."""
        return tuple(self._positions)

    def position(self, room: str) -> Position:
        """Return how far the events of a room were taken; raises `UsageError` if we are not in it."""
        position = self._positions.handed_out(room)
        if position is None:
            raise UsageError(f"you are not in {room}")
        return position

    def is_replay(self, message: Message) -> bool:
        """Tell whether a message was stored before its room was joined, the last time."""
        return self._positions.is_replay(message)

    def is_mine(self, message: Message) -> bool:
        """Tell whether a message is one that this session has posted, or that our nick says is ours.

        The ids of the last few thousand posts decide, so it is right across renames and resends. The nick
        decides about older ones, about those of an earlier session, and about those of other devices.
        """
        return self._posts.has_posted(message) or self.identity.is_author(message)

    @property
    def unacknowledged(self) -> int:
        """How many posts are not answered yet."""
        return len(self._posts)

    @property
    def unanswered(self) -> int:
        """How many requests and posts are not answered yet."""
        return len(self._requests) + len(self._posts)
