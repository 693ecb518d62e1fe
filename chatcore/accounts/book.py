"""What an operator does with accounts, wherever they are: reads them, and asks for acts.

A subclass knows where they are. Everything is noted in the audit, by ``by``.
"""

import contextlib
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, Self

from chatcore.accounts.acts import MOST_USES, Content
from chatcore.accounts.links import PublicUrl, links, public_url
from chatcore.accounts.networks import network_of
from chatcore.accounts.operating import person_called, spelled
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
from chatcore.accounts.statements import AUDIT, AccountsFile
from chatcore.accounts.tokens import digest, new_invite
from chatcore.arguments import checked
from chatcore.errors import UsageError
from chatcore.messages import Join
from chatcore.names import fold
from chatcore.sqlite.words import explain

__all__ = ["AccountsBook"]

INVITE_SECONDS: Final = 7 * 86_400.0
"""How long an invite can be used, unless told otherwise."""


class AccountsBook(ABC):
    """The accounts; for one thread, and to be closed. ``path`` is the file that is read.

    ``by`` says in the audit who did it, and ``now`` gives seconds since 1970. Names may have any spelling.
    All methods raise `UsageError` for what is not there or not allowed, and `AccountsError` where the
    accounts cannot be used.
    """

    path: Path

    def __init__(self, by: str, now: Callable[[], float]) -> None:
        self._by = by
        self._now = now

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @abstractmethod
    def close(self) -> None:
        """Close it. Idempotent."""

    # --- accounts and keys -----------------------------------------------------------------------

    def accounts(self) -> list[AccountEntry]:
        """Return all accounts, by name."""
        with self._explained():
            return self._read().account_entries()

    def add(self, name: str, role: Role | None = None) -> Role:
        """Make an account, which has no key yet; return its role.

        The first of all accounts is an owner, and all others are members, unless a role is given.
        """
        made: Role = self._do("add", name=name, role=None if role is None else _checked_role(role))
        return made

    def set_role(self, name: str, role: Role) -> None:
        """Change what an account may do, also for those who are connected."""
        self._do("role", name=name, role=_checked_role(role))

    def remove(self, name: str) -> None:
        """Remove an account with its keys. Its name is never given out again."""
        self._do("remove", name=name)

    def keys(self, name: str) -> list[KeyEntry]:
        """Return the keys of an account, the oldest first."""
        with self._explained():
            file = self._read()
            return file.key_entries(person_called(file, name).folded)

    def revoke(self, name: str, key_id: str | None = None, *, only: bool = False) -> list[str]:
        """Revoke a key of an account, or all; return which. Their sessions end.

        With a key go those that came from it: whoever stole it may have invited devices of their own. With
        ``only``, these stay. The invites that the account's keys have asked for are worth nothing any more,
        and if all keys go, no invite to the account is.
        """
        revoked: list[str] = self._do("revoke", name=name, key=key_id, only=only)
        return revoked

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
        role = None if role is None else _checked_role(role)
        secret = new_invite()
        invite: InviteEntry = self._do(
            "invite",
            invite=digest(secret).hex(),
            role=role,
            uses=uses,
            seconds=seconds,
            room=folded_room,
            name=name,
        )
        return replace(invite, secret=secret)

    def invites(self) -> list[InviteEntry]:
        """Return the invites that can be used, in the order in which they end."""
        with self._explained():
            return self._read().invite_entries(self._now())

    def withdraw(self, invite_id: str | None = None) -> int:
        """Withdraw an invite, or all; return how many."""
        count: int = self._do("withdraw", id=invite_id)
        return count

    # --- bans ------------------------------------------------------------------------------------

    def ban(self, target: str, *, seconds: float | None = None, reason: str | None = None) -> BanEntry:
        """Ban an account, an address or a network, for some time or until it is lifted."""
        if seconds is not None and not 0 < seconds <= LONGEST:
            raise UsageError("a ban lasts for some time, ten years at most, or has no end")
        ban: BanEntry = self._do(
            "ban", target=target, network=_network(target), seconds=seconds, reason=reason
        )
        return ban

    def lift(self, target: str, *, room: str | None = None) -> int:
        """End the ban and the mute of an account, in a room or everywhere, or the ban of an address."""
        count: int = self._do("lift", target=target, network=_network(target), room=_folded_room(room))
        return count

    def bans(self) -> list[BanEntry]:
        """Return the bans and mutes that have not ended."""
        with self._explained():
            file = self._read()
            return [spelled(file, ban) for ban in file.bans() if not ban.ended(self._now())]

    # --- the rest --------------------------------------------------------------------------------

    def audit(self, limit: int = 100) -> list[AuditEntry]:
        """Return the latest of what was done, the oldest first."""
        with self._explained():
            return self._read().audit(min(limit, 2 * AUDIT))

    def publish(self, urls: Iterable[str], pin: str | None = None) -> None:
        """Replace the URLs that links begin with; ``pin`` is that of a self-made certificate."""
        found = [public_url(url, pin) for url in urls]
        self._do("publish", urls=[[each.url, each.pin] for each in found])

    def repin(self, urls: Collection[str], pin: str | None) -> None:
        """Have links begin with another pin, or with none, where their URL is one of these."""
        self._do("repin", urls=list(urls), pin=pin)

    def urls(self) -> tuple[PublicUrl, ...]:
        """Return the URLs that links begin with."""
        with self._explained():
            return self._read().urls()

    def links(self, invite: InviteEntry) -> tuple[str, ...]:
        """Return the links of an invite that was made here, one for each public URL."""
        if invite.secret is None:
            raise UsageError(f"nobody knows the secret of the invite {invite.id} any more; make another")
        return links(self.urls(), invite.secret)

    # --- how ---------------------------------------------------------------------------------------

    @abstractmethod
    def _read(self) -> AccountsFile:
        """Return the file to read."""

    @abstractmethod
    def _perform(self, content: Content) -> Any:
        """Have an act done, and return what came of it."""

    def _do(self, act: str, **fields: object) -> Any:
        return self._perform({"act": act, "by": self._by, **fields})

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


def _network(target: str) -> str | None:
    """Return the network that a target is, unless it is an account."""
    try:
        return network_of(target)
    except UsageError:
        return None
