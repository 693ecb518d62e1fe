"""What an act of moderation changes, within one transaction. Who may do it is in `rights`.

Everything is decided by what is in the file by then: the rank that somebody had when they entered counts for
nothing.
"""

from dataclasses import dataclass
from typing import Final

from chatcore.accounts.records import LONGEST, AuditEntry, BanEntry
from chatcore.accounts.refusals import UNAUTHORIZED, Refused
from chatcore.accounts.rights import Place, Rank, Target, Verdict, decide, rank_of, relation
from chatcore.accounts.statements import AccountsFile, PersonRow
from chatcore.gate import Moderation, Person, Refusal
from chatcore.names import LOBBY, fold

__all__ = ["Outcome", "live_actor", "moderate"]

MOST_ROOMS: Final = 100
"""Private rooms that somebody keeps who is no moderator."""

_TOO_MANY_ROOMS: Final = Refusal("limit_exceeded", f"you keep {MOST_ROOMS} private rooms; open one first")

_REFUSALS: Final[dict[Verdict, Refusal]] = {
    "forbidden": Refusal("forbidden", "you may not do that"),
    "bad_frame": Refusal("bad_frame", "this act needs a room or a nick"),
    "bad_name": Refusal("bad_name", "there is no such account"),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an act has done.

    ``expelled`` is an account that is put out of the room now, though it may be able to come back. With
    ``revises`` somebody may have lost a right, or may speak again, and everybody has to be looked at.
    """

    expelled: str | None = None
    revises: bool = False


def moderate(file: AccountsFile, person: Person, what: Moderation, now: float) -> Outcome:
    """Do it, and note it in the audit unless all was so already; raises `Refused`."""
    return _Act(file, live_actor(file, person, now), what, now).perform()


def live_actor(file: AccountsFile, person: Person, now: float) -> PersonRow:
    """Return who acts; raises `Refused` if they may no longer be here."""
    actor = file.person(fold(person.account or ""))
    if actor is None or actor.gone or not file.is_live(actor.folded, person.key_id):
        raise Refused(UNAUTHORIZED)
    if file.is_banned(actor.folded, None, now):
        raise Refused(_REFUSALS["forbidden"])
    return actor


class _Act:
    """One act."""

    def __init__(self, file: AccountsFile, actor: PersonRow, what: Moderation, now: float) -> None:
        self._file = file
        self._actor = actor
        self._what = what
        self._now = now
        self._private, self._keeper = (False, None) if what.room is None else file.keeper(what.room)
        self._target = None if what.nick is None else file.owner_of(what.nick)

    def perform(self) -> Outcome:
        """Ask whether it is allowed, do it, and note it."""
        verdict = decide(
            self._what.act,
            self._rank(self._actor),
            self._place(),
            self._relation(),
            inside=self._actor.folded in self._what.present,
            lobby=self._what.room == LOBBY,
        )
        if verdict != "allowed":
            raise Refused(_REFUSALS[verdict])
        before = self._file.changes
        outcome = self._do()
        if self._file.changes == before and outcome.expelled is None:
            return Outcome()
        self._note()
        return outcome

    def _note(self) -> None:
        self._file.add_audit(
            AuditEntry(
                at=self._now,
                by=self._actor.name,
                act=self._what.act,
                room=self._what.room,
                target=self._target.name if self._target else None,
                seconds=self._seconds(),
                reason=self._what.reason,
            ),
            by_member=self._is_member(),
        )

    def _keeps(self, person: PersonRow) -> bool:
        """Tell whether somebody keeps the room: not while they are banned from it."""
        return self._keeper == person.folded and not self._file.is_banned(
            person.folded, self._what.room, self._now
        )

    def _rank(self, person: PersonRow) -> Rank:
        return rank_of(person.role, keeps=self._keeps(person))

    def _place(self) -> Place:
        if self._what.room is None:
            return "nowhere"
        if not self._private:
            return "public"
        return "mine" if self._keeps(self._actor) else "private"

    def _relation(self) -> Target:
        if self._what.nick is None:
            return "nobody"
        if self._target is None:
            return "unknown"
        if self._target.folded == self._actor.folded:
            return "self"
        return relation(self._rank(self._actor), self._rank(self._target))

    # --- what is done ----------------------------------------------------------------------------

    def _do(self) -> Outcome:
        act, room, target = self._what.act, self._what.room, self._target
        if target is not None and act == "kick" and room is not None:
            return self._kick(target, room)
        if target is not None and (act == "mute" or act == "ban"):
            self._file.set_ban(BanEntry(act, target.folded, room, self._until(), self._what.reason))
            return Outcome(revises=True)
        if target is not None and act == "lift":
            self._file.lift(["ban"], target.folded, room)
            return Outcome(revises=self._file.lift(["mute"], target.folded, room) > 0)
        return self._do_to_room(room) if room is not None else Outcome()

    def _do_to_room(self, room: str) -> Outcome:
        if self._what.act == "close":
            self._check_rooms(room)
            self._file.close_room(room, self._actor.folded)
            self._file.admit(room, sorted({self._actor.folded, *self._what.present}))
            return Outcome(revises=True)  # somebody may have come in since it was asked who is present
        if self._what.act == "open":
            self._file.open_room(room)
        elif self._target is not None:
            self._file.admit(room, [self._target.folded])
        return Outcome()

    def _check_rooms(self, room: str) -> None:
        """Refuse a member one more room: each is stored until it is opened or removed."""
        kept = self._file.rooms_of(self._actor.folded)
        if room not in kept and len(kept) >= MOST_ROOMS and self._is_member():
            raise Refused(_TOO_MANY_ROOMS)

    def _is_member(self) -> bool:
        return rank_of(self._actor.role, keeps=False) < Rank.MODERATOR

    def _kick(self, target: PersonRow, room: str) -> Outcome:
        if self._private:
            before = self._file.changes
            self._file.dismiss(room, target.folded)
            if self._keeper == target.folded:
                self._file.close_room(room, None)
            if self._file.changes == before:  # who is not on the list is not inside
                return Outcome()
        return Outcome(expelled=target.name)

    def _seconds(self) -> float | None:
        """Return for how long it is: what would be longer than anything that ends has no end."""
        seconds = self._what.seconds
        return None if seconds is None or seconds > LONGEST else max(seconds, 0.0)

    def _until(self) -> float | None:
        seconds = self._seconds()
        return None if seconds is None else self._now + seconds
