"""What somebody with an account does with their own devices: invite one more, and forget this one.

Each is done within one transaction.
"""

from chatcore.accounts.moderation import live_actor
from chatcore.accounts.records import AuditEntry, InviteEntry
from chatcore.accounts.refusals import Refused
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.tokens import id_of
from chatcore.gate import Person, Refusal

__all__ = ["DEVICE_SECONDS", "forget_device", "invite_device"]

DEVICE_SECONDS = 600.0
"""How long such an invite can be used."""

MOST = 5
"""Such invites of an account that are not used yet."""

_LAST_OWNER = Refusal(
    "forbidden", "this is the only key of an owner of this server; add another device of yours first"
)


def invite_device(file: AccountsFile, person: Person, invite: bytes, now: float) -> None:
    """Add an invite for one more key of an account, given by its hash; raises `Refused`."""
    account = live_actor(file, person, now)
    # Those that end later were made before the clock was set back: they must not make anybody wait so long.
    waiting = file.ends_of_invites_by(account.name, now, now + DEVICE_SECONDS)
    if len(waiting) >= MOST:
        raise Refused(Refusal("limit_exceeded", f"{MOST} invites wait to be used", waiting[0] - now))
    id_ = id_of(invite)
    file.add_invite(
        InviteEntry(
            id_, account.role, account.folded, None, 1, now + DEVICE_SECONDS, account.name, person.key_id
        ),
        invite,
    )
    entry = AuditEntry(now, account.name, "invite", None, account.name, DEVICE_SECONDS, id_)
    file.add_audit(entry, by_member=True)


def forget_device(file: AccountsFile, person: Person, now: float) -> str:
    """Revoke the key of whoever asks, with the invites that it has asked for; return it. Raises `Refused`.

    Keys that came from it stay: other than somebody whose key was stolen, whoever leaves a device has those.
    The last key of the last owner stays too, for nobody but the operator could let them in again.
    """
    account, key_id = live_actor(file, person, now), person.key_id or ""
    if account.role == "owner" and not file.has_owner_without(key_id):
        raise Refused(_LAST_OWNER)
    file.revoke([key_id], now)
    file.remove_invites_by(key_id)
    entry = AuditEntry(now, account.name, "revoke", None, account.name, None, key_id)
    file.add_audit(entry, by_member=True)
    return key_id
