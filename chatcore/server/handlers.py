"""What each frame of a client asks for, and how it is done or refused.

`FRAME_RULES` says for everything that a peer can send what it costs, whether `hello` must come first, and
what is done. Once a session is ending, `handle_late` refuses all of it instead.

- Everything here runs under the hub's lock, on behalf of one session. What needs the journal is noted, and
  done when the lock is released.
- A refusal names what it refuses: the room, and the id or token. It changes nothing.
- Checks go from the frame to the world: what is wrong with the frame itself comes first, then what the sender
  may not do, then what there is no room for. So a client learns first what it can mend.
"""

from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from chatcore.errors import Fault
from chatcore.messages import (
    NEEDS_NICK,
    NEEDS_ROOM,
    PROTOCOL,
    Forget,
    Hello,
    History,
    Invite,
    Join,
    Leave,
    Left,
    Moderate,
    NickFrame,
    Ping,
    Pong,
    Post,
    Rooms,
    Search,
    Who,
)
from chatcore.names import fold
from chatcore.server.queries import Query
from chatcore.server.searches import TOKENS
from chatcore.server.states import State
from chatcore.wire import Hangup, Item, Moved, Reply

if TYPE_CHECKING:
    from chatcore.server.session import Session

__all__ = ["FRAME_RULES", "Price", "Rule", "handle", "handle_late", "handle_turned_away"]


_REQUESTS = (Post, Join, Leave, NickFrame, Moderate, Invite, Forget, Who, History, Rooms, Search)
"""What a client waits for an answer to."""


class Price(Enum):
    """What an item takes from its sender's allowance.

    Nothing; one token, without which it is refused as ``rate_limited``; or one of the two, which its handler
    decides.
    """

    FREE = "free"
    TOKEN = "token"
    VARIES = "varies"


class Rule(NamedTuple):
    """How one kind of item is treated.

    Without ``early`` it is refused before `hello`; with it, its handler sees to that.
    """

    price: Price
    early: bool
    act: "Callable[[Session, Any, float], None]"


def handle(session: "Session", item: Item, now: float) -> None:
    """Do what one item asks for."""
    rule = FRAME_RULES[type(item)]
    if rule.price is Price.TOKEN and (wait := session.take_token(now)):
        session.refuse("rate_limited", "too many frames", item, retry_after=wait)
    elif not rule.early and session.seat is None:
        session.refuse("bad_state", f"say hello before {getattr(item, 'type', 'this')}", item)
    else:
        rule.act(session, item, now)


def handle_late(session: "Session", item: Item) -> None:
    """Refuse what comes after the end was decided."""
    if session.seat is not None and isinstance(item, _REQUESTS):
        session.refuse("unavailable", "this connection is ending", item, retry_after=1.0)


def handle_turned_away(session: "Session", item: Item, now: float) -> None:
    """Let a peer that is turned away shake hands in its wire's way, or fail to, and nothing else."""
    if isinstance(item, Moved):
        handle(session, item, now)
        return  # its handshake follows
    shakes_hands = isinstance(item, Reply) or (isinstance(item, Fault) and item.fatal)
    if shakes_hands and session.state is State.HANDSHAKE:
        handle(session, item, now)
    session.say_refusal()


# --- other than requests -------------------------------------------------------------------------


def _ignore(session: "Session", item: object, now: float) -> None:
    """Any byte is a sign of life, and this is nothing more."""


def _hang_up(session: "Session", hangup: Hangup, now: float) -> None:
    session.hang_up(lost=hangup.lost)


def _fault(session: "Session", fault: Fault, now: float) -> None:
    if fault.fatal:
        session.refuse(fault.code, fault.message)
        session.end("protocol" if session.seat else None)
    elif fault.id is None and session.leaves_too_much:
        pass  # it has not read of its earlier ones, and waits for no answer to this one
    elif wait := session.take_token(now):
        session.refuse("rate_limited", "too many frames", fault, retry_after=wait)
    else:
        session.refuse(fault.code, fault.message, fault)


def _reply(session: "Session", reply: Reply, now: float) -> None:
    if not reply.free and (wait := session.take_token(now)):
        session.refuse("rate_limited", "too many frames", reply, retry_after=wait)
    else:
        session.send_encoded(reply.data)


def _moved(session: "Session", moved: Moved, now: float) -> None:
    session.move(moved.peer, is_new=not moved.refusal)
    if session.hub.may_ask(session):
        return
    if moved.refusal:
        session.send_encoded(moved.refusal)
        session.end(None)
    else:  # as others are turned away who connect too often
        session.abort()


