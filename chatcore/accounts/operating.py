"""What an operator's acts change, within one transaction: each is noted in the audit, by whoever did it.

All of them raise `UsageError` for what is not there or not allowed. Names may have any spelling; rooms are
folded, and a network has its one spelling.
"""

from dataclasses import replace
from typing import Any, Final

from chatcore.accounts.acts import Content
from chatcore.accounts.links import PublicUrl
from chatcore.accounts.naming import name_refusal
from chatcore.accounts.records import AuditEntry, BanEntry, InviteEntry, Role
from chatcore.accounts.statements import AccountsFile, PersonRow
from chatcore.accounts.tokens import id_of
from chatcore.errors import UsageError
from chatcore.names import fold

__all__ = ["Operation", "person_called", "spelled"]


class Operation:
    """An act of an operator, done at a time: in seconds since 1970."""

    def __init__(self, file: AccountsFile, by: str, now: float) -> None:
        self._file = file
        self._by = by
        self._now = now

    def do(self, content: Content) -> Any:
        """Do it, and return what came of it."""
        match content:
            case {"act": "add", "name": name, "role": role}:
                return self._add(name, role)
            case {"act": "role", "name": name, "role": role}:
                return self._set_role(name, role)
            case {"act": "remove", "name": name}:
                return self._remove(name)
            case {"act": "revoke", "name": name, "key": key, "only": only}:
                return self._revoke(name, key, only=only)
            case {"act": "invite"}:
                return self._invite(content)
            case {"act": "withdraw", "id": invite}:
                return self._withdraw(invite)
            case {"act": "ban", "target": target, "network": network, "seconds": seconds, "reason": reason}:
                return self._ban(target, network, seconds, reason)
            case {"act": "lift", "target": target, "network": network, "room": room}:
                return self._lift(target, network, room)
            case {"act": "publish", "urls": urls}:
                return self._publish([PublicUrl(url, pin) for url, pin in urls])
            case {"act": "repin", "urls": urls, "pin": pin}:
                return self._repin(urls, pin)
            case _:
                raise ValueError(f"no operator does {content.get('act')!r}")

    # --- accounts and keys -----------------------------------------------------------------------

    def _add(self, name: str, role: Role | None) -> Role:
        file = self._file
        refusal = name_refusal(name, lambda each: file.person(each) is not None, file.begins_a_name)
        if refusal is not None:
            raise UsageError(refusal.message)
        role = role or ("owner" if file.is_empty() else "member")
        file.add_person(fold(name), name, role, self._now)
        self._note("add", target=name, reason=role)
        return role

    def _set_role(self, name: str, role: Role) -> None:
        person = person_called(self._file, name)
        self._file.set_role(person.folded, role)
        self._note("role", target=person.name, reason=role)

    def _remove(self, name: str) -> None:
        person = person_called(self._file, name)
        self._file.remove_person(person.folded, self._now)
        self._note("remove", target=person.name)

    def _revoke(self, name: str, key_id: str | None, *, only: bool) -> list[str]:
        person = person_called(self._file, name)
        keys = self._keys_to_revoke(person, key_id, only=only)
        self._file.revoke(keys, self._now)
        self._file.remove_invites_to(person.folded, by_keys=key_id is not None)
        self._note("revoke", target=person.name, reason="all keys" if key_id is None else " ".join(keys))
        return keys

    def _keys_to_revoke(self, person: PersonRow, key_id: str | None, *, only: bool) -> list[str]:
        if key_id is None:
            return [key.id for key in self._file.key_entries(person.folded)]
        found = self._file.keys_from(person.folded, key_id)
        if not self._file.is_live(person.folded, key_id) and (only or not found):
            raise UsageError(f"{person.name} has no key {key_id}; `chat account keys` lists them")
        if only:
            return [key_id]
        return sorted(found, key=lambda each: each != key_id)

    # --- invites ---------------------------------------------------------------------------------

    def _invite(self, content: Content) -> InviteEntry:
        person = None if content["name"] is None else person_called(self._file, content["name"])
        if person is not None and content["role"] is not None:
            raise UsageError(f"{person.name} has a role; change it with `chat account role`")
        hash_, seconds, room = bytes.fromhex(content["invite"]), content["seconds"], content["room"]
        default: Role = "member" if room is None else "guest"
        role = person.role if person else content["role"] or default
        name, folded = (person.name, person.folded) if person else (None, None)
        until = self._now + seconds
        self._file.remove_ended(self._now)
        invite = InviteEntry(id_of(hash_), role, folded, room, content["uses"], until, self._by)
        self._file.add_invite(invite, hash_)
        self._note("invite", room=room, target=name, seconds=seconds, reason=invite.id)
        return replace(invite, name=name)

    def _withdraw(self, invite: str | None) -> int:
        count = self._file.remove_invite(invite)
        if invite is not None and not count:
            raise UsageError(f"there is no invite {invite}; `chat invite --list` lists them")
        self._note("withdraw", reason=invite or "all invites")
        return count

    # --- bans ------------------------------------------------------------------------------------

    def _ban(self, target: str, network: str | None, seconds: float | None, reason: str | None) -> BanEntry:
        person, name = self._who(target, network)
        until = None if seconds is None else self._now + seconds
        ban = BanEntry("ban" if person else "address", name, None, until, reason)
        self._file.set_ban(ban)
        self._note("ban", target=person.name if person else name, seconds=seconds, reason=reason)
        return spelled(self._file, ban)

    def _lift(self, target: str, network: str | None, room: str | None) -> int:
        person, name = self._who(target, network)
        count = self._file.lift(("ban", "mute") if person else ("address",), name, room)
        if not count:
            raise UsageError(f"{person.name if person else name} is not banned; `chat bans` lists bans")
        self._note("lift", room=room, target=person.name if person else name)
        return count

    def _who(self, target: str, network: str | None) -> tuple[PersonRow | None, str]:
        """Return the account that is meant, if it is one, and how bans name it, or the network."""
        if (person := self._file.owner_of(target)) is not None:
            return person, person.folded
        if network is None:
            raise UsageError(f"{target!r} is not an account, an address or a network")
        return None, network

    # --- public URLs, the audit ------------------------------------------------------------------

    def _repin(self, urls: list[str], pin: str | None) -> None:
        self._publish([_pinned(each.url, pin) if each.url in urls else each for each in self._file.urls()])

    def _publish(self, urls: list[PublicUrl]) -> None:
        if urls != list(self._file.urls()):
            self._file.set_urls(urls)
            self._note("publish", reason=" ".join(each.url for each in urls))

    def _note(
        self,
        act: str,
        *,
        room: str | None = None,
        target: str | None = None,
        seconds: float | None = None,
        reason: str | None = None,
    ) -> None:
        self._file.add_audit(AuditEntry(self._now, self._by, act, room, target, seconds, reason))


_PINNED: Final = "chats://"


def _pinned(url: str, pin: str | None) -> PublicUrl:
    return PublicUrl(url, pin if url.startswith(_PINNED) else None)


def person_called(file: AccountsFile, name: str) -> PersonRow:
    """Return an account that was not removed; raises `UsageError`."""
    person = file.person(fold(name))
    if person is None or person.gone:
        raise UsageError(f"there is no account {name}; `chat account list` lists them")
    return person


def spelled(file: AccountsFile, ban: BanEntry) -> BanEntry:
    """Return a ban with the name of its account, which the file has folded, as it is spelled."""
    person = None if ban.kind == "address" else file.person(ban.target)
    return replace(ban, target=person.name) if person else ban
