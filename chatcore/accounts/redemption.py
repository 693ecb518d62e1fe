"""How an invite becomes an account and a key, within one transaction.

- The client has made the key, and stored it, before it sends the two. So one whose ``welcome`` was lost sends
  the same again, and is let in by the key: an invite is redeemed once for each key.
- An invite stands for an account, or for a new one. That is called what its first session asks for.
- A key that was revoked is never a key again, whatever invite comes with it.
- An account has a limited number of keys, so whoever has one of them cannot make any number of them.
"""

from chatcore.accounts.naming import name_refusal
from chatcore.accounts.records import AuditEntry, InviteEntry
from chatcore.accounts.refusals import UNAUTHORIZED, Refused, banned
from chatcore.accounts.statements import AccountsFile, PersonRow
from chatcore.accounts.tokens import KEY_CHARS, digest, id_of
from chatcore.gate import Person, Refusal
from chatcore.names import fold

__all__ = ["MOST_KEYS", "redeem"]

MOST_KEYS = 32
"""Keys of one account that were not revoked."""

_TOO_MANY = Refusal("limit_exceeded", "this account has too many keys; one has to be revoked first")


def redeem(file: AccountsFile, nick: str, key: str, secret: str, now: float) -> Person:
    """Let a key be one of the account that an invite stands for; raises `Refused`."""
    hash_ = digest(key)
    if (known := file.key(hash_)) is not None:  # it was sent twice, before the first was answered
        person = file.person(known.folded)
        if known.revoked or person is None or person.gone:
            raise Refused(UNAUTHORIZED)
    else:
        person = _redeemed(file, nick, key, secret, now)
    if ban := file.is_banned(person.folded, None, now):
        raise Refused(banned(ban.until, now))
    return Person(person.name, person.role, id_of(hash_))


def _redeemed(file: AccountsFile, nick: str, key: str, secret: str, now: float) -> PersonRow:
    invite = file.invite(secret, now)
    if invite is None or len(key) < KEY_CHARS:
        raise Refused(UNAUTHORIZED)
    person = _new_account(file, invite, nick, now) if invite.name is None else file.person(invite.name)
    if person is None or person.gone:
        raise Refused(UNAUTHORIZED)
    if len(file.key_entries(person.folded)) >= MOST_KEYS:
        raise Refused(_TOO_MANY)
    if invite.room is not None:
        file.admit(invite.room, [person.folded])
    file.add_key(digest(key), person.folded, now, invite.by_key)
    file.use_invite(invite.id)
    file.add_audit(AuditEntry(now, person.name, "enroll", invite.room, id_of(digest(key)), None, invite.id))
    return person


def _new_account(file: AccountsFile, invite: InviteEntry, nick: str, now: float) -> PersonRow:
    refusal = name_refusal(nick, lambda name: file.person(name) is not None, file.begins_a_name)
    if refusal is not None:
        raise Refused(refusal)
    file.add_person(fold(nick), nick, invite.role, now)
    return PersonRow(fold(nick), nick, invite.role, gone=False)
