"""Something that a client asked of the server."""

from collections.abc import Callable
from typing import Generic, TypeVar

from chatcore.errors import ChatError, UsageError
from chatcore.messages import Ack, ClientFrame, Post

__all__ = ["Posting", "Request"]

A = TypeVar("A")


class Request(Generic[A]):
    """A frame that has an answer. ``on_done`` is called once, when that or an error is there."""

    __slots__ = ("_answer", "_error", "done", "frame", "on_done")

    def __init__(self, frame: ClientFrame) -> None:
        self.frame = frame
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

    def _finish(self) -> None:
        self.done = True
        if self.on_done is not None:
            self.on_done()


class Posting(Request[Ack]):
    """A post, until it is acknowledged or refused for good."""

    __slots__ = ("post",)

    def __init__(self, post: Post) -> None:
        super().__init__(post)
        self.post = post