def _ping(session: "Session", ping: Ping, now: float) -> None:
    session.send(Pong(token=ping.token))


# --- identity ------------------------------------------------------------------------------------


def _hello(session: "Session", hello: Hello, now: float) -> None:
    """Let a session in, if the gate and the directory agree.

    A refused `hello` ends the connection: a client that is not who it wants to be has nothing to do here.
    """
    if session.seat is not None:
        session.refuse("bad_state", "you have already said hello")
    elif hello.protocol < PROTOCOL:
        session.refuse("unsupported_protocol", f"this server speaks protocol {PROTOCOL}")
        session.end(None)
    else:
        session.pending.hello(hello)


def _nick(session: "Session", frame: NickFrame, now: float) -> None:
    session.pending.nick(frame)


# --- moderation ----------------------------------------------------------------------------------


def _moderate(session: "Session", frame: Moderate, now: float) -> None:
    if frame.room is None and frame.act in NEEDS_ROOM:
        session.refuse("bad_frame", f"{frame.act} needs a room", frame)
    elif frame.nick is None and frame.act in NEEDS_NICK:
        session.refuse("bad_frame", f"{frame.act} needs a nick", frame)
    else:
        session.pending.moderate(frame)


def _invite(session: "Session", frame: Invite, now: float) -> None:
    session.pending.invite(frame)


def _forget(session: "Session", frame: Forget, now: float) -> None:
    session.pending.forget(frame)


# --- rooms ---------------------------------------------------------------------------------------


def _join(session: "Session", join: Join, now: float) -> None:
    limit, name = session.hub.limits.rooms_per_session, fold(join.room)
    seat = session.seat
    assert seat is not None
    if name in session.members:
        session.refuse("bad_state", "you are already in this room", join)
    elif limit is not None and len(session.members) + session.pending.joins >= limit:
        session.refuse("limit_exceeded", "you are in too many rooms", join)
    elif refusal := session.hub.gate.may_join(seat.person, name):
        session.refuse(refusal.code, refusal.message, join, retry_after=refusal.retry_after)
    else:
        session.pending.join(join)


def _leave(session: "Session", leave: Leave, now: float) -> None:
    member = session.members.get(fold(leave.room))
    if member is None:
        session.refuse("not_joined", "you are not in this room", leave)
    else:
        session.leave(member)
        session.send(Left(room=member.room.name))


def _post(session: "Session", post: Post, now: float) -> None:
    session.posts.take((post,), now)


def _query(session: "Session", frame: Query, now: float) -> None:
    session.queries.ask(frame)


def _search(session: "Session", frame: Search, now: float) -> None:
    if wait := session.take_token(now, TOKENS):
        session.refuse("rate_limited", "searches cost more than other frames", frame, retry_after=wait)
    else:
        _query(session, frame, now)


FRAME_RULES: Final[dict[type[Item], Rule]] = {
    # A post takes a token, unless an earlier one was refused: then it is refused for free (see `Posts`).
    Post: Rule(Price.VARIES, early=True, act=_post),
    # A stream that is out of step ends, and what its sender does not wait for is dropped: both for free.
    Fault: Rule(Price.VARIES, early=True, act=_fault),
    Pong: Rule(Price.FREE, early=True, act=_ignore),
    Hangup: Rule(Price.FREE, early=True, act=_hang_up),
    Moved: Rule(Price.FREE, early=True, act=_moved),
    Ping: Rule(Price.TOKEN, early=True, act=_ping),
    # A wire bounds by itself what belongs to its handshake: that is free.
    Reply: Rule(Price.VARIES, early=True, act=_reply),
    Hello: Rule(Price.TOKEN, early=True, act=_hello),
    Join: Rule(Price.TOKEN, early=False, act=_join),
    Leave: Rule(Price.TOKEN, early=False, act=_leave),
    NickFrame: Rule(Price.TOKEN, early=False, act=_nick),
    Moderate: Rule(Price.TOKEN, early=False, act=_moderate),
    Invite: Rule(Price.TOKEN, early=False, act=_invite),
    Forget: Rule(Price.TOKEN, early=False, act=_forget),
    History: Rule(Price.TOKEN, early=False, act=_query),
    Who: Rule(Price.TOKEN, early=False, act=_query),
    Rooms: Rule(Price.TOKEN, early=False, act=_query),
    Search: Rule(Price.VARIES, early=False, act=_search),
}
