"""The frames of protocol 1, as frozen and strict models: one discriminated union a direction.

A frame is one JSON object with a ``type``. Unknown fields are ignored in both directions, so that
either side may be newer than the other. Where a word comes from an open set (an error's code, a
reason, a durability), a client decodes one that it does not know as ``unknown``.

Duplicate keys: the last one counts, as most parsers read RFC 8259; a peer must not send them.
"""

import contextlib
from hashlib import blake2b
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from chatcore.errors import UsageError
from chatcore.fields import (
    NEEDS_NICK,
    NEEDS_ROOM,
    SEQ_MAX,
    Act,
    AskedTime,
    ClosingReason,
    ClosingWord,
    Code,
    Count,
    Cursor,
    Durability,
    DurabilityWord,
    Epoch,
    GapReason,
    GapWord,
    Key,
    Kind,
    Label,
    LeftReason,
    LeftWord,
    Link,
    Nick,
    PostId,
    Query,
    RoomName,
    Seconds,
    Secret,
    Seq,
    Text,
    Time,
    Token,
)
from chatcore.limits import ClientLimits

__all__ = [
    "NEEDS_NICK",
    "NEEDS_ROOM",
    "PROTOCOL",
    "Ack",
    "Act",
    "ClientFrame",
    "Closing",
    "ClosingWord",
    "DurabilityWord",
    "Error",
    "Forget",
    "Found",
    "Frame",
    "Gap",
    "GapReason",
    "GapWord",
    "Hello",
    "History",
    "Invite",
    "Invited",
    "Join",
    "Joined",
    "Leave",
    "Left",
    "LeftWord",
    "Members",
    "Message",
    "Moderate",
    "Moderated",
    "NickFrame",
    "Page",
    "PageGap",
    "Ping",
    "Pong",
    "Position",
    "Post",
    "PostId",
    "Presence",
    "Renamed",
    "RoomEntry",
    "RoomList",
    "Rooms",
    "Search",
    "ServerFrame",
    "Stored",
    "Welcome",
    "Who",
    "client_frames",
    "digest",
    "encode",
    "server_frames",
]

PROTOCOL = 1
"""The version that this package speaks."""


class Frame(BaseModel):
    """What all frames have in common: nothing is coerced and nothing changes."""

    # An error may end up in a log, and its input may be a secret.
    model_config = ConfigDict(strict=True, frozen=True, extra="ignore", hide_input_in_errors=True)


def encode(frame: Frame) -> bytes:
    """Return a frame of either direction as one line of JSON in UTF-8, its newline included.

    Fields that are ``None`` are left out. This line is what the typed wire sends and what journals store.
    """
    return frame.__pydantic_serializer__.to_json(frame, exclude_none=True) + b"\n"


# --- both directions -----------------------------------------------------------------------------


class NickFrame(Frame):
    """From a client: take this nick. From the server: it is yours.

    The answer repeats the ``token`` of the request. It comes unasked, without one, when another session of
    the same identity has changed the nick.
    """

    type: Literal["nick"] = "nick"
    nick: Nick
    token: Token | None = None


class Ping(Frame):
    """Asks the other side for a sign of life; whoever gets one answers with a `Pong`."""

    type: Literal["ping"] = "ping"
    token: Token | None = None


class Pong(Frame):
    """Answers a `Ping` and repeats its token."""

    type: Literal["pong"] = "pong"
    token: Token | None = None


# --- client to server ----------------------------------------------------------------------------


