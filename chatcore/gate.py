"""The seam to gates: who somebody is, and what they may do.

This module is public, for those who write a gate: accounts of their own, single sign-on, rules of their
application, or a hook that looks at every post. A gate is given to a hub in code: ``Hub(gate=...)``.

- `Gate.enter` is asked when a peer says hello, and `Gate.moderate`, `Gate.invite_device` and
  `Gate.forget_device` when somebody wants that. They MUST NOT block: a gate that has to ask elsewhere does
  so in a thread of its own, and answers from there.
- Everything that begins with ``may_`` or ``is_`` is asked under the hub's lock. It answers immediately, from
  memory, and MUST NOT call into the hub. The hub asks when a room is entered, never for a message: whoever
  loses a right is told apart by `Watch.revise`, which a gate calls after each change.
- `Gate.review` sees each post before it is accepted.

`OpenGate` lets everyone in and everything through. It is what a hub has without another, and what to inherit
from where only some of this is to change. ::

    class Polite(OpenGate):
        def review(self, person: Person, nick: str, post: Post) -> Post | Refusal:
            return Refusal("forbidden", "mind your language") if "damn" in post.text else post
"""

import math
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from chatcore.address import Peer
from chatcore.arguments import checked_nick
from chatcore.errors import ERROR_CODES, ErrorCode, UsageError
from chatcore.messages import Act, Post

__all__ = [
    "ANYBODY",
    "Act",
    "Claim",
    "Gate",
    "Invitation",
    "Moderation",
    "OpenGate",
    "Peer",
    "Person",
    "Post",
    "Refusal",
    "Watch",
]


_ROLE: Final = re.compile(r"[ -~]{0,128}")
_SECRET: Final = re.compile(r"[!-~]{1,128}")
_LINK: Final = re.compile(r"[!-~]{1,1024}")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a peer says of itself: the nick that it asks for, and the key and invite that it shows, if any."""

    peer: Peer
    nick: str
    key: str | None = field(default=None, repr=False)
    invite: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a gate let in. Without an account it is anybody, and nothing is known of them.

    ``account`` is written as a nick is, in one spelling, and sessions with the same one are one person's.
    ``role`` is for people to read, up to 128 printable ASCII characters. ``key_id`` says by which of an
    account's keys it was let in, so that one that is revoked ends those sessions only; it is no secret.
    Raises `UsageError` for what a ``welcome`` could not carry.
    """

    account: str | None = None
    role: str | None = None
    key_id: str | None = None

    def __post_init__(self) -> None:
        if self.account is not None:
            checked_nick(self.account)
        if self.role is not None and not _ROLE.fullmatch(self.role):
            raise UsageError("a role is up to 128 printable ASCII characters")


ANYBODY = Person()
"""Somebody without an account."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not, as an ``error`` frame says it; of ``message`` the first 512 characters.

    With ``retry_after``, in seconds, the same may be asked again; what is below 0 is 0. Raises `UsageError`
    for what an ``error`` could not carry.
    """

    code: ErrorCode
    message: str
    retry_after: float | None = None

    def __post_init__(self) -> None:
        if self.code not in ERROR_CODES:
            raise UsageError(f"there is no error code {self.code!r}")
        if self.retry_after is not None:
            if not math.isfinite(self.retry_after):
                raise UsageError("retry_after is a number of seconds")
            object.__setattr__(self, "retry_after", max(float(self.retry_after), 0.0))


