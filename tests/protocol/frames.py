"""Every frame of protocol 1, as ``docs/protocol.md`` lists them. `tests.protocol.codec` has their lines.

A field that may be missing has the default ``None``. Any other default only saves tests some typing.
"""

from dataclasses import dataclass
from typing import ClassVar, Literal, NewType, dataclass_transform

__all__ = [
    "Ack",
    "Act",
    "ClientFrame",
    "Closing",
    "Code",
    "Durability",
    "Error",
    "Forget",
    "Found",
    "Frame",
    "Gap",
    "GapReason",
    "Hello",
    "History",
    "Invite",
    "Invited",
    "Join",
    "Joined",
    "Leave",
    "Left",
    "Members",
    "Message",
    "Moderate",
    "Moderated",
    "NickFrame",
    "Page",
    "PageGap",
    "Part",
    "Ping",
    "Pong",
    "Position",
    "Post",
    "Presence",
    "Renamed",
    "RoomEntry",
    "RoomList",
    "Rooms",
    "Search",
    "ServerFrame",
    "Time",
    "Welcome",
    "Who",
]

Time = NewType("Time", str)
"""RFC 3339 in UTC, as it stands on the line."""

Limits = dict[str, float]
Nicks = tuple[str, ...]
Act = Literal["close", "open", "admit", "kick", "mute", "ban", "lift"]
Durability = Literal["memory", "written", "synced", "replicated"]
GapReason = Literal["expired", "reset", "damaged", "skipped"]
LeftReason = Literal["expelled"]
ClosingReason = Literal["drain", "taken_over", "stalled", "timeout", "protocol", "banned", "revoked"]
Code = Literal[
    "bad_frame",
    "bad_state",
    "bad_name",
    "bad_text",
    "too_long",
    "unknown_type",
    "unknown_kind",
    "unsupported_protocol",
    "nick_taken",
    "not_joined",
    "conflict",
    "rate_limited",
    "limit_exceeded",
    "unavailable",
    "unauthorized",
    "forbidden",
]


@dataclass_transform(frozen_default=True, kw_only_default=True)
class Part:
    """An object on the line. Equal to another of its kind with equal fields; never changes."""

    def __init_subclass__(cls) -> None:
        dataclass(frozen=True, kw_only=True)(cls)


class Frame(Part):
    """An object on a line of its own, which says what it is by its ``type``."""

    type: ClassVar[str]


class Position(Part):
    """A place in a room's log: up to and including ``seq`` of this ``epoch``."""

    epoch: str
    seq: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"


class Renamed(Part):
    """One member's change of nick."""

    old: str
    new: str


# --- both directions -----------------------------------------------------------------------------


class NickFrame(Frame):
    type = "nick"
    nick: str
    token: str | None = None


class Ping(Frame):
    type = "ping"
    token: str | None = None


class Pong(Frame):
    type = "pong"
    token: str | None = None


# --- client to server ----------------------------------------------------------------------------


class Hello(Frame):
    type = "hello"
    protocol: int
    nick: str
    client: str | None = None
    session: str | None = None
    key: str | None = None
    invite: str | None = None


class Join(Frame):
    type = "join"
    room: str
    after: Position | None = None
    history: int | None = None


class Leave(Frame):
    type = "leave"
    room: str


class Post(Frame):
    type = "post"
    room: str
    id: str
    kind: str | None = None
    target: int | None = None
    text: str


class History(Frame):
    type = "history"
    room: str
    before: int | None = None
    after: int | None = None
    after_at: Time | None = None
    before_at: Time | None = None
    limit: int | None = None
    epoch: str | None = None
    token: str | None = None


class Who(Frame):
    type = "who"
    room: str
    after: str | None = None


class Rooms(Frame):
    type = "rooms"
    after: str | None = None
    prefix: str | None = None
    limit: int | None = None
    token: str | None = None


class Search(Frame):
    type = "search"
    query: str | None = None
    nick: str | None = None
    room: str | None = None
    after: int | None = None
    before: int | None = None
    after_at: Time | None = None
    before_at: Time | None = None
    limit: int | None = None
    cursor: str | None = None
    token: str | None = None


class Moderate(Frame):
    type = "moderate"
    act: Act
    room: str | None = None
    nick: str | None = None
    seconds: float | None = None
    reason: str | None = None
    token: str | None = None


class Invite(Frame):
    type = "invite"
    token: str | None = None


class Forget(Frame):
    type = "forget"
    token: str | None = None


# --- server to client ----------------------------------------------------------------------------


class Welcome(Frame):
    type = "welcome"
    protocol: int
    server: str
    session: str
    nick: str
    account: str | None = None
    role: str | None = None
    durability: str | None = None
    search: bool | None = None
    limits: Limits


class Joined(Frame):
    type = "joined"
    room: str
    epoch: str
    head: int
    after: int
    count: int


class Message(Frame):
    type = "message"
    room: str
    seq: int
    prev: int
    id: str
    nick: str
    kind: str | None = None
    target: int | None = None
    text: str
    at: Time


class Ack(Frame):
    type = "ack"
    room: str
    id: str
    seq: int
    durability: Durability


class Gap(Frame):
    type = "gap"
    room: str
    after: int
    through: int
    reason: GapReason
    count: int | None = None


class PageGap(Part):
    """What a page lacks."""

    after: int
    through: int
    reason: GapReason


class Page(Frame):
    type = "page"
    room: str
    epoch: str
    base: int
    more: bool
    token: str | None = None
    gaps: tuple[PageGap, ...] | None = None
    messages: tuple[Message, ...]


class Presence(Frame):
    type = "presence"
    room: str
    joined: Nicks = ()
    left: Nicks = ()
    renamed: tuple[Renamed, ...] = ()
    count: int
    more: bool = False


class Members(Frame):
    type = "members"
    room: str
    nicks: Nicks
    count: int
    more: bool


class RoomEntry(Part):
    """One room of a list."""

    room: str
    count: int
    head: int
    at: Time | None = None
    private: bool | None = None


class RoomList(Frame):
    type = "room_list"
    rooms: tuple[RoomEntry, ...]
    more: bool
    token: str | None = None


class Found(Frame):
    type = "found"
    room: str | None = None
    cursor: str | None = None
    token: str | None = None
    messages: tuple[Message, ...]


class Left(Frame):
    type = "left"
    room: str
    reason: LeftReason | None = None


class Moderated(Frame):
    type = "moderated"
    act: Act
    room: str | None = None
    nick: str | None = None
    token: str | None = None


class Invited(Frame):
    type = "invited"
    invite: str | None = None
    links: tuple[str, ...] | None = None
    seconds: float | None = None
    token: str | None = None


class Error(Frame):
    type = "error"
    code: Code
    message: str
    room: str | None = None
    id: str | None = None
    retry_after: float | None = None


class Closing(Frame):
    type = "closing"
    reason: ClosingReason
    reconnect_after: float | None = None


ClientFrame = (
    Hello
    | Join
    | Leave
    | Post
    | History
    | Who
    | Rooms
    | Search
    | Moderate
    | Invite
    | Forget
    | NickFrame
    | Ping
    | Pong
)
ServerFrame = (
    Welcome
    | Joined
    | Message
    | Ack
    | Gap
    | Page
    | Presence
    | Members
    | RoomList
    | Found
    | Left
    | Moderated
    | Invited
    | NickFrame
    | Ping
    | Pong
    | Error
    | Closing
)