class Position(Frame):
    """A place in a room's log: everything up to and including ``seq`` of this ``epoch``.

    Written as one text, to be stored, it is ``EPOCH:SEQ``.
    """

    epoch: Epoch
    seq: Seq

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``EPOCH:SEQ``, which `str` writes; raises `UsageError` if that is not what it is."""
        epoch, _, seq = text.strip().rpartition(":")
        if seq.isascii() and seq.isdigit():
            with contextlib.suppress(ValidationError):
                return cls(epoch=epoch, seq=int(seq))
        raise UsageError(f"a position is EPOCH:SEQ, not {text!r}")

    def __str__(self) -> str:
        return f"{self.epoch}:{self.seq}"


class Hello(Frame):
    """Opens a session. ``protocol`` is the highest version that the client speaks.

    ``session`` is the secret of an earlier `Welcome`: it moves that session's seat to this connection.
    ``key`` proves an account, where the server has accounts. ``invite`` makes the key one of the account that
    the invite stands for; the same two may be sent again.
    """

    type: Literal["hello"] = "hello"
    protocol: Count
    nick: Nick
    client: Label | None = None
    session: Secret | None = Field(default=None, repr=False)
    key: Key | None = Field(default=None, repr=False)
    invite: Secret | None = Field(default=None, repr=False)


class Join(Frame):
    """Enters a room; ``after`` resumes after a position, ``history`` asks for the last n messages.

    With both, reading continues after the position, but with the last n messages at most; what is left out
    is told as a gap.
    """

    type: Literal["join"] = "join"
    room: RoomName
    after: Position | None = None
    history: Count | None = None


class Leave(Frame):
    """Leaves a room; acknowledgements that are still owed come anyway."""

    type: Literal["leave"] = "leave"
    room: RoomName


class Post(Frame):
    """Says something. ``id`` is chosen by the sender and unique: posted again, it is stored once.

    ``kind`` says what it is, if that is not a text that is said: ``action``, ``notice``, or a word of an
    application's own that begins with ``x.``. Only such a one may have a ``target``, the ``seq`` of an
    earlier message of the room.
    """

    type: Literal["post"] = "post"
    room: RoomName
    id: PostId
    kind: Kind | None = None
    target: Annotated[int, Field(ge=1, le=SEQ_MAX)] | None = None
    text: Text


class History(Frame):
    """Asks for one page, between a lower and an upper bound, each of them optional.

    ``after`` and ``before`` are numbers, both exclusive. ``after_at`` and ``before_at`` are times, of which
    whole milliseconds count: messages of the first are included, those of the second are not. With a
    lower bound the page starts there; without one it ends at the upper bound, or at the newest message.
    """

    type: Literal["history"] = "history"
    room: RoomName
    before: Seq | None = None
    after: Seq | None = None
    after_at: AskedTime | None = None
    before_at: AskedTime | None = None
    limit: Annotated[int, Field(ge=1, le=SEQ_MAX)] | None = None
    epoch: Epoch | None = None
    token: Token | None = None


class Who(Frame):
    """Asks who is in a room, in the order of folded nicks, after the nick ``after``."""

    type: Literal["who"] = "who"
    room: RoomName
    after: Nick | None = None


class Rooms(Frame):
    """Asks for the rooms of the server, in the order of their names, after the room ``after``.

    Only those whose name begins with ``prefix``, if that is given.
    """

    type: Literal["rooms"] = "rooms"
    after: RoomName | None = None
    prefix: RoomName | None = None
    limit: Annotated[int, Field(ge=1, le=SEQ_MAX)] | None = None
    token: Token | None = None


class Search(Frame):
    """Asks for messages that have all words of ``query``, are of ``nick``, or both; see `chatcore.terms`.

    It is of one ``room``, or of all that the session is in. ``after`` and ``before`` are numbers of that
    room, both exclusive; times are as in `History`. What follows a `Found` is asked for with its ``cursor``.
    """

    type: Literal["search"] = "search"
    query: Query | None = None
    nick: Nick | None = None
    room: RoomName | None = None
    after: Seq | None = None
    before: Seq | None = None
    after_at: AskedTime | None = None
    before_at: AskedTime | None = None
    limit: Annotated[int, Field(ge=1, le=100)] | None = None
    cursor: Cursor | None = None
    token: Token | None = None


class Moderate(Frame):
    """Acts on a room, or on somebody: the account that is called ``nick``, or that the nick belongs to.

    ``seconds`` is for how long, without end if it is missing; ``reason`` is written down.
    """

    type: Literal["moderate"] = "moderate"
    act: Act
    room: RoomName | None = None
    nick: Nick | None = None
    seconds: Seconds | None = None
    reason: Label | None = None
    token: Token | None = None


class Invite(Frame):
    """Asks for an invite for one more device of one's own account."""

    type: Literal["invite"] = "invite"
    token: Token | None = None


class Forget(Frame):
    """Asks that the key which has proved this session's account be revoked, and no other key.

    It is answered by a `Closing` with ``revoked``, which all sessions of that key get.
    """

    type: Literal["forget"] = "forget"
    token: Token | None = None


# --- server to client ----------------------------------------------------------------------------


