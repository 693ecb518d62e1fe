"""Something that a client asked of the server."""

from collections.abc import Callable
from typing import Generic, TypeVar

from pydantic import ValidationError

from chatcore.errors import ChatError, UsageError
from chatcore.messages import (
    Ack,
    ClientFrame,
    Error,
    Frame,
    Hello,
    History,
    Join,
    Joined,
    Leave,
    Left,
    Members,
    NickFrame,
    Page,
    Post,
    ServerFrame,
    Welcome,
    Who,
)
from chatcore.names import RULES, fold

__all__ = ["PendingPost", "Request", "checked"]

A = TypeVar("A")
F = TypeVar("F", bound=Frame)


class Request(Generic[A]):
    """A frame that has an answer. ``on_done`` is called once, when that or an error is there."""

    __slots__ = ("_answer", "_error", "done", "frame", "on_done", "sent")

    def __init__(self, frame: ClientFrame) -> None:
        self.frame = frame
        self.sent = False  # on this connection
        self.done = False
        self.on_done: Callable[[], None] | None = None
        self._answer: A | None = None
        self._error: ChatError | None = None

    def __repr__(self) -> str:
        state = "open" if not self.done else "answered" if self._error is None else "refused"
        return f"<Request {self.frame.type} {state}>"

    def result(self) -> A:
        """Return the answer; raises the `ChatError` that came in its place."""
        if self._error is not None:
            raise self._error
        if self._answer is None:
            raise UsageError("this request has no answer yet")
        return self._answer

    def succeed(self, answer: A) -> None:
        """Take the answer."""
        self._answer = answer
        self._finish()

    def fail(self, error: ChatError) -> None:
        """Take an error in place of the answer."""
        self._error = error
        self._finish()

    def is_answered_by(self, answer: ServerFrame) -> bool:
        """Tell whether a frame is the answer."""
        frame = self.frame
        match answer:
            case Welcome():
                return isinstance(frame, Hello)
            case NickFrame():
                return isinstance(frame, NickFrame)
            case Joined():
                return isinstance(frame, Join) and fold(frame.room) == fold(answer.room)
            case Left():
                return isinstance(frame, Leave) and fold(frame.room) == fold(answer.room)
            case Members():
                return isinstance(frame, Who) and fold(frame.room) == fold(answer.room)
            case Page():
                return isinstance(frame, History) and frame.token == answer.token
            case _:
                return False

    @property
    def subject(self) -> str | None:
        """What the request is about, if its answer is told from others by that alone.

        Of two with the same subject, the second is to be sent when the first is answered.
        """
        match self.frame:
            case Join() | Leave() | Who():
                return fold(self.frame.room)
            case NickFrame():
                return ""
            case _:
                return None

    def may_be_refused_by(self, error: Error) -> bool:
        """Tell whether an error means this, if it is the one of its subject that was sent."""
        frame = self.frame
        if error.id is not None:
            return isinstance(frame, History) and frame.token == error.id
        if error.room is not None:
            return isinstance(frame, Join | Leave | Who) and fold(frame.room) == fold(error.room)
        return isinstance(frame, Hello | NickFrame)

    def _finish(self) -> None:
        self.done = True
        if self.on_done is not None:
            self.on_done()


class PendingPost(Request[Ack]):
    """A post, until it is acknowledged or refused for good.

    ``place`` is its place among all that was said in its room, ``sent_at`` when it first went out.
    """

    __slots__ = ("place", "post", "sent_at")

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self.post = post
        self.place = 0
        self.sent_at: float | None = None


def checked(kind: type[F], **fields: object) -> F:
    """Make a frame of a caller's arguments; raises `UsageError`, in words."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise UsageError(RULES.get(field, f"{field}: {first['msg']}")) from None
