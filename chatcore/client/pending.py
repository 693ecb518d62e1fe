"""What a client has asked and is not answered yet, apart from its posts."""

from collections import deque
from collections.abc import Container
from typing import Any

from chatcore.client.connection import Connection
from chatcore.client.requests import Request
from chatcore.errors import ChatError
from chatcore.messages import ClientFrame, Error, History, Leave, Left, Members, ServerFrame, Who
from chatcore.names import fold

__all__ = ["PendingRequests"]

MEMBERS_MAX = 100_000
"""Nicks of one room that are asked for; a server that has more to tell is not believed."""


class PendingRequests:
    """Requests in the order in which they were asked.

    Most answers say only which room they are about. So of those with one subject only the first is on
    its way at a time: whatever is said of that subject is its answer, or the refusal of it.
    """

    def __init__(self) -> None:
        self._requests: deque[Request[Any]] = deque()
        self._members: dict[str, list[str]] = {}  # who was named so far, by folded room

    def __len__(self) -> int:
        return len(self._requests)

    def add(self, frame: ClientFrame) -> Request[Any]:
        """Note that something is to be asked."""
        request: Request[Any] = Request(frame)
        self._requests.append(request)
        return request

    def send(self, link: Connection, awaited: Container[str]) -> None:
        """Send what can be sent now, but no question about a room that we are not back in yet."""
        subjects: set[str] = set()
        for request in self._requests:
            subject, frame = request.subject, request.frame
            too_early = isinstance(frame, History | Who) and fold(frame.room) in awaited
            if not request.sent and subject not in subjects and not too_early:
                request.sent = True
                link.send(frame)
            if subject is not None:
                subjects.add(subject)

    def awaits(self, frame: ServerFrame) -> bool:
        """Tell whether a frame answers anything that was asked."""
        return any(request.is_answered_by(frame) for request in self._sent())

    def answer(self, frame: ServerFrame) -> None:
        """Take what may be an answer."""
        request = next((each for each in self._sent() if each.is_answered_by(frame)), None)
        if request is not None:
            self._requests.remove(request)
            request.succeed(frame)

    def collect(self, link: Connection, frame: Members) -> None:
        """Take a part of a list of members, and ask for the next one."""
        nicks = self._members.setdefault(fold(frame.room), [])
        nicks += frame.nicks
        if frame.more and frame.nicks and len(nicks) < MEMBERS_MAX:
            link.send(Who(room=frame.room, after=frame.nicks[-1]))
        else:
            del self._members[fold(frame.room)]
            self.answer(frame.model_copy(update={"nicks": tuple(nicks)}))

    def refuse(self, frame: Error, error: ChatError) -> bool:
        """Take what may be a refusal; return whether it is one of something that was asked."""
        request = next((each for each in self._sent() if each.may_be_refused_by(frame)), None)
        if request is None:
            return False
        self._requests.remove(request)
        request.fail(error)
        return True

    def reconnected(self) -> list[str]:
        """Have everything asked again on a new connection; return the rooms that were being left.

        The loss of the connection has done that.
        """
        self._members.clear()
        leaves = [(each, frame.room) for each in self._requests if isinstance(frame := each.frame, Leave)]
        for request, room in leaves:
            self._requests.remove(request)
            request.succeed(Left(room=room))
        for request in self._requests:
            request.sent = False
        return [room for _, room in leaves]

    def clear(self) -> list[Request[Any]]:
        """Take out everything that is not answered."""
        requests = list(self._requests)
        self._requests.clear()
        return requests

    def _sent(self) -> list[Request[Any]]:
        return [request for request in self._requests if request.sent]