class Welcome(Frame):
    """Answers `Hello`. ``session`` is a secret; whoever has it may take over this session's seat.

    ``account`` and ``role`` are missing for whoever has no account. ``durability`` is what an `Ack` of this
    server says, and ``search`` whether it can answer a `Search`.
    """

    type: Literal["welcome"] = "welcome"
    protocol: Annotated[int, Field(ge=1, le=SEQ_MAX)]
    server: Label
    session: Annotated[Secret, Field(repr=False)]
    nick: Nick
    account: Nick | None = None
    role: Label | None = None
    durability: Durability | None = None
    search: bool | None = None
    limits: ClientLimits


class Joined(Frame):
    """Answers `Join`: you are in the room, and ``count`` members are, you included.

    Reading starts after ``after``. ``head`` is the last ``seq`` of the room now, and what is at or below it
    is replay. ``epoch`` names the log that these numbers belong to. It comes again, unasked, when the log is
    replaced.
    """

    type: Literal["joined"] = "joined"
    room: RoomName
    epoch: Epoch
    head: Seq
    after: Seq
    count: Count


class Message(Frame):
    """One entry of a room's log.

    ``seq`` is its number in the room; ``prev`` is that of the entry before it, 0 for the first. ``id`` is
    its key, chosen by whoever posted it, and ``nick`` the author's nick at that time. ``kind`` and ``target``
    are as in `Post`; a reader that does not know the kind shows the text. ``at`` is when it was stored, in
    UTC, by the server's clock; it never decreases from one message of a room to the next.
    """

    type: Literal["message"] = "message"
    room: RoomName
    seq: Seq
    prev: Seq
    id: PostId
    nick: Nick
    kind: Kind | None = None
    target: Annotated[int, Field(ge=1, le=SEQ_MAX)] | None = None
    text: Text
    at: Time


def digest(kind: str | None, target: int | None, text: str) -> bytes:
    """Return 16 bytes that stand for what was posted: two posts with one id are the same if these are.

    That of a plain text is of the text alone. No text holds a NUL, so no two of them meet.
    """
    posted = text if kind is None and target is None else f"{kind or ''}\0{target or ''}\0{text}"
    return blake2b(posted.encode(), digest_size=16).digest()


class Stored(NamedTuple):
    """A message in a log: its numbers, and the line that it is stored as. ``room`` is folded.

    The line is encoded once, when the message is stored. Journals keep it, the typed wire sends it as it
    is, and a `Message` is made of it only where one is needed.
    """

    room: str
    seq: int
    prev: int
    id: str
    line: bytes

    @classmethod
    def of(cls, message: Message) -> Self:
        """Encode a message."""
        return cls(message.room, message.seq, message.prev, message.id, encode(message))

    @property
    def message(self) -> Message:
        """The message, decoded; raises `ValueError` where the line is damaged."""
        return Message.model_validate_json(self.line)


class Ack(Frame):
    """The post with this ``id`` is stored, as entry ``seq`` of its room.

    ``durability`` says what it survives: ``synced`` a loss of power, ``written`` the end of the server,
    ``memory`` nothing, ``replicated`` the loss of a machine.
    """

    type: Literal["ack"] = "ack"
    room: RoomName
    id: PostId
    seq: Seq
    durability: Durability


class Gap(Frame):
    """Messages after ``after``, up to and including ``through``, are not sent.

    ``reason`` is ``expired`` if they were removed because of their number, size or age, and ``reset`` if the
    log was replaced: then everything that is stored follows. ``damaged`` ones are stored but unreadable.
    ``skipped`` ones are stored and can be had by `History`: the client asked for less, and ``count`` is how
    many they are, where that is known.
    """

    type: Literal["gap"] = "gap"
    room: RoomName
    after: Seq
    through: Seq
    reason: GapReason
    count: Count | None = None


class PageGap(Frame):
    """What a page lacks: the entries after ``after``, up to and including ``through``."""

    after: Seq
    through: Seq
    reason: GapReason


class Page(Frame):
    """Answers `History`, oldest first. ``base`` is the position that the first message or gap follows.

    ``gaps``, in order, are what cannot be read. Messages and gaps, in the order of their ends, each begin
    where the one before ended. A gap that ends at ``base`` says what of the request has expired.
    """

    type: Literal["page"] = "page"
    room: RoomName
    epoch: Epoch
    base: Seq
    more: bool
    token: Token | None = None
    gaps: tuple[PageGap, ...] | None = None
    messages: tuple[Message, ...]  # last, so that encoded messages can be put in by a wire


