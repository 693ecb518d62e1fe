"""Whether a session that has lost its server connects again, and when.

- Only one that was welcome once does, and only if its user wants that: a first failure is the user's to see.
- Nobody returns from where it was taken over or put out, or where the protocol is broken.
- A refusal may pass if the server says when to ask again, or by its nature: a nick is free later.
- Where there are several addresses, the next one is tried immediately, and only a whole round is followed by
  a wait. When a node goes, all of its clients do that together, so the first try of a round waits a little.
"""

from collections.abc import Callable

from chatcore.client.backoff import Backoff, Offline
from chatcore.client.route import Route
from chatcore.errors import ChatError, DisconnectedError, RefusedError

__all__ = ["Redial", "may_serve_elsewhere"]

_FINAL_REASONS = {"taken_over", "protocol", "banned", "revoked"}
_PASSING_REFUSALS = {"nick_taken", "limit_exceeded", "rate_limited", "unavailable"}
_REFUSALS_OF_ONE_NODE = {"limit_exceeded", "rate_limited", "unavailable"}


def may_serve_elsewhere(error: ChatError | OSError) -> bool:
    """Tell whether another node of a server may let us in where one has not."""
    match error:
        case RefusedError():
            return error.room is None and error.code in _REFUSALS_OF_ONE_NODE
        case DisconnectedError():
            return error.reason not in _FINAL_REASONS
        case _:
            return isinstance(error, OSError)


class Redial:
    """When to connect again: ``at`` is the time of the next try, or ``None`` while there is to be none."""

    __slots__ = ("_at_least", "_backoff", "_clock", "_lost", "_route", "_wanted", "_welcomed", "at")

    def __init__(
        self, backoff: Backoff, clock: Callable[[], float], *, wanted: bool, route: Route | None = None
    ) -> None:
        self.at: float | None = None
        self._route = route or Route()
        self._at_least = 0.0  # what the nodes of this round have asked for
        self._lost = False  # whether it is a welcome that the next failure ends
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
        self._welcomed = self._lost = True

    def note_success(self) -> None:
        """Learn that the connection has served for something: the waits begin again with short ones."""
        self._backoff.reset()
        self._route.arrive()

    def follows_loss(self, reason: str) -> bool:
        """Tell whether a connection that ended for a reason is made again."""
        return self._welcomed and self._wanted and reason not in _FINAL_REASONS

    def follows_refusal(self, error: RefusedError) -> bool:
        """Tell whether a server that does not let us in is asked again."""
        passes = error.retry_after is not None or error.code in _PASSING_REFUSALS
        return self._welcomed and self._wanted and passes

    def plan(self, reason: str, at_least: float = 0.0) -> Offline:
        """Plan the next try, at the next address; return the event that says so.

        It is after ``at_least`` so many seconds where no other address is left to be tried before.
        """
        self._at_least = max(self._at_least, at_least)
        was_lost, self._lost = self._lost, False
        if not self._route.move_on():
            return self._plan(reason, self._backoff.spread() if was_lost else 0.0)
        at_least, self._at_least = self._at_least, 0.0
        return self._plan(reason, self._backoff.next(at_least))

    def plan_after(self, error: RefusedError) -> Offline:
        """Plan the next try after a refusal: at the next address, or here if it would be the same there."""
        if may_serve_elsewhere(error):
            return self.plan(error.code, error.retry_after or 0.0)
        self._lost = False
        # A nick may be free long before its reservation ends: its owner may have come back, and left.
        at_least = None if error.code == "nick_taken" else error.retry_after
        return self._plan(error.code, self._backoff.next(at_least or 0.0))

    def _plan(self, reason: str, wait: float) -> Offline:
        self.at = self._clock() + wait
        return Offline(reason, wait)

    def cancel(self) -> None:
        """Plan no try: there is a connection, or there will be none any more."""
        self.at = None
