"""Whether a session that has lost its server connects again, and when.

- Only one that was welcome once does, and only if its user wants that: a first failure is the user's to see.
- Nobody returns from where it was taken over or put out, or where the protocol is broken.
- A refusal may pass if the server says when to ask again, or by its nature: a nick is free later.
"""

from collections.abc import Callable

from chatcore.client.backoff import Backoff, Offline
from chatcore.errors import RefusedError

__all__ = ["Redial"]

_FINAL_REASONS = {"taken_over", "protocol", "banned", "revoked"}
_PASSING_REFUSALS = {"nick_taken", "limit_exceeded", "rate_limited", "unavailable"}


class Redial:
    """When to connect again: ``at`` is the time of the next try, or ``None`` while there is to be none."""

    __slots__ = ("_backoff", "_clock", "_wanted", "_welcomed", "at")

    def __init__(self, backoff: Backoff, clock: Callable[[], float], *, wanted: bool) -> None:
        self.at: float | None = None
        self._backoff = backoff
        self._clock = clock
        self._wanted = wanted
        self._welcomed = False

    @property
    def was_welcomed(self) -> bool:
        """Whether the server has said welcome, on any connection."""
        return self._welcomed

    def note_welcome(self) -> None:
        """Learn that the server has said welcome."""
        self._welcomed = True

    def note_success(self) -> None:
        """Learn that the connection has served for something: the waits begin again with short ones."""
        self._backoff.reset()

    def follows_loss(self, reason: str) -> bool:
        """Tell whether a connection that ended for a reason is made again."""
        return self._welcomed and self._wanted and reason not in _FINAL_REASONS

    def follows_refusal(self, error: RefusedError) -> bool:
        """Tell whether a server that does not let us in is asked again."""
        passes = error.retry_after is not None or error.code in _PASSING_REFUSALS
        return self._welcomed and self._wanted and passes

    def plan(self, reason: str, at_least: float = 0.0) -> Offline:
        """Plan the next try, after so many seconds at least; return the event that says so."""
        wait = self._backoff.next(at_least)
        self.at = self._clock() + wait
        return Offline(reason, wait)

    def plan_after(self, error: RefusedError) -> Offline:
        """Plan the next try after a refusal, as `plan` does."""
        # A nick may be free long before its reservation ends: its owner may have come back, and left.
        at_least = None if error.code == "nick_taken" else error.retry_after
        return self.plan(error.code, at_least or 0.0)

    def cancel(self) -> None:
        """Plan no try: there is a connection, or there will be none any more."""
        self.at = None