class Renamed(Frame):
    """One member's change of nick."""

    old: Nick
    new: Nick


class Presence(Frame):
    """The net change of a room's members since the last one; the lists apply as sets.

    ``more`` says that names were left out, or an earlier frame was: `Who` gives all of them.
    """

    type: Literal["presence"] = "presence"
    room: RoomName
    joined: tuple[Nick, ...] = ()
    left: tuple[Nick, ...] = ()
    renamed: tuple[Renamed, ...] = ()
    count: Count
    more: bool = False


class Members(Frame):
    """Answers `Who`; with ``more``, ask again after the last nick."""

    type: Literal["members"] = "members"
    room: RoomName
    nicks: tuple[Nick, ...]
    count: Count
    more: bool


class RoomEntry(Frame):
    """One room of a `RoomList`: who is in it (``count``), and its last message (``head`` and ``at``).

    ``at`` is missing for a room without messages, and ``private`` unless it is true.
    """

    room: RoomName
    count: Count
    head: Seq
    at: Time | None = None
    private: bool | None = None


class RoomList(Frame):
    """Answers `Rooms`; with ``more``, ask again after the last room."""

    type: Literal["room_list"] = "room_list"
    rooms: tuple[RoomEntry, ...]
    more: bool
    token: Token | None = None


class Found(Frame):
    """Answers `Search`: whole messages, newest first, by time, room and number.

    With a ``cursor`` there may be more, also if there are no messages here: the server bounds its work.
    """

    type: Literal["found"] = "found"
    room: RoomName | None = None
    cursor: Cursor | None = None
    token: Token | None = None
    messages: tuple[Message, ...]  # last, so that encoded messages can be put in by a wire


class Left(Frame):
    """No more messages of this room come: the answer to `Leave` or, with a ``reason``, unasked.

    While a join has not been answered yet, it is the answer to that.
    """

    type: Literal["left"] = "left"
    room: RoomName
    reason: LeftReason | None = None


class Moderated(Frame):
    """Answers `Moderate`: it is done, and kept.

    Unasked, without a token, it tells a member that it is muted in a room, or may speak there again.
    """

    type: Literal["moderated"] = "moderated"
    act: Act
    room: RoomName | None = None
    nick: Nick | None = None
    token: Token | None = None


class Invited(Frame):
    """Answers `Invite` with a secret that makes one more key of the account, once and for ``seconds``.

    ``links`` has the secret in the form that is sent to another device, where the server knows what it is
    called. All other sessions of the account are told, unasked, by a frame that says nothing more.
    """

    type: Literal["invited"] = "invited"
    invite: Secret | None = Field(default=None, repr=False)
    links: tuple[Link, ...] | None = Field(default=None, repr=False)
    seconds: Seconds | None = None
    token: Token | None = None


class Error(Frame):
    """Something was refused, for the reason ``code``; ``message`` says it in words.

    ``id`` is that of the post, or the token of the request, and ``room`` its room, where they are known.
    With ``retry_after`` the same may be asked again after so many seconds; without, it would be refused
    again.
    """

    type: Literal["error"] = "error"
    code: Code
    message: Annotated[str, Field(max_length=512)]
    room: RoomName | None = None
    id: PostId | None = None
    retry_after: Seconds | None = None


class Closing(Frame):
    """The last frame of a connection, and the ``reason`` for its end.

    A client reconnects, unless the reason is ``taken_over``, ``protocol``, ``banned`` or ``revoked``: after
    ``reconnect_after`` seconds, if given, and some jitter of its own.
    """

    type: Literal["closing"] = "closing"
    reason: ClosingReason
    reconnect_after: Seconds | None = None


ClientFrame = Annotated[
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
    | Pong,
    Field(discriminator="type"),
]
"""Any frame that a client sends."""

ServerFrame = Annotated[
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
    | Closing,
    Field(discriminator="type"),
]
"""Any frame that a server sends."""

client_frames: TypeAdapter[ClientFrame] = TypeAdapter(ClientFrame)
"""Reads what clients send: ``client_frames.validate_json(line)``; raises pydantic's `ValidationError`."""

server_frames: TypeAdapter[ServerFrame] = TypeAdapter(ServerFrame)
"""Reads what servers send, in the same way."""
