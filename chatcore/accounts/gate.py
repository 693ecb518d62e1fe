"""The gate of accounts: what a hub asks, answered from what was read last, or once an act is done."""

import errno
import os
import sqlite3
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chatcore.accounts.acts import Content
from chatcore.accounts.changes import Change
from chatcore.accounts.devices import DEVICE_SECONDS
from chatcore.accounts.links import PublicUrl, links
from chatcore.accounts.moderation import Outcome
from chatcore.accounts.pace import Pace
from chatcore.accounts.performing import perform, revises
from chatcore.accounts.records import LONGEST
from chatcore.accounts.refusals import UNAUTHORIZED
from chatcore.accounts.snapshot import EMPTY, Snapshot
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.tokens import KEY_CHARS, digest, new_invite
from chatcore.accounts.uses import KeyUses
from chatcore.accounts.writer import AccountsWriter, Times
from chatcore.gate import Claim, Gate, Invitation, Moderation, OpenGate, Peer, Person, Refusal, Watch
from chatcore.sqlite.words import explain

__all__ = ["Accounts", "AccountsGate"]


class AccountsGate(OpenGate):
    """Lets in people with an account, and those who bring an invite to one; a subclass has acts done.

    ``path`` is the file that it reads. ``times`` are its clocks.
    """

    def __init__(self, path: Path | str, times: Times) -> None:
        self.path = Path(path)
        self._times = times
        self._snapshot = EMPTY
        self._uses = KeyUses()
        self._pace = Pace(times.act)
        self._watch: Watch | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.path}>"

    @property
    def requires_key(self) -> bool:
        """Let nobody in without a key."""
        return True

    @property
    def urls(self) -> tuple[PublicUrl, ...]:
        """The URLs that links begin with, as far as they are known; for any thread."""
        return self._snapshot.urls

    @abstractmethod
    def _submit(self, content: Content, deliver: Callable[[Any], None]) -> None:
        """Have an act done; ``deliver`` gets what came of it, or the refusal, once it is in force."""

    def _enforce(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    # --- who enters ------------------------------------------------------------------------------

    def enter(self, claim: Claim, answer: Callable[[Person | Refusal], None]) -> None:
        """Answer for a known key immediately, and for an invite when it is redeemed."""
        now = self._times.now()
        known = self._snapshot.why_no_address(claim.peer, now) or self._known(claim, now)
        if isinstance(known, Refusal) or claim.invite is None or len(claim.key or "") < KEY_CHARS:
            answer(known or UNAUTHORIZED)
        else:
            key, invite = digest(claim.key or "").hex(), digest(claim.invite).hex()
            self._submit({"act": "redeem", "nick": claim.nick, "key": key, "invite": invite}, answer)

    def _known(self, claim: Claim, now: float) -> Person | Refusal | None:
        """Return whom a key proves, if it is known, and why they may not be here."""
        snapshot, hash_ = self._snapshot, digest(claim.key or "")
        if (key := snapshot.key(hash_)) is None:
            return None
        self._uses.note(hash_, key.used, now)
        person = snapshot.person_of(key)
        return snapshot.why_out(person, claim.peer, now) or person

    def may_connect(self, peer: Peer) -> bool:
        """Turn banned addresses away before they can cost anything."""
        return self._snapshot.why_no_address(peer, self._times.now()) is None

    def may_stay(self, person: Person, peer: Peer) -> Refusal | None:
        """Refuse those whose key or account is gone, or who are banned."""
        return self._snapshot.why_out(person, peer, self._times.now())

    def may_call(self, person: Person, nick: str) -> bool:
        """Give an account its own nicks and no others, and everybody else those of no account."""
        return self._snapshot.owner_of(nick) == person.account

    # --- rooms -----------------------------------------------------------------------------------

    def may_join(self, person: Person, room: str) -> Refusal | None:
        """Refuse private rooms to those who are not admitted, guests all others, and who is banned there."""
        return self._snapshot.why_not_in(person, room, self._times.now())

    def is_private(self, room: str) -> bool:
        """Tell whether somebody has closed a room."""
        return room in self._snapshot.keepers

    def is_muted(self, person: Person, room: str) -> bool:
        """Tell whether somebody is muted, in a room or everywhere."""
        return self._snapshot.is_muted(person, room, self._times.now())

    def room_removed(self, room: str) -> None:
        """Forget who is admitted to a room, and who was banned there."""
        self._submit({"act": "forget_room", "room": room}, lambda _: None)

    # --- acts ------------------------------------------------------------------------------------

    def moderate(
        self, person: Person, moderation: Moderation, answer: Callable[[Refusal | None], None]
    ) -> None:
        """Do something to a room or to somebody, by the table of `chatcore.accounts.rights`."""
        if refusal := self._too_often(person):
            answer(refusal)
            return

        def deliver(outcome: Outcome | Refusal) -> None:
            if isinstance(outcome, Refusal):
                answer(outcome)
                return
            if outcome.expelled is not None and moderation.room is not None and self._watch is not None:
                self._watch.expel(outcome.expelled, moderation.room)
            answer(None)

        self._submit(_act_of(person, moderation), deliver)

    def invite_device(self, person: Person, answer: Callable[[Invitation | Refusal], None]) -> None:
        """Make an invite for one more key of an account, for ten minutes."""
        if refusal := self._too_often(person):
            answer(refusal)
            return

        secret = new_invite()

        def deliver(done: Refusal | None) -> None:
            if isinstance(done, Refusal):
                answer(done)
            else:
                answer(Invitation(secret, DEVICE_SECONDS, links(self._snapshot.urls, secret)))

        invite = digest(secret).hex()
        self._submit({"act": "invite_device", "person": _member(person), "invite": invite}, deliver)

    def forget_device(self, person: Person, answer: Callable[[Refusal | None], None]) -> None:
        """Revoke the key by which somebody was let in."""
        if refusal := self._too_often(person):
            answer(refusal)
            return

        def deliver(done: str | Refusal) -> None:
            answer(done if isinstance(done, Refusal) else None)

        self._submit({"act": "forget_device", "person": _member(person)}, deliver)

    def _too_often(self, person: Person) -> Refusal | None:
        wait = self._pace.take(person.account or "", self._times.clock())
        return Refusal("rate_limited", "you ask for too many changes", wait) if wait else None


class Accounts(AccountsGate):
    """Lets in people with an account of the file ``path``, and those who bring an invite to one.

    The file is made by ``chat account add``, never by this; the hub that the gate is given to opens and
    closes it. Other programs may write to it meanwhile, as ``chat account`` and ``chat ban`` do: what they
    do is in force within a second. ``times`` and ``file`` are for tests.
    """

    def __init__(
        self, path: Path | str, *, times: Times | None = None, file: type[AccountsFile] = AccountsFile
    ) -> None:
        super().__init__(path, times or Times())
        self._file = file
        self._writer = AccountsWriter(self._open, self._enforce, self._uses, self._times)

    def start(self, watch: Watch) -> None:
        """Open the file; raises `AccountsError` that says what is wrong with it."""
        self._watch = watch
        try:
            self._writer.start(watch)
        except (sqlite3.Error, OSError) as error:
            raise explain(AccountsFile.KIND, self.path, error) from error

    def close(self) -> None:
        """Write what was asked for, and close the file. Idempotent."""
        self._writer.close()

    def _submit(self, content: Content, deliver: Callable[[Any], None]) -> None:
        def make(file: AccountsFile, now: float) -> Any:
            return perform(file, content, now)

        self._writer.submit(Change(make, deliver, lambda result: revises(content, result)))

    def _open(self) -> AccountsFile:
        return self._file(_real_path(self.path))


def _member(person: Person) -> list[str]:
    return [person.account or "", person.key_id or ""]


def _act_of(person: Person, what: Moderation) -> Content:
    """Return an act of moderation; a longer time than anything lasts is given as one that is too long."""
    return {
        "act": "moderate",
        "person": _member(person),
        "what": what.act,
        "room": what.room,
        "nick": what.nick,
        "seconds": None if what.seconds is None else min(max(what.seconds, 0.0), 2 * LONGEST),
        "reason": what.reason,
        "present": sorted(what.present),
    }


def _real_path(path: Path) -> Path:
    """Return a path without links."""
    try:
        return path.resolve()
    except RuntimeError as error:  # Python before 3.13 raises it for links that lead to each other
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP)) from error


_: type[Gate] = Accounts
