"""What each frame of a client asks for, and how it is done or refused.

Everything here runs under the hub's lock, on behalf of one session. What needs the journal is noted
as a draft or a chore, and done when the lock is released.
"""

from typing import TYPE_CHECKING

from chatcore import __version__, journal
from chatcore.errors import Fault
from chatcore.journal import Unavailable
from chatcore.messages import (
    PROTOCOL,
    Hello,
    History,
    Join,
    Leave,
    Left,
    NickFrame,
    Ping,
    Pong,
    Post,
    Welcome,
    Who,
)
from chatcore.names import fold, is_numeric, is_reserved
from chatcore.server import posts, queries
from chatcore.server.member import Member
from chatcore.wire import Hangup, Item, Reply

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["catch_up", "handle", "handle_late", "remove"]

SERVER = f"chatcore/{__version__}"
RETRY_SECONDS = 1.0
PAGE_BYTES = 128 * 1024  # of one read of a reader that is behind


def handle(session: "Session", item: Item, now: float) -> None:
    """Do what one thing that came from the peer asks for, before or after the handshake."""
    match item:
        case Post():
            posts.post(session, item, now)
        case Fault(id=None, fatal=False) if not session.want_data:
            pass  # it has not read of its earlier ones, and waits for no answer to this one
        case Fault(fatal=True):
            session.refuse(item.code, item.message)
            session.end("protocol" if session.identity else None)
        case Pong():
            pass
        case Hangup():
            session.hang_up()
        case _ if wait := session.take_token(now):
            room, id_ = getattr(item, "room", None), getattr(item, "token", None) or getattr(item, "id", None)
            session.refuse("rate_limited", "too many frames", room=room, id=id_, retry_after=wait)
        case Fault():
            session.refuse(item.code, item.message, room=item.room, id=item.id)
        case Reply():
            session.send_encoded(item.data)
        case Ping():
            session.send(Pong(token=item.token))
        case Hello():
            _hello(session, item)
        case _ if session.identity is None:
            session.refuse("bad_state", f"say hello before {item.type}")
        case Join():
            _join(session, item)
        case Leave():
            _leave(session, item)
        case NickFrame():
            _nick(session, item)
        case History() | Who():
            queries.ask(session, item)


def handle_late(session: "Session", item: Item) -> None:
    """Refuse what comes after the end was decided."""
    if session.identity is not None and isinstance(item, Post | Join | Who | History):
        id_ = item.id if isinstance(item, Post) else getattr(item, "token", None)
        session.refuse("unavailable", "this connection is ending", room=item.room, id=id_, retry_after=1.0)


# --- who one is ----------------------------------------------------------------------------------


def _hello(session: "Session", frame: Hello) -> None:
    if session.identity is not None:
        session.refuse("bad_state", "hello was said already")
        return
    identities = session.hub.identities
    nick, known = frame.nick, identities.find(frame.session)
    if not session.wire.typed:
        nick = identities.free_variant(nick)
    problem = _nick_problem(session, nick)
    if frame.protocol < PROTOCOL:
        session.refuse("unsupported_protocol", f"this server speaks protocol {PROTOCOL} to {PROTOCOL}")
    elif problem:
        session.refuse("bad_name", problem)
    elif not identities.is_free(nick, for_identity=known):
        session.refuse("nick_taken", f"the nick {nick} is in use")
    else:
        _welcome(session, nick, frame)
        return
    session.end(None)


def _welcome(session: "Session", nick: str, frame: Hello) -> None:
    identities = session.hub.identities
    identity = identities.find(frame.session)
    if identity is None:
        identity = identities.create(nick, session, frame.session)
    elif identity.session is not None:
        identity.session.end("taken_over")
    session.live(identity)
    identities.rename(identity, nick)  # the same name, perhaps in another spelling
    session.send(
        Welcome(
            protocol=PROTOCOL,
            server=SERVER,
            session=identity.secret,
            nick=nick,
            limits=session.hub.limits_for_client,
        )
    )


def _nick(session: "Session", frame: NickFrame) -> None:
    identity = session.identity
    assert identity is not None
    identities = session.hub.identities
    nick = frame.nick
    if not session.wire.typed:
        nick = identities.free_variant(nick, for_identity=identity)
    if problem := _nick_problem(session, nick):
        session.refuse("bad_name", problem)
    elif not identities.is_free(nick, for_identity=identity):
        session.refuse("nick_taken", f"the nick {nick} is in use")
    else:
        before = identity.nick
        identities.rename(identity, nick)
        session.send(NickFrame(nick=nick))
        for member in session.members.values():
            _tell_presence(session, member, before)


