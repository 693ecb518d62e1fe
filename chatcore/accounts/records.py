"""What the file of accounts holds, as values. Times are seconds since 1970.

A ``name`` is an account's, in its one spelling; whatever ends in ``_folded`` is folded, and so is every room.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, get_args

__all__ = ["LONGEST", "ROLES", "AccountEntry", "AuditEntry", "BanEntry", "InviteEntry", "KeyEntry", "Role"]

LONGEST: Final = 10 * 365 * 86_400.0
"""Seconds of a ban, a mute or an invite that ends: ten years."""

Role = Literal["owner", "moderator", "member", "guest"]
"""What an account may do on the whole server, the most first."""

ROLES: tuple[Role, ...] = get_args(Role)


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """An account, how many keys it has, and the day on which one of them was used last."""

    name: str
    role: Role
    made: float
    keys: int
    used: float | None


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """A key of an account, by its public id: when it was made, and the day of its last use.

    ``invited_by`` is the key that asked for its invite, or ``None`` if that was made by an operator.
    """

    id: str
    made: float
    used: float | None
    invited_by: str | None = None


@dataclass(frozen=True, slots=True)
class InviteEntry:
    """An invite: for a new account with a role, or for another device of an account.

    ``room`` is the one that the account is admitted to. ``uses`` are those that are left. ``by`` made it, and
    ``by_key`` is the key that asked for it, or ``None`` if that was an operator. The ``secret`` is known to
    whoever made it, and to nobody afterwards.
    """

    id: str
    role: Role
    name: str | None
    room: str | None
    uses: int
    until: float
    by: str
    by_key: str | None = None
    secret: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class BanEntry:
    """A ban or a mute of an account, everywhere or in one room, or the ban of an address or a network.

    Without ``until`` it does not end by itself.
    """

    kind: Literal["ban", "mute", "address"]
    target: str
    room: str | None
    until: float | None
    reason: str | None

    def ended(self, now: float) -> bool:
        """Tell whether its time is over."""
        return self.until is not None and self.until <= now


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What was done, when and by whom: an account, or ``local:USER`` for a user of the machine."""

    at: float
    by: str
    act: str
    room: str | None
    target: str | None
    seconds: float | None
    reason: str | None
