"""What a client has asked and is not answered yet.

The protocol has no number for each request. An acknowledgement names the ``id`` of a post; a page, a list of
rooms, what was found, a new nick, an act of moderation and an invite the ``token`` of their request. Every
other answer says only what it is about: a room. So of the requests with one *subject* only the first is sent
at a time, and whatever the server says of that room is its answer, or its refusal. The rest wait here, in the
order in which they were asked.

Three things are answers only if nothing else explains them. A nick without our token is one that another
device has taken, and an invite without it is one that another device has asked for. A room that we are *put
out* of, with a reason, is not one that we have asked to leave.

That a key is to be forgotten is answered by the end: the server says that the key is revoked or, to whoever
comes back because that was lost, that it is not valid.

A request outlives its connection: what was not answered is asked again on the next one. Posts have queues of
their own, in `chatcore.client.send_queue`.
"""

from collections import deque
from collections.abc import Callable, Collection
from typing import Any, Generic, TypeVar, cast

from chatcore.client.connection import Connection
from chatcore.errors import ChatError, DisconnectedError, RefusedError, UsageError
from chatcore.messages import (
    Ack,
    ClientFrame,
    Closing,
    Error,
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
    Moderate,
    Moderated,
    NickFrame,
    Page,
    Ping,
    Pong,
    Post,
    RoomList,
    Rooms,
    Search,
    ServerFrame,
    Welcome,
    Who,
)
from chatcore.names import fold

__all__ = ["PendingPost", "PendingRequests", "Request"]

A = TypeVar("A")

_WITH_TOKEN = History | Rooms | Search | NickFrame | Moderate | Invite | Forget
"""What is answered and refused by its token."""

MEMBERS_MAX = 100_000
"""Nicks of one room that are asked for: after so many, what there is counts as all."""


class Request(Generic[A]):
    """A frame that has an answer, which a driver gives to its user in a future.

    It is *open* until `succeed` or `fail` is called, once; from then on it is ``done`` and does not change.
    ``sent`` says whether it was sent on this connection; ``error`` is what came in place of the answer.

    A driver looks at ``error`` before it calls `result`, which would raise it: an error that was raised holds
    the frames that it passed, and here they hold the error.
    """

    __slots__ = ("_answer", "_on_done", "done", "error", "frame", "sent")

    def __init__(self, frame: ClientFrame) -> None:
        self.frame = frame
        self.sent = False
        self.done = False
        self._on_done: Callable[[], None] | None = None
        self._answer: A | None = None
        self.error: ChatError | None = None

    def __repr__(self) -> str:
        state = "open" if not self.done else "answered" if self.error is None else "refused"
        return f"<Request {self.frame.type} {state}>"

    def when_done(self, call: Callable[[], None]) -> None:
        """Have something called, once, when this is done; immediately, if it is. The last one counts."""
        if self.done:
            call()
        else:
            self._on_done = call

    def result(self) -> A:
        """Return the answer; raises the `ChatError` that came in its place, `UsageError` before either."""
        if self.error is not None:
            raise self.error
        if self._answer is None:
            raise UsageError("this request has no answer yet")
        return self._answer

    def note_sent(self, *, sent: bool = True) -> None:
        """Note that it was sent on this connection, or that there is a new connection."""
        self.sent = sent

    def succeed(self, answer: A) -> None:
        """Take the answer."""
        self._answer = answer
        self._finish()

    def fail(self, error: ChatError) -> None:
        """Take an error in place of the answer."""
        self.error = error
        self._finish()

    def end(self, error: ChatError) -> None:
        """Take what has ended the session: an error, unless that was asked for."""
        if isinstance(self.frame, Forget) and _says_no_key(error):
            self.succeed(cast(A, Closing(reason="revoked")))
        else:
            self.fail(error)

    def is_answered_by(self, answer: ServerFrame) -> bool:
        """Tell whether a frame is the answer."""
        frame = self.frame
        match answer:
            case Welcome():
                return isinstance(frame, Hello)
            case NickFrame():
                return isinstance(frame, NickFrame) and frame.token == answer.token
            case Joined():
                return isinstance(frame, Join) and fold(frame.room) == fold(answer.room)
            case Left(reason=None):
                return isinstance(frame, Leave) and fold(frame.room) == fold(answer.room)
            case Members():
                return isinstance(frame, Who) and fold(frame.room) == fold(answer.room)
            case Pong():
                return isinstance(frame, Ping) and frame.token == answer.token
            case Page():
                return isinstance(frame, History) and frame.token == answer.token
            case RoomList():
                return isinstance(frame, Rooms) and frame.token == answer.token
            case Found():
                return isinstance(frame, Search) and frame.token == answer.token
            case Moderated():
                return isinstance(frame, Moderate) and frame.token == answer.token
            case Invited():
                return isinstance(frame, Invite) and frame.token == answer.token
            case _:
                return False

    @property
    def subject(self) -> str | None:
        """What its answer will be about, if that is all that the answer says; ``None`` if it says more."""
        match self.frame:
            case Join() | Leave() | Who():
                return fold(self.frame.room)
            case _:
                return None

    def may_be_refused_by(self, error: Error) -> bool:
        """Tell whether an error means this, if it is the one of its subject that was sent."""
        frame = self.frame
        if error.id is not None:
            return isinstance(frame, _WITH_TOKEN) and frame.token == error.id
        if error.room is not None:
            return isinstance(frame, Join | Leave | Who) and fold(frame.room) == fold(error.room)
        return False

    def _finish(self) -> None:
        self.done = True
        call, self._on_done = self._on_done, None  # it usually refers to this: a cycle would keep both alive
        if call is not None:
            call()


