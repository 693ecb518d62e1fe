"""Invites that somebody with an account makes for one more device of their own, within one transaction."""

from chatcore.accounts.moderation import live_actor
from chatcore.accounts.records import AuditEntry, InviteEntry
from chatcore.accounts.refusals import Refused
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.tokens import digest, id_of, new_invite
from chatcore.gate import Person, Refusal

__all__ = ["DEVICE_SECONDS", "invite_device"]

DEVICE_SECONDS = 600.0
"""How long such an invite can be used."""

MOST = 5
"""Such invites of an account that are not used yet."""


def invite_device(file: AccountsFile, person: Person, now: float) -> str:
    """Make an invite for one more key of an account; return its secret. Raises `Refused`."""
    account = live_actor(file, person, now)
    # Those that end later were made before the clock was set back: they must not make anybody wait so long.
    waiting = file.ends_of_invites_by(account.name, now, now + DEVICE_SECONDS)
    if len(waiting) >= MOST:
        raise Refused(Refusal("limit_exceeded", f"{MOST} invites wait to be used", waiting[0] - now))
    secret = new_invite()
    id_ = id_of(digest(secret))
    file.add_invite(
        InviteEntry(
            id_, account.role, account.folded, None, 1, now + DEVICE_SECONDS, account.name, person.key_id
        ),
        secret,
    )
    entry = AuditEntry(now, account.name, "invite", None, account.name, DEVICE_SECONDS, id_)
    file.add_audit(entry, by_member=True)
    return secret
