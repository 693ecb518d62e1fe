"""What the program that embeds a hub posts itself: straight to the journal, without a session.

- There is no allowance, no review and no hold here: the program is the authority, and decides itself what to
  do about a refusal.
- A future cannot be cancelled: what was submitted may be stored whatever becomes of the wish for it.
"""

from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING

from chatcore.arguments import checked_nick, checked_post
from chatcore.errors import ChatError, ClosedError, RefusedError
from chatcore.ids import new_id
from chatcore.journal import Conflict, Draft, Outcome, Unavailable
from chatcore.messages import Ack
from chatcore.names import fold

if TYPE_CHECKING:
    from chatcore.server.hub import Hub

__all__ = ["ProgramPosts"]


class ProgramPosts:
    """The posts of the program. Thread-safe; nothing here waits."""

    def __init__(self, hub: "Hub") -> None:
        self._hub = hub
        self._closed = False

    def post(
        self, room: str, nick: str, text: str, id_: str | None, kind: str | None, target: int | None
    ) -> "Future[Ack]":
        """Submit a post; the future has the `Ack`, or what is raised in its place. Raises `UsageError`."""
        nick = checked_nick(nick)
        key = new_id() if id_ is None else id_
        post = checked_post(room, text, key, kind, target)
        return self._submit(Draft(fold(post.room), post.id, nick, post.text, post.kind, post.target))

    def _submit(self, draft: Draft) -> "Future[Ack]":
        future: Future[Ack] = Future()
        future.set_running_or_notify_cancel()
        if self._closed:
            future.set_exception(ClosedError("the hub is closed"))
        elif len(draft.text.encode()) > self._hub.limits.text_bytes:
            future.set_exception(_refusal(draft, "too_long", "not sent: the text is too long"))
        else:
            self._hub.journal.submit([draft], partial(self._settle, future, draft))
        return future

    def close(self) -> None:
        """Take no more posts. Idempotent."""
        self._closed = True

    def _settle(self, future: "Future[Ack]", draft: Draft, outcomes: Sequence[Outcome]) -> None:
        (outcome,) = outcomes
        if isinstance(outcome, int):
            durability = self._hub.journal.durability
            future.set_result(Ack(room=draft.room, id=draft.id, seq=outcome, durability=durability))
        else:
            future.set_exception(self._error(draft, outcome))

    def _error(self, draft: Draft, outcome: Conflict | Unavailable) -> ChatError:
        if isinstance(outcome, Conflict):
            return _refusal(draft, "conflict", "this id was used for another text")
        if self._closed:
            return ClosedError("the hub was closed before this post was stored")
        words = "not sent: it cannot be stored now"
        return _refusal(draft, "unavailable", words, retry_after=outcome.retry_after)


def _refusal(draft: Draft, code: str, words: str, *, retry_after: float | None = None) -> RefusedError:
    return RefusedError(code, words, room=draft.room, id=draft.id, retry_after=retry_after)