class PendingPost(Request[Ack]):
    """A post, until it is acknowledged or refused for good.

    ``number`` is its place among all posts to its room, from 1; ``sent_at`` is when it was first sent, on
    whichever connection.
    """

    __slots__ = ("number", "post", "sent_at")

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self.post = post
        self.number = 0
        self.sent_at: float | None = None

    def queued(self, number: int) -> None:
        """Learn its number."""
        self.number = number

    def sending(self, now: float) -> None:
        """Note that it is sent, if that is the first time."""
        if self.sent_at is None:
            self.sent_at = now

    def is_older_than(self, when: float) -> bool:
        """Tell whether it was first sent before a time."""
        return self.sent_at is not None and self.sent_at < when


class PendingRequests:
    """Requests without an answer, in the order in which they were asked."""

    def __init__(self) -> None:
        self._requests: deque[Request[Any]] = deque()
        self._members: dict[str, list[str]] = {}  # the nicks named so far, by folded room

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, frame: ClientFrame) -> Request[Any]:
        """Note that something is to be asked."""
        request: Request[Any] = Request(frame)
        self._requests.append(request)
        return request

    def send(self, connection: Connection, awaited: Collection[str]) -> None:
        """Send what can be sent now.

        A question about a room that we are not back in yet, one of ``awaited``, would be refused, so it
        waits.
        """
        subjects: set[str] = set()
        for request in self._requests:
            subject, frame = request.subject, request.frame
            too_early = isinstance(frame, History | Who | Search) and _is_of(frame, awaited)
            if not request.sent and subject not in subjects and not too_early:
                request.note_sent()
                connection.send(frame)
            if subject is not None:
                subjects.add(subject)

    def asked(self, frame: ServerFrame) -> ClientFrame | None:
        """Return what a frame answers, or ``None``."""
        request = self._answered_by(frame)
        return None if request is None else request.frame

    def answer(self, frame: ServerFrame) -> None:
        """Take what may be an answer."""
        request = self._answered_by(frame)
        if request is not None:
            self._requests.remove(request)
            request.succeed(frame)

    def collect(self, connection: Connection, frame: Members) -> None:
        """Take a part of a list of members, and ask for the next; the last part answers with all of it."""
        nicks = self._members.setdefault(fold(frame.room), [])
        nicks += frame.nicks
        if frame.more and frame.nicks and len(nicks) < MEMBERS_MAX:
            connection.send(Who(room=frame.room, after=frame.nicks[-1]))
        else:
            del self._members[fold(frame.room)]
            self.answer(frame.model_copy(update={"nicks": tuple(nicks)}))

    def refuse(self, frame: Error, error: ChatError) -> bool:
        """Take what may be a refusal; return whether it is about something that was sent."""
        request = next((each for each in self._sent() if each.may_be_refused_by(frame)), None)
        if request is None:
            return False
        self._requests.remove(request)
        request.fail(error)
        return True

    def refuse_join(self, room: str) -> bool:
        """Take that we will not get into a room; return whether a join of it was sent."""
        joins = (each for each in self._sent() if isinstance(each.frame, Join))
        request = next((each for each in joins if each.subject == fold(room)), None)
        if request is None:
            return False
        self._requests.remove(request)
        words = f"the server put you out of {room} before you were in it"
        request.fail(RefusedError("forbidden", words, room=room))
        return True

    def reconnected(self) -> list[str]:
        """Have everything asked again on a new connection; return the rooms that were being left.

        Those are left: the loss of the connection has done it.
        """
        self._members.clear()
        leaves = [(each, frame.room) for each in self._requests if isinstance(frame := each.frame, Leave)]
        for request, room in leaves:
            self._requests.remove(request)
            request.succeed(Left(room=room))
        for request in self._requests:
            request.note_sent(sent=False)
        return [room for _, room in leaves]

    def clear(self) -> list[Request[Any]]:
        """Take out everything that is not answered."""
        requests = list(self._requests)
        self._requests.clear()
        return requests

    def _answered_by(self, frame: ServerFrame) -> Request[Any] | None:
        return next((each for each in self._sent() if each.is_answered_by(frame)), None)

    def _sent(self) -> list[Request[Any]]:
        return [request for request in self._requests if request.sent]


def _is_of(frame: History | Who | Search, rooms: Collection[str]) -> bool:
    """Tell whether a question is about one of some rooms; a search without a room is about all of them."""
    return bool(rooms) if frame.room is None else fold(frame.room) in rooms


def _says_no_key(error: ChatError) -> bool:
    """Tell whether the server lets our key in no more."""
    if isinstance(error, DisconnectedError):
        return error.reason == "revoked"
    return isinstance(error, RefusedError) and error.code == "unauthorized"
