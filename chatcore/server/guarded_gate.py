"""A gate as the server asks it: whatever it does wrong costs the answer, and nobody else anything.

A gate is written by others, and what it says decides under the hub's lock. So what raises has refused for
now, as ``unavailable``, and is logged; what is no answer has raised. A room that it cannot say anything about
is hidden and private.
"""

from collections.abc import Callable
from types import NoneType
from typing import TypeVar

from chatcore.address import Peer
from chatcore.gate import Claim, Gate, Invitation, Moderation, Person, Refusal, Watch
from chatcore.messages import Post
from chatcore.server.log_events import gate_failed, gate_gave_no_answer

__all__ = ["FAILED", "GuardedGate"]

T = TypeVar("T")
U = TypeVar("U")

FAILED = Refusal("unavailable", "the server cannot decide that right now", 1.0)
"""What a gate has said that has failed."""


class GuardedGate:
    """A gate whose failures are answers. `Gate` has what the methods mean."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    @property
    def requires_key(self) -> bool:
        """Whether nobody is let in without a key."""
        return self._guard(lambda: bool(self._gate.requires_key), True)

    def start(self, watch: Watch) -> None:
        """Start the gate; raises what it raises."""
        self._gate.start(watch)

    def close(self) -> None:
        """Close the gate."""
        self._guard(self._gate.close, None)

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Ask who this is; raises what the gate raises, which has refused then."""
        self._gate.enter(claim, lambda value: answer(_checked(value, Person)))

    def may_connect(self, peer: Peer) -> bool:
        """Ask whether anybody may connect from an address; where that fails, `may_stay` is asked later."""
        return self._guard(lambda: bool(self._gate.may_connect(peer)), True)

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Ask why somebody may not stay, if they may not."""
        return self._guard(lambda: _checked_refusal(self._gate.may_stay(person, peer)), FAILED)

    def may_call(self, person: Person, nick: str) -> bool:
        """Ask whether somebody may have a nick."""
        return self.nick_refusal(person, nick) is None

    def nick_refusal(self, person: Person, nick: str) -> Refusal | None:
        """Ask the same, and say why not."""
        not_theirs = Refusal("forbidden", f"the nick {nick} is not yours")
        return self._guard(lambda: None if self._gate.may_call(person, nick) else not_theirs, FAILED)

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Ask why somebody may not enter a room, if they may not."""
        return self._guard(lambda: _checked_refusal(self._gate.may_join(person, room)), FAILED)

    def may_see(self, person: Person, room: str) -> bool:
        """Ask whether a room is listed for somebody."""
        return self._guard(lambda: bool(self._gate.may_see(person, room)), False)

    def is_private(self, room: str) -> bool:
        """Ask whether a room is only for some."""
        return self._guard(lambda: bool(self._gate.is_private(room)), True)

    def is_muted(self, person: Person, room: str) -> bool:
        """Ask whether somebody may only read in a room."""
        return self._guard(lambda: bool(self._gate.is_muted(person, room)), True)

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Ask to do something to a room or to somebody; raises as `enter` does."""
        self._gate.moderate(person, moderation, lambda value: answer(_checked(value, NoneType)))

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Ask for an invite; raises as `enter` does."""
        self._gate.invite_device(person, lambda value: answer(_checked(value, Invitation)))

    def forget_device(self, person: Person, answer: Callable[[Refusal | None], None]) -> None:
        """Ask to revoke a key; raises as `enter` does."""
        self._gate.forget_device(person, lambda value: answer(_checked(value, NoneType)))

    def review(self, person: Person, nick: str, post: Post) -> Post | Refusal:
        """Ask about a post; raises what the gate raises."""
        return self._gate.review(person, nick, post)

    def room_removed(self, room: str) -> None:
        """Tell that a room was removed."""
        self._guard(lambda: self._gate.room_removed(room), None)

    def _guard(self, question: Callable[[], T], otherwise: U) -> T | U:
        try:
            return question()
        except Exception as error:
            gate_failed.log_bug(error)
            return otherwise


def _checked(value: object, wanted: type[T]) -> T | Refusal:
    if isinstance(value, wanted | Refusal):
        return value
    gate_gave_no_answer.log(type=type(value).__name__)
    return FAILED


def _checked_refusal(value: object) -> Refusal | None:
    if value is None or isinstance(value, Refusal):
        return value
    raise TypeError(f"a gate answers with a Refusal or None, not with {type(value).__name__}")


_: type[Gate] = GuardedGate
