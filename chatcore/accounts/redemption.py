"""How an invite becomes an account and a key, within one transaction.

- The client has made the key, and stored it, before it sends the two. So one whose ``welcome`` was lost sends
  the same again, and is let in by the key: an invite is redeemed once for each key.
- An invite for a room also admits an account whose key is known already. It admits each account once: whoever
  was put out of the room does not come back by the same invite.
- An invite stands for an account, or for a new one. That is called what its first session asks for.
- A key that was revoked is never a key again, whatever invite comes with it.
- An account has a limited number of keys, so whoever has one of them cannot make any number of them.
"""

from chatcore.accounts.naming import name_refusal
from chatcore.accounts.records import AuditEntry, InviteEntry
from chatcore.accounts.refusals import UNAUTHORIZED, Refused, banned
from chatcore.accounts.statements import AccountsFile, KeyRow, PersonRow
from chatcore.accounts.tokens import id_of
from chatcore.gate import Person, Refusal
from chatcore.names import fold

__all__ = ["MOST_KEYS", "redeem"]

MOST_KEYS = 32
"""Keys of one account that were not revoked."""

_FOR_ANOTHER = Refusal("forbidden", "this invite is for another account")

_TOO_MANY = Refusal("limit_exceeded", "this account has too many keys; one has to be revoked first")


def redeem(file: AccountsFile, nick: str, key: bytes, invite: bytes, now: float) -> Person:
    """Let a key be one of the account that an invite stands for, or admit its account; raises `Refused`.

    The key and the invite are given by their hashes.
    """
    if (known := file.key(key)) is not None:
        person = _known(file, known)
        _admit(file, person, invite, now)
    else:
        person = _redeemed(file, nick, key, invite, now)
    if ban := file.is_banned(person.folded, None, now):
        raise Refused(banned(ban.until, now))
    return Person(person.name, person.role, id_of(key))


def _known(file: AccountsFile, key: KeyRow) -> PersonRow:
    person = file.person(key.folded)
    if key.revoked or person is None or person.gone:
        raise Refused(UNAUTHORIZED)
    return person


def _admit(file: AccountsFile, person: PersonRow, hash_: bytes, now: float) -> None:
    """Admit an account that is known to the room of an invite, if it has one and can still be used."""
    invite = file.invite(hash_, now)
    if invite is None:  # it may have been used up by this very key
        return
    if invite.name not in (None, person.folded):
        raise Refused(_FOR_ANOTHER)
    if invite.room is None or file.is_admitted(invite.room, person.folded):
        return
    if file.admit_by(invite.id, invite.room, person.folded):
        file.use_invite(invite.id)
        _note(file, person, "admit", invite, now, f"invite {invite.id}")


def _redeemed(file: AccountsFile, nick: str, key: bytes, hash_: bytes, now: float) -> PersonRow:
    invite = file.invite(hash_, now)
    if invite is None:
        raise Refused(UNAUTHORIZED)
    person = _new_account(file, invite, nick, now) if invite.name is None else file.person(invite.name)
    if person is None or person.gone:
        raise Refused(UNAUTHORIZED)
    if len(file.key_entries(person.folded)) >= MOST_KEYS:
        raise Refused(_TOO_MANY)
    if invite.room is not None:
        file.admit_by(invite.id, invite.room, person.folded)
    file.add_key(key, person.folded, now, invite.by_key)
    file.use_invite(invite.id)
    _note(file, person, "enroll", invite, now, f"key {id_of(key)}, invite {invite.id}")
    return person


def _note(
    file: AccountsFile, person: PersonRow, act: str, invite: InviteEntry, now: float, reason: str
) -> None:
    entry = AuditEntry(now, person.name, act, invite.room, person.name, None, reason)
    file.add_audit(entry, by_member=True)


def _new_account(file: AccountsFile, invite: InviteEntry, nick: str, now: float) -> PersonRow:
    refusal = name_refusal(nick, lambda name: file.person(name) is not None, file.begins_a_name)
    if refusal is not None:
        raise Refused(refusal)
    file.add_person(fold(nick), nick, invite.role, now)
    return PersonRow(fold(nick), nick, invite.role, gone=False)