def _nick_problem(session: "Session", nick: str) -> str | None:
    if is_reserved(nick):
        return f"nobody may be called {nick}"
    if session.wire.typed and is_numeric(nick):
        return "a nick of digits only is a plain member's port"
    return None


# --- rooms ---------------------------------------------------------------------------------------


def _join(session: "Session", frame: Join) -> None:
    hub, limits, name = session.hub, session.hub.limits, fold(frame.room)
    if frame.after is not None and frame.history is not None:
        session.refuse("bad_frame", "a join has either after or history", room=name)
    elif name in session.members:
        session.refuse("bad_state", "you are in this room already", room=name)
    elif limits.rooms_per_session is not None and len(session.members) >= limits.rooms_per_session:
        session.refuse("limit_exceeded", "you are in too many rooms", room=name)
    elif (room := hub.open_room(name)) is None:
        session.refuse("limit_exceeded", "there are too many rooms", room=name)
    elif limits.members_per_room is not None and room.count >= limits.members_per_room:
        session.refuse("limit_exceeded", "the room is full", room=name)
    else:
        member = Member(room, session)
        session.members[name] = member
        session.add_turn(member)
        room.add(session.endpoint, member)
        _tell_presence(session, member, None)
        _begin_reading(session, member, frame)


def _begin_reading(session: "Session", member: Member, frame: Join) -> None:
    room = member.room
    if frame.history:
        _seek(session, member, min(frame.history, session.hub.limits.page_messages))
        return
    if frame.after is None:
        member.start(room.head)
    elif frame.after.epoch == room.epoch and frame.after.seq <= room.head:
        member.start(frame.after.seq)
    else:
        member.restart()
    session.tell_joined(member)


def _seek(session: "Session", member: Member, back: int) -> None:
    hub, room = session.hub, member.room
    below = room.head + 1

    def found(position: int | Unavailable) -> None:
        with hub.lock:
            if session.members.get(room.name) is member and not member.joined:
                if isinstance(position, Unavailable):
                    remove(session, member)
                    session.refuse(
                        "unavailable",
                        "the history cannot be read now",
                        room=room.name,
                        retry_after=position.retry_after,
                    )
                else:
                    member.start(position)
                    session.tell_joined(member)
        hub.wake_endpoints()

    session.chores.append(lambda: hub.journal.seek(room.name, back, below, found))


def _leave(session: "Session", frame: Leave) -> None:
    member = session.members.get(fold(frame.room))
    if member is None:
        session.refuse("not_joined", "you are not in this room", room=fold(frame.room))
    else:
        remove(session, member)
        session.send(Left(room=member.room.name))


def remove(session: "Session", member: Member) -> None:
    """Take a member out of its room, for whatever reason."""
    room = member.room
    del session.members[room.name]
    member.end()
    session.drop_turn(member)
    room.remove(session.endpoint, member)
    _tell_presence(session, member, session.nick)
    session.hub.drop_if_unused(room)


def _tell_presence(session: "Session", member: Member, nick_before: str | None) -> None:
    presence = member.room.presence
    if not presence.pending:  # else an endpoint, of this transport or another, has the time already
        session.endpoint.advance_timer(member.room, member.room.presence_due(session.hub.clock()))
    presence.change(session, nick_before)


def catch_up(session: "Session", member: Member) -> None:
    """Ask the journal for what a member has to read before it can read the tail."""
    hub, room = session.hub, member.room
    ticket = member.reading = object()
    after, below = member.position, room.head + 1

    def deliver(page: journal.Page | Unavailable) -> None:
        with hub.lock:
            if member.reading is ticket:  # else it has left, or a new epoch has begun
                if isinstance(page, Unavailable):
                    session.retry(member, page.retry_after)
                elif page.through <= after:  # it broke its contract; asking again at once would never end
                    session.retry(member, RETRY_SECONDS)
                else:
                    member.receive_page(page)
                    session.endpoint.mark(session)
        hub.wake_endpoints()

    session.chores.append(
        lambda: hub.journal.read(
            room.name,
            session.wire,
            deliver,
            after=after,
            before=below,
            limit=hub.limits.page_messages,
            max_bytes=PAGE_BYTES,
        )
    )