@dataclass(frozen=True, slots=True)
class Moderation:
    """What somebody asks to be done to a room (folded), or to whoever has a nick: see `Moderate`.

    The room and the nick are there where the act needs them. ``seconds`` is for how long, without end if it
    is ``None``. To ``close`` a room, ``present`` has the accounts (folded) with a session there when it was
    asked.
    """

    act: Act
    room: str | None = None
    nick: str | None = None
    seconds: float | None = None
    reason: str | None = None
    present: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Invitation:
    """What makes one more key of an account, for so many ``seconds``.

    ``links`` have the same secret in the form that is sent to people, for each address of the server that the
    gate knows. Raises `UsageError` for what an ``invited`` could not carry: up to 128 printable ASCII
    characters, none of them a space, and up to 1,024 for a link.
    """

    secret: str = field(repr=False)
    seconds: float
    links: tuple[str, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        # The texts do not say what was given: it is a secret.
        if not _SECRET.fullmatch(self.secret):
            raise UsageError("an invite is 1 to 128 printable ASCII characters without spaces")
        if not all(map(_LINK.fullmatch, self.links)):
            raise UsageError("a link is 1 to 1,024 printable ASCII characters without spaces")
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            raise UsageError("an invite holds for a number of seconds")


class Watch(Protocol):
    """What a gate may tell its hub, from any thread but not from within a ``may_`` method.

    Nor while it holds a lock that a ``may_`` method waits for: the hub asks those while this runs.
    """

    def revise(self) -> None:
        """Ask again of everybody whether they may stay, also in each room, and put out who may not.

        A gate that fails at that has refused for now: that client is told to reconnect.
        """

    def expel(self, account: str, room: str) -> None:
        """Put all sessions of an account out of a room now. They may come back if they may enter."""


class Gate(Protocol):
    """Says who may enter, and who may do what."""

    @property
    def requires_key(self) -> bool:
        """Whether nobody is let in without a key: then people on the plain wire are told to log in."""

    def start(self, watch: Watch) -> None:
        """Begin; the hub calls this once, before anything else. What it raises, the hub raises."""

    def close(self) -> None:
        """End: the hub is closed. Idempotent."""

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Say who this is: call ``answer`` exactly once, now or later, from any thread.

        What follows from the answer may be done within that call, so hold no lock. A refusal ends the
        connection. What raises, or does not answer within ``handshake_seconds``, refuses as ``unavailable``.
        """

    def may_connect(self, peer: Peer) -> bool:
        """Tell whether anybody may connect from an address.

        If not, the connection is closed before it begins, and without a word: that costs next to nothing.
        Who is connected already is asked about by `may_stay`.
        """

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Tell whether somebody may stay. Asked when they enter, and again by `Watch.revise`."""

    def may_call(self, person: Person, nick: str) -> bool:
        """Tell whether somebody may have a nick."""

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Tell whether somebody may enter a room (folded), and stay in it."""

    def may_see(self, person: Person, room: str) -> bool:
        """Tell whether a room (folded) is listed for somebody."""

    def is_private(self, room: str) -> bool:
        """Tell whether a room (folded) is only for some, which the list of rooms says."""

    def is_muted(self, person: Person, room: str) -> bool:
        """Tell whether somebody may only read in a room (folded).

        Asked when they enter, and again by `Watch.revise`, never for a post.
        """

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Do something to a room or to somebody: call ``answer`` exactly once, as `enter` does.

        ``None`` says that it is kept and in force: the hub has been told by its `Watch`. What does not answer
        within five seconds is refused as ``unavailable``, and may have been done.
        """

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Make an invite for one more key of somebody's account.

        Call ``answer`` exactly once, as `enter` does.
        """

    def forget_device(self, person: Person, answer: Callable[[Refusal | None], None]) -> None:
        """Revoke the key by which somebody was let in: call ``answer`` exactly once, as `moderate` does.

        ``None`` says that the key is never a key again. The hub ends the session that asked; that others of
        that key may not stay it learns by its `Watch`.
        """

    def review(self, person: Person, nick: str, post: Post) -> Post | Refusal:
        """Look at a post before it is accepted: return it, another in its place, or why it is refused.

        Called outside the hub's lock, in the order in which a session sent them, one at a time for each
        session. It answers immediately. What raises refuses the post as ``unavailable`` and is logged. A
        post that is sent again is looked at again, and recognised by what was posted, whatever was made of
        it. Room and id cannot be changed.
        """

    def room_removed(self, room: str) -> None:
        """Forget what is known of a room (folded), which was removed by `Hub.remove_room`.

        Whoever removes it from the journal while no hub has that, as ``chat room remove`` does, reaches no
        gate.
        """


_NO_ACCOUNTS: Final = Refusal("forbidden", "this server has no accounts")


class OpenGate:
    """Lets everyone in, and everything through."""

    @property
    def requires_key(self) -> bool:
        """Require nothing."""
        return False

    def start(self, watch: Watch) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Let anybody in."""
        answer(ANYBODY)

    def may_connect(self, peer: Peer) -> bool:
        """Let everyone connect."""
        return True

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Let everyone stay."""
        return None

    def may_call(self, person: Person, nick: str) -> bool:
        """Leave nicks to whoever takes them first."""
        return True

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Let everyone into every room."""
        return None

    def may_see(self, person: Person, room: str) -> bool:
        """List the rooms that somebody may join."""
        return self.may_join(person, room) is None

    def is_private(self, room: str) -> bool:
        """Know no private rooms."""
        return False

    def is_muted(self, person: Person, room: str) -> bool:
        """Let everyone speak."""
        return False

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Do nothing to anybody."""
        answer(_NO_ACCOUNTS)

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Invite nobody."""
        answer(_NO_ACCOUNTS)

    def forget_device(self, person: Person, answer: Callable[[Refusal | None], None]) -> None:
        """Know no keys."""
        answer(_NO_ACCOUNTS)

    def review(self, person: Person, nick: str, post: Post) -> Post | Refusal:
        """Accept every post as it is."""
        return post

    def room_removed(self, room: str) -> None:
        """Do nothing."""


_: type[Gate] = OpenGate
