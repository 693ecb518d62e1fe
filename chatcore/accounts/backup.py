"""Backs the accounts up beside servers that use them, and restores them where none does.

These are for a process that has none of the files open: see `chatcore.sqlite.identity`.

An old copy brings back what was taken away since it was made: keys that were revoked, people who were banned,
invites that were used up. So whoever restores one learns what that is.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from chatcore.accounts.records import ROLES
from chatcore.accounts.schema import AccountsDatabase
from chatcore.errors import AccountsError
from chatcore.private import make_directories
from chatcore.sqlite.copying import (
    Progress,
    copy_database,
    explained,
    holds,
    real_path,
    refuse_damage,
    refuse_no_backup,
    remove_empty_log,
    unseen,
)
from chatcore.sqlite.partial import PartialFile
from chatcore.sqlite.replacing import give_to_owner, replace_database

__all__ = ["AccountsCopy", "Returned", "back_up_accounts", "restore_accounts"]

_KIND = AccountsDatabase.KIND


@dataclass(frozen=True, slots=True)
class Returned:
    """Something that was taken away after a backup was made, and that its copy brings back.

    ``name`` is an account, an address, an invite's id or a room, as ``kind`` says: a ``key`` that was
    revoked, by its id in ``detail``; an ``account`` that was removed; a ``role`` that was a lower one, in
    ``detail``; a ``ban`` or ``mute``, with ``until`` and ``reason``, and ``room`` if it is in one room; an
    ``invite`` that was used or withdrawn; a ``room`` that was made private; an ``admission`` to one that was
    taken from the account ``detail``.
    """

    kind: Literal["key", "account", "role", "ban", "mute", "invite", "room", "admission"]
    name: str
    detail: str | None = None
    room: str | None = None
    until: float | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class AccountsCopy:
    """A copy of a file of accounts that was made, checked and put in place.

    ``last`` is when the latest of its acts was done. ``kept`` is where the file is that was replaced by a
    restored one, and ``returned`` what is in force again; ``None`` if nothing is known of that.
    """

    path: Path
    accounts: int
    bytes: int
    last: float | None
    kept: Path | None = None
    returned: list[Returned] | None = None


def back_up_accounts(path: Path, target: Path, progress: Progress = unseen) -> AccountsCopy:
    """Copy a file of accounts, beside servers that may have it open; the copy appears once it is complete.

    It replaces an older backup, and no other file. Raises `AccountsError` if there are no accounts, or their
    file is damaged, or the copy cannot be written, and leaves what is at ``target`` unchanged.
    """
    with explained(_KIND, f"cannot back up the accounts {path} to {target}"):
        target = real_path(target)
        refuse_no_backup(_KIND, target, path, ())
        with PartialFile(target, _KIND) as partial:
            copy = _copy(path, partial, progress)
            remove_empty_log(target)
            partial.put()
    return replace(copy, path=target)


def restore_accounts(backup: Path, path: Path, progress: Progress = unseen, *, now: float) -> AccountsCopy:
    """Put a copy of a backup in the place of a file of accounts that no server has open.

    The file that was there stays beside it, see `AccountsCopy.kept`. ``now`` is the time, in seconds since
    1970. Raises `AccountsError` if the backup is not one, or is damaged, or a program has the file open, or
    it cannot be written, and leaves the file unchanged.
    """
    with explained(_KIND, f"cannot restore the accounts {path} from {backup}"):
        make_directories(path.parent)
        path = real_path(path)
        _refuse_target(backup, path)
        with PartialFile(path, _KIND) as partial:
            give_to_owner(_KIND, path, partial)
            copy = _copy(backup, partial, progress)
            kept = replace_database(_KIND, path, partial)
    return replace(copy, path=path, kept=kept, returned=None if kept is None else _returned(kept, path, now))


def _copy(source: Path, partial: PartialFile, progress: Progress) -> AccountsCopy:
    """Fill a partial file with a copy of the accounts, and check it."""
    with closing(AccountsDatabase(source, read_only=True)) as file:
        copy_database(file, partial, progress)
    refuse_damage(_KIND, source, partial.path)
    with _reading(partial.path) as db:
        ((accounts, last),) = db.execute(
            "SELECT (SELECT count(*) FROM people WHERE gone IS NULL), (SELECT max(at) FROM audit)"
        )
    return AccountsCopy(partial.path, accounts, partial.path.stat().st_size, last)


def _refuse_target(backup: Path, path: Path) -> None:
    if not path.exists():
        return
    if not path.is_file():
        raise AccountsError(f"{path} is not a file; name another with --accounts")
    if backup.exists() and backup.samefile(path):
        raise AccountsError(f"{backup} is the accounts file itself; name a backup of it")
    if path.stat().st_size and not holds(path, _KIND):
        raise AccountsError(
            f"{path} is not an accounts file; move it away, or choose another with --accounts"
        )


# --- what comes back -----------------------------------------------------------------------------


def _returned(old: Path, new: Path, now: float) -> list[Returned] | None:
    """Return what is in force again by a new file; ``None`` if the old one cannot be read."""
    try:
        with _reading(old) as before, _reading(new) as after:
            return [entry for find in _FINDERS for entry in find(before, after, now)]
    except sqlite3.DatabaseError:
        return None


def _accounts(before: sqlite3.Connection, after: sqlite3.Connection, now: float) -> Iterator[Returned]:
    here = _column(after, "SELECT name FROM people WHERE gone IS NULL")
    for name, spelled in before.execute("SELECT name, spelled FROM people WHERE gone IS NOT NULL ORDER BY 1"):
        if name in here:
            yield Returned("account", spelled)


def _keys(before: sqlite3.Connection, after: sqlite3.Connection, now: float) -> Iterator[Returned]:
    live = _column(after, "SELECT id FROM keys WHERE revoked IS NULL")
    for name, key in before.execute(
        "SELECT spelled, id FROM keys JOIN people USING (name) WHERE revoked IS NOT NULL AND gone IS NULL"
        " ORDER BY 1, 2"
    ):
        if key in live:
            yield Returned("key", name, key)


def _roles(before: sqlite3.Connection, after: sqlite3.Connection, now: float) -> Iterator[Returned]:
    roles = dict(after.execute("SELECT name, role FROM people WHERE gone IS NULL"))
    for name, spelled, role in before.execute(
        "SELECT name, spelled, role FROM people WHERE gone IS NULL ORDER BY 1"
    ):
        if name in roles and ROLES.index(roles[name]) < ROLES.index(role):
            yield Returned("role", spelled, role)


def _bans(before: sqlite3.Connection, after: sqlite3.Connection, now: float) -> Iterator[Returned]:
    ends = {tuple(row): until for *row, until in after.execute("SELECT kind, target, room, until FROM bans")}
    for kind, target, spelled, room, until, reason in before.execute(
        "SELECT kind, target, coalesce(spelled, target), room, until, reason FROM bans"
        " LEFT JOIN people ON people.name = target AND kind != 'address' ORDER BY 1, 2, 4"
    ):
        end = ends.get((kind, target, room), 0.0)
        if (until is None or until > now) and end is not None and (until is None or end < until):
            kept: Literal["ban", "mute"] = "mute" if kind == "mute" else "ban"
            yield Returned(kept, spelled, room=room or None, until=until, reason=reason)


def _invites(before: sqlite3.Connection, after: sqlite3.Connection, now: float) -> Iterator[Returned]:
    left = dict(before.execute("SELECT id, uses FROM invites"))
    for id_, uses in after.execute("SELECT id, uses FROM invites WHERE until > ? ORDER BY 1", (now,)):
        if left.get(id_, 0) < uses:
            yield Returned("invite", id_)


def _rooms(before: sqlite3.Connection, after: sqlite3.Connection, now: float) -> Iterator[Returned]:
    private = _column(after, "SELECT room FROM rooms")
    for (room,) in before.execute("SELECT room FROM rooms ORDER BY 1"):
        if room not in private:
            yield Returned("room", room)


def _admissions(before: sqlite3.Connection, after: sqlite3.Connection, now: float) -> Iterator[Returned]:
    still = set(before.execute("SELECT room, name FROM admitted"))
    for room, name, spelled in after.execute(
        "SELECT room, name, spelled FROM admitted JOIN people USING (name) WHERE gone IS NULL ORDER BY 1, 2"
    ):
        if (room, name) not in still:
            yield Returned("admission", room, spelled)


_FINDERS = (_accounts, _keys, _roles, _bans, _invites, _rooms, _admissions)


def _column(db: sqlite3.Connection, statement: str) -> set[str]:
    return {value for (value,) in db.execute(statement)}


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as db:
        yield db
