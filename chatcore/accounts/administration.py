"""What an operator does with the file of accounts, from any process, beside a server that has it open.

A server sees what is done here within a second. Everything is noted in the audit, by ``by``.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final, Self

from chatcore.accounts.links import PublicUrl, links, public_url
from chatcore.accounts.naming import name_refusal
from chatcore.accounts.networks import network_of
from chatcore.accounts.records import (
    LONGEST,
    ROLES,
    AccountEntry,
    AuditEntry,
    BanEntry,
    InviteEntry,
    KeyEntry,
    Role,
)
from chatcore.accounts.schema import create_accounts
from chatcore.accounts.statements import AUDIT, AccountsFile, PersonRow
from chatcore.accounts.tokens import digest, id_of, new_invite
from chatcore.arguments import checked
from chatcore.errors import UsageError
from chatcore.messages import Join
from chatcore.names import fold
from chatcore.sqlite.words import explain

__all__ = ["Administration"]

INVITE_SECONDS: Final = 7 * 86_400.0
"""How long an invite can be used, unless told otherwise."""

MOST_USES: Final = 1_000_000
"""How often an invite can be used at most."""


class Administration:
    """Changes the accounts in the file ``path``; for one thread, and to be closed.

    ``by`` says in the audit who did it. With ``create`` a file that is missing is made, for its owner alone.
    With ``read_only`` it is left as it is, in its present format, and only what returns something can be
    called. All methods raise `UsageError` for what is not there or not allowed, and `AccountsError` where the
    file cannot be used. Names may have any spelling.
    """

    def __init__(
        self,
        path: Path | str,
        *,
        by: str,
        create: bool = False,
        read_only: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.path = Path(path)
        self._by = by
        self._now = now
        with self._explained():
            if create:
                create_accounts(self.path)
            self._file = AccountsFile(self.path, create=create, read_only=read_only)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file. Idempotent."""
        self._file.close()

    # --- accounts and keys -----------------------------------------------------------------------

    def accounts(self) -> list[AccountEntry]:
        """Return all accounts, by name."""
        with self._explained():
            return self._file.account_entries()

    def add(self, name: str, role: Role | None = None) -> Role:
        """Make an account, which has no key yet; return its role.

        The first account of a file is an owner, and all others are members, unless a role is given.
        """
        with self._change():
            refusal = name_refusal(
                name, lambda each: self._file.person(each) is not None, self._file.begins_a_name
            )
            if refusal is not None:
                raise UsageError(refusal.message)
            role = _checked_role(role or ("owner" if self._file.is_empty() else "member"))
            self._file.add_person(fold(name), name, role, self._now())
            self._note("add", target=name, reason=role)
            return role

    def set_role(self, name: str, role: Role) -> None:
        """Change what an account may do, also for those who are connected."""
        with self._change():
            person = self._person(name)
            self._file.set_role(person.folded, _checked_role(role))
            self._note("role", target=person.name, reason=role)

    def remove(self, name: str) -> None:
        """Remove an account with its keys. Its name is never given out again."""
        with self._change():
            person = self._person(name)
            self._file.remove_person(person.folded, self._now())
            self._note("remove", target=person.name)

    def keys(self, name: str) -> list[KeyEntry]:
        """Return the keys of an account, the oldest first."""
        with self._explained():
            return self._file.key_entries(self._person(name).folded)

    def revoke(self, name: str, key_id: str | None = None, *, only: bool = False) -> list[str]:
        """Revoke a key of an account, or all; return which. Their sessions end.

        With a key go those that came from it: whoever stole it may have invited devices of their own. With
        ``only``, these stay. The invites that the account's keys have asked for are worth nothing any more,
        and if all keys go, no invite to the account is.
        """
        with self._change():
            person = self._person(name)
            keys = self._keys_to_revoke(person, key_id, only=only)
            self._file.revoke(keys, self._now())
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

    def invite(
        self,
        *,
        role: Role | None = None,
        uses: int = 1,
        seconds: float = INVITE_SECONDS,
        room: str | None = None,
        name: str | None = None,
    ) -> InviteEntry:
        """Make an invite, with its secret; nobody can read that again.

        It makes a new account, or with ``name`` one more key of an account. With ``room`` the account is
        admitted to that room, and a new one is a guest unless a role is given.
        """
        folded_room = _folded_room(room)
        if not 1 <= uses <= MOST_USES:
            raise UsageError(f"an invite can be used once or more often, {MOST_USES:,} times at most")
        if not 0 < seconds <= LONGEST:
            raise UsageError("an invite ends after some time, ten years at most")
        with self._change():
            person = None if name is None else self._person(name)
            if person is not None and role is not None:
                raise UsageError(f"{person.name} has a role; change it with `chat account role`")
            default: Role = "member" if folded_room is None else "guest"
            role = person.role if person else _checked_role(role or default)
            return self._new_invite(role, uses, seconds, folded_room, person)

    def _new_invite(
        self, role: Role, uses: int, seconds: float, room: str | None, person: PersonRow | None
    ) -> InviteEntry:
        secret, now = new_invite(), self._now()
        id_ = id_of(digest(secret))
        name, folded = (person.name, person.folded) if person else (None, None)
        self._file.remove_ended(now)
        self._file.add_invite(InviteEntry(id_, role, folded, room, uses, now + seconds, self._by), secret)
        self._note("invite", room=room, target=name, seconds=seconds, reason=id_)
        return InviteEntry(id_, role, name, room, uses, now + seconds, self._by, secret=secret)

    def invites(self) -> list[InviteEntry]:
        """Return the invites that can be used, in the order in which they end."""
        with self._explained():
            return self._file.invite_entries(self._now())

    def withdraw(self, invite_id: str | None = None) -> int:
        """Withdraw an invite, or all; return how many."""
        with self._change():
            count = self._file.remove_invite(invite_id)
            if invite_id is not None and not count:
                raise UsageError(f"there is no invite {invite_id}; `chat invite --list` lists them")
            self._note("withdraw", reason=invite_id or "all invites")
            return count

    # --- bans ------------------------------------------------------------------------------------

    def ban(self, target: str, *, seconds: float | None = None, reason: str | None = None) -> BanEntry:
        """Ban an account, an address or a network, for some time or until it is lifted."""
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise UsageError("a ban lasts for some time, ten years at most, or has no end")
        with self._change():
            person = self._file.owner_of(target)
            until = None if seconds is None else self._now() + seconds
            name = person.folded if person else _network(target)
            ban = BanEntry("ban" if person else "address", name, None, until, reason)
            self._file.set_ban(ban)
            self._note("ban", target=person.name if person else name, seconds=seconds, reason=reason)
            return self._spelled(ban)

    def lift(self, target: str, *, room: str | None = None) -> int:
        """End the ban and the mute of an account, in a room or everywhere, or the ban of an address."""
        folded_room = _folded_room(room)
        with self._change():
            person = self._file.owner_of(target)
            name = person.folded if person else _network(target)
            count = self._file.lift(("ban", "mute") if person else ("address",), name, folded_room)
            if not count:
                raise UsageError(f"{person.name if person else name} is not banned; `chat bans` lists bans")
            self._note("lift", room=folded_room, target=person.name if person else name)
            return count

    def bans(self) -> list[BanEntry]:
        """Return the bans and mutes that have not ended."""
        with self._explained():
            return [self._spelled(ban) for ban in self._file.bans() if not ban.ended(self._now())]

    # --- the rest --------------------------------------------------------------------------------

    def audit(self, limit: int = 100) -> list[AuditEntry]:
        """Return the latest of what was done, the oldest first."""
        with self._explained():
            return self._file.audit(min(limit, 2 * AUDIT))

    def publish(self, urls: Iterable[str], pin: str | None = None) -> None:
        """Replace the URLs that links begin with; ``pin`` is that of a self-made certificate."""
        found = [public_url(url, pin) for url in urls]
        with self._change():
            self._publish(found)

    def repin(self, urls: Collection[str], pin: str | None) -> None:
        """Have links begin with another pin, or with none, where their URL is one of these."""
        with self._change():
            self._publish(
                [public_url(each.url, pin) if each.url in urls else each for each in self._file.urls()]
            )

    def urls(self) -> tuple[PublicUrl, ...]:
        """Return the URLs that links begin with."""
        with self._explained():
            return self._file.urls()

    def links(self, invite: InviteEntry) -> tuple[str, ...]:
        """Return the links of an invite that was made here, one for each public URL."""
        if invite.secret is None:
            raise UsageError(f"nobody knows the secret of the invite {invite.id} any more; make another")
        return links(self.urls(), invite.secret)

    # --- how ---------------------------------------------------------------------------------------

    def _publish(self, urls: list[PublicUrl]) -> None:
        if urls != list(self._file.urls()):
            self._file.set_urls(urls)
            self._note("publish", reason=" ".join(each.url for each in urls))

    def _person(self, name: str) -> PersonRow:
        person = self._file.person(fold(name))
        if person is None or person.gone:
            raise UsageError(f"there is no account {name}; `chat account list` lists them")
        return person

    def _spelled(self, ban: BanEntry) -> BanEntry:
        """Return a ban with the name of its account, which the file has folded, as it is spelled."""
        person = None if ban.kind == "address" else self._file.person(ban.target)
        return replace(ban, target=person.name) if person else ban

    def _note(
        self,
        act: str,
        *,
        room: str | None = None,
        target: str | None = None,
        seconds: float | None = None,
        reason: str | None = None,
    ) -> None:
        self._file.add_audit(AuditEntry(self._now(), self._by, act, room, target, seconds, reason))

    @contextlib.contextmanager
    def _change(self) -> Iterator[None]:
        with self._explained(), self._file.transaction():
            yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except UnicodeEncodeError:
            raise UsageError("this text cannot be stored: it is not Unicode") from None
        except (sqlite3.Error, OSError) as error:
            raise explain(AccountsFile.KIND, self.path, error) from error


def _checked_role(role: Role) -> Role:
    if role not in ROLES:
        raise UsageError(f"a role is one of {', '.join(ROLES)}, not {role!r}")
    return role


def _folded_room(room: str | None) -> str | None:
    return None if room is None else fold(checked(Join, room=room).room)


def _network(target: str) -> str:
    try:
        return network_of(target)
    except UsageError:
        raise UsageError(f"{target!r} is not an account, an address or a network") from None
