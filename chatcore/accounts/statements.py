"""The statements of the file of accounts. Names and rooms are folded here, times are seconds since 1970.

Everything raises `sqlite3.Error` as SQLite does. What changes the file is for within a `transaction`.
Names are compared, never matched by ``LIKE``: an underscore would be any character.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import cast

from chatcore.accounts.links import PublicUrl
from chatcore.accounts.naming import possible_owners
from chatcore.accounts.records import AccountEntry, AuditEntry, BanEntry, InviteEntry, KeyEntry, Role
from chatcore.accounts.schema import AccountsDatabase
from chatcore.accounts.tokens import id_of
from chatcore.accounts.touched import Table, Touched
from chatcore.accounts.uses import day_of
from chatcore.sqlite.database import Synchronous

__all__ = ["AUDIT", "KEPT_SECONDS", "AccountsFile", "KeyRow", "PersonRow"]

AUDIT = 100_000
"""Entries of the audit that are stored by operators and moderators, and as many by members."""

KEPT_SECONDS = 7_200.0
"""How long what has ended stays in the file: a clock that was ahead may be set back, and then it goes on."""

_EVERYWHERE = ""


@dataclass(frozen=True, slots=True)
class PersonRow:
    """An account, also one that was removed."""

    folded: str
    name: str
    role: Role
    gone: bool


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key, also one that was revoked: its account's name is folded. When it was used changes nothing."""

    hash: bytes
    id: str
    folded: str
    used: float | None = field(compare=False)
    revoked: bool


class AccountsFile(AccountsDatabase):
    """One connection to the file, with all that is asked of it.

    Whatever changes something that a `Snapshot` has notes it, for `take_touched`. What leaves all as it was
    is no change.
    """

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        read_only: bool = False,
        synchronous: Synchronous = "FULL",
    ) -> None:
        super().__init__(path, create=create, read_only=read_only, synchronous=synchronous)
        self._touched = Touched()

    @property
    def changes(self) -> int:
        """How many rows were changed by this connection so far."""
        return self.db.total_changes

    def take_touched(self) -> Touched:
        """Return what was changed since this was asked last, also if it was undone."""
        touched, self._touched = self._touched, Touched()
        return touched

    def _change(
        self, statement: str, values: Sequence[object], *tables: Table, room: str | None = None
    ) -> int:
        """Change rows of tables, or of a room; return how many."""
        count = self.db.execute(statement, values).rowcount
        if count:
            self._note(*tables, room=room)
        return count

    def _note(self, *tables: Table, room: str | None = None) -> None:
        if tables:
            self._touched = self._touched.and_tables(*tables)
        if room is not None:
            self._touched = self._touched.and_room(room)

    # --- accounts --------------------------------------------------------------------------------

    def people(self) -> Iterator[PersonRow]:
        """Yield all accounts."""
        return map(_person, self.db.execute("SELECT name, spelled, role, gone FROM people"))

    def person(self, folded: str) -> PersonRow | None:
        """Return an account by its name."""
        row = self.db.execute(
            "SELECT name, spelled, role, gone FROM people WHERE name = ?", (folded,)
        ).fetchone()
        return None if row is None else _person(row)

    def owner_of(self, nick: str) -> PersonRow | None:
        """Return the account that a nick belongs to, unless it was removed."""
        found = (self.person(name) for name in possible_owners(nick))
        return next((person for person in found if person is not None and not person.gone), None)

    def begins_a_name(self, start: str) -> bool:
        """Tell whether the name of an account begins with a text, also of one that was removed."""
        row = self.db.execute("SELECT name FROM people WHERE name >= ? ORDER BY name LIMIT 1", (start,))
        name = row.fetchone()
        return name is not None and name[0].startswith(start)

    def is_empty(self) -> bool:
        """Tell whether there never was an account."""
        return self.db.execute("SELECT 1 FROM people LIMIT 1").fetchone() is None

    def add_person(self, folded: str, name: str, role: Role, now: float) -> None:
        """Add an account."""
        self._change("INSERT INTO people VALUES (?, ?, ?, ?, NULL)", (folded, name, role, now), "people")

    def set_role(self, folded: str, role: Role) -> None:
        """Change what an account may do."""
        self._change("UPDATE people SET role = ? WHERE name = ?", (role, folded), "people")

    def remove_person(self, folded: str, now: float) -> None:
        """Remove an account, and all that it has but its name."""
        self._note("people", "keys", "bans", "rooms")
        self.db.execute("UPDATE people SET gone = ? WHERE name = ?", (now, folded))
        self.db.execute("UPDATE keys SET revoked = ? WHERE name = ? AND revoked IS NULL", (now, folded))
        for table in ("invites", "admitted"):
            self.db.execute(f"DELETE FROM {table} WHERE name = ?", (folded,))
        self.db.execute("DELETE FROM bans WHERE kind != 'address' AND target = ?", (folded,))

    def account_entries(self) -> list[AccountEntry]:
        """Return all accounts that were not removed, by name."""
        rows = self.db.execute(
            "SELECT spelled, role, people.made, count(hash), max(used) FROM people"
            " LEFT JOIN keys ON keys.name = people.name AND revoked IS NULL"
            " WHERE gone IS NULL GROUP BY people.name ORDER BY people.name"
        )
        return [AccountEntry(*row) for row in rows]

    # --- keys ------------------------------------------------------------------------------------

    def live_keys(self) -> Iterator[KeyRow]:
        """Yield all keys that were not revoked."""
        return map(
            _key, self.db.execute("SELECT hash, id, name, used, revoked FROM keys WHERE revoked IS NULL")
        )

    def key(self, hash_: bytes) -> KeyRow | None:
        """Return a key by its hash."""
        row = self.db.execute(
            "SELECT hash, id, name, used, revoked FROM keys WHERE hash = ?", (hash_,)
        ).fetchone()
        return None if row is None else _key(row)

    def is_live(self, folded: str, key_id: str | None) -> bool:
        """Tell whether an account has a key that was not revoked."""
        row = self.db.execute(
            "SELECT 1 FROM keys WHERE id = ? AND name = ? AND revoked IS NULL", (key_id, folded)
        )
        return row.fetchone() is not None

    def has_owner_without(self, key_id: str) -> bool:
        """Tell whether any owner has a key other than this one, and not revoked."""
        row = self.db.execute(
            "SELECT 1 FROM keys JOIN people USING (name)"
            " WHERE role = 'owner' AND gone IS NULL AND revoked IS NULL AND id != ? LIMIT 1",
            (key_id,),
        )
        return row.fetchone() is not None

    def add_key(self, hash_: bytes, folded: str, now: float, invited_by: str | None = None) -> None:
        """Add a key to an account, which is used now."""
        self._change(
            "INSERT INTO keys (hash, id, name, made, used, invited_by) VALUES (?, ?, ?, ?, ?, ?)",
            (hash_, id_of(hash_), folded, now, day_of(now), invited_by),
            "keys",
        )

    def keys_from(self, folded: str, key_id: str) -> list[str]:
        """Return a key and all that came from it by invites, without those that were revoked."""
        rows = self.db.execute(
            "WITH RECURSIVE found (id) AS (SELECT ?2 UNION"
            " SELECT keys.id FROM keys JOIN found ON keys.invited_by = found.id WHERE name = ?1)"
            " SELECT keys.id FROM keys JOIN found USING (id) WHERE name = ?1 AND revoked IS NULL"
            " ORDER BY made, id",
            (folded, key_id),
        )
        return [id_ for (id_,) in rows]

    def revoke(self, key_ids: Iterable[str], now: float) -> None:
        """Revoke keys."""
        self.db.executemany("UPDATE keys SET revoked = ? WHERE id = ?", [(now, each) for each in key_ids])
        self._note("keys")

    def note_uses(self, uses: Iterable[tuple[float, bytes]]) -> None:
        """Note when keys were used, by their hashes."""
        self.db.executemany("UPDATE keys SET used = ? WHERE hash = ?", uses)

    def key_entries(self, folded: str) -> list[KeyEntry]:
        """Return the keys of an account that were not revoked, the oldest first."""
        rows = self.db.execute(
            "SELECT id, made, used, invited_by FROM keys WHERE name = ? AND revoked IS NULL"
            " ORDER BY made, id",
            (folded,),
        )
        return [KeyEntry(*row) for row in rows]

    # --- invites ---------------------------------------------------------------------------------

    def add_invite(self, invite: InviteEntry, hash_: bytes) -> None:
        """Add an invite by its hash; its name is folded."""
        self.db.execute(
            "INSERT INTO invites VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                hash_,
                invite.id,
                invite.role,
                invite.name,
                invite.room,
                invite.uses,
                invite.until,
                invite.by,
                invite.by_key,
            ),
        )

    def invite(self, hash_: bytes, now: float) -> InviteEntry | None:
        """Return an invite that can be used, by its hash."""
        row = self.db.execute(
            "SELECT id, role, name, room, uses, until, by, by_key FROM invites WHERE hash = ? AND until > ?",
            (hash_, now),
        ).fetchone()
        return None if row is None else InviteEntry(*row)

    def use_invite(self, invite_id: str) -> None:
        """Use an invite once; one that is used up is gone."""
        self.db.execute("UPDATE invites SET uses = uses - 1 WHERE id = ?", (invite_id,))
        self.db.execute("DELETE FROM invites WHERE id = ? AND uses < 1", (invite_id,))

    def remove_invite(self, invite_id: str | None) -> int:
        """Remove an invite, or all; return how many."""
        return self.db.execute("DELETE FROM invites WHERE ?1 IS NULL OR id = ?1", (invite_id,)).rowcount

    def remove_invites_to(self, folded: str, *, by_keys: bool = False) -> None:
        """Remove the invites that make keys of an account, or only those that its own keys asked for."""
        which = " AND by_key IS NOT NULL" if by_keys else ""
        self.db.execute(f"DELETE FROM invites WHERE name = ?{which}", (folded,))

    def remove_invites_by(self, key_id: str) -> None:
        """Remove the invites that a key has asked for."""
        self.db.execute("DELETE FROM invites WHERE by_key = ?", (key_id,))

    def invite_entries(self, now: float) -> list[InviteEntry]:
        """Return the invites that can be used, in the order in which they end."""
        rows = self.db.execute(
            "SELECT id, invites.role, spelled, room, uses, until, by, by_key FROM invites"
            " LEFT JOIN people ON people.name = invites.name WHERE until > ? ORDER BY until, id",
            (now,),
        )
        return [InviteEntry(*row) for row in rows]

    def ends_of_invites_by(self, by: str, start: float, end: float) -> list[float]:
        """Return when those invites of somebody end that do so between two times, the earliest first."""
        rows = self.db.execute(
            "SELECT until FROM invites WHERE by = ? AND until > ? AND until <= ? ORDER BY until",
            (by, start, end),
        )
        return [until for (until,) in rows]

    # --- bans, mutes -----------------------------------------------------------------------------

    def bans(self) -> list[BanEntry]:
        """Return all bans and mutes, also those whose time is over."""
        rows = self.db.execute(
            "SELECT kind, target, nullif(room, ''), until, reason FROM bans ORDER BY kind, target, room"
        )
        return [BanEntry(*row) for row in rows]

    def set_ban(self, ban: BanEntry) -> None:
        """Add a ban or a mute, in place of the one that there was."""
        self._change(
            "INSERT INTO bans VALUES (?, ?, ?, ?, ?) ON CONFLICT (kind, target, room)"
            " DO UPDATE SET until = excluded.until, reason = excluded.reason"
            " WHERE until IS NOT excluded.until OR reason IS NOT excluded.reason",
            (ban.kind, ban.target, ban.room or _EVERYWHERE, ban.until, ban.reason),
            "bans",
        )

    def is_banned(self, target: str, room: str | None, now: float) -> BanEntry | None:
        """Return the ban of an account in a room, or everywhere."""
        row = self.db.execute(
            "SELECT kind, target, nullif(room, ''), until, reason FROM bans"
            " WHERE kind = 'ban' AND target = ? AND room = ? AND (until IS NULL OR until > ?)",
            (target, room or _EVERYWHERE, now),
        ).fetchone()
        return None if row is None else BanEntry(*row)

    def lift(self, kinds: Sequence[str], target: str, room: str | None) -> int:
        """Remove bans and mutes of these kinds; return how many."""
        marks = ", ".join("?" * len(kinds))
        return self._change(
            f"DELETE FROM bans WHERE kind IN ({marks}) AND target = ? AND room = ?",
            (*kinds, target, room or _EVERYWHERE),
            "bans",
        )

    def remove_ended(self, now: float) -> None:
        """Remove bans, mutes and invites whose time has long been over."""
        self._change("DELETE FROM bans WHERE until <= ?", (now - KEPT_SECONDS,), "bans")
        self.db.execute("DELETE FROM invites WHERE until <= ?", (now - KEPT_SECONDS,))

    # --- rooms -----------------------------------------------------------------------------------

    def private_rooms(self) -> dict[str, str | None]:
        """Return the private rooms, and who keeps them."""
        return dict(self.db.execute("SELECT room, keeper FROM rooms"))

    def keeper(self, room: str) -> tuple[bool, str | None]:
        """Tell whether a room is private, and who keeps it."""
        row = self.db.execute("SELECT keeper FROM rooms WHERE room = ?", (room,)).fetchone()
        return (False, None) if row is None else (True, row[0])

    def rooms_of(self, keeper: str) -> frozenset[str]:
        """Return the private rooms that somebody keeps."""
        rows = self.db.execute("SELECT room FROM rooms WHERE keeper = ?", (keeper,))
        return frozenset(room for (room,) in rows)

    def close_room(self, room: str, keeper: str | None) -> None:
        """Make a room private, or let another keep it."""
        self._change(
            "INSERT INTO rooms VALUES (?, ?) ON CONFLICT (room) DO UPDATE SET keeper = excluded.keeper"
            " WHERE keeper IS NOT excluded.keeper",
            (room, keeper),
            room=room,
        )

    def open_room(self, room: str) -> None:
        """Make a room public: only guests still have to be on its list."""
        self._change("DELETE FROM rooms WHERE room = ?", (room,), room=room)
        self._change(
            "DELETE FROM admitted WHERE room = ?"
            " AND name NOT IN (SELECT name FROM people WHERE role = 'guest')",
            (room,),
            room=room,
        )

    def forget_room(self, room: str) -> bool:
        """Forget all that is known of a room; return whether that was anything."""
        counts = [
            self._change("DELETE FROM rooms WHERE room = ?", (room,), room=room),
            self._change("DELETE FROM admitted WHERE room = ?", (room,), room=room),
            self._change("DELETE FROM bans WHERE room = ?", (room,), "bans"),
        ]
        return any(counts)

    def admitted(self) -> Iterator[tuple[str, str]]:
        """Yield rooms, and who is on their lists."""
        return iter(self.db.execute("SELECT room, name FROM admitted"))

    def admitted_to(self, room: str) -> frozenset[str]:
        """Return who is on the list of a room."""
        rows = self.db.execute("SELECT name FROM admitted WHERE room = ?", (room,))
        return frozenset(name for (name,) in rows)

    def admit(self, room: str, names: Iterable[str]) -> None:
        """Put accounts on the list of a room."""
        for name in names:
            self._change("INSERT OR IGNORE INTO admitted VALUES (?, ?)", (room, name), room=room)

    def is_admitted(self, room: str, name: str) -> bool:
        """Tell whether an account is on the list of a room."""
        row = self.db.execute("SELECT 1 FROM admitted WHERE room = ? AND name = ?", (room, name))
        return row.fetchone() is not None

    def admit_by(self, invite_id: str, room: str, name: str) -> bool:
        """Put an account on the list of a room, unless this invite did so before; return if it was."""
        first = self.db.execute("INSERT OR IGNORE INTO admissions VALUES (?, ?)", (invite_id, name)).rowcount
        if first:
            self.admit(room, [name])
        return bool(first)

    def dismiss(self, room: str, name: str) -> None:
        """Take an account off the list of a room."""
        self._change("DELETE FROM admitted WHERE room = ? AND name = ?", (room, name), room=room)

    # --- the audit, public URLs ------------------------------------------------------------------

    def add_audit(self, entry: AuditEntry, *, by_member: bool = False) -> None:
        """Note what was done, and forget the oldest entries of a long audit.

        What is done ``by_member`` pushes out no entry of an operator or a moderator, and the other way round.
        """
        row = self.db.execute("SELECT coalesce(max(nth), 0) + 1 FROM audit WHERE by_member = ?", (by_member,))
        (nth,) = row.fetchone()
        self.db.execute(
            "INSERT INTO audit (at, by, act, room, target, seconds, reason, by_member, nth)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*astuple(entry), by_member, nth),
        )
        self.db.execute("DELETE FROM audit WHERE by_member = ? AND nth <= ?", (by_member, nth - AUDIT))

    def audit(self, limit: int) -> list[AuditEntry]:
        """Return the latest of what was done, the oldest first."""
        rows = self.db.execute(
            "SELECT at, by, act, room, target, seconds, reason FROM audit ORDER BY number DESC LIMIT ?",
            (limit,),
        ).fetchall()
        return [AuditEntry(*row) for row in reversed(rows)]

    def urls(self) -> tuple[PublicUrl, ...]:
        """Return the public URLs."""
        return tuple(PublicUrl(*row) for row in self.db.execute("SELECT url, pin FROM urls ORDER BY number"))

    def set_urls(self, urls: Iterable[PublicUrl]) -> None:
        """Replace the public URLs."""
        self._note("urls")
        self.db.execute("DELETE FROM urls")
        self.db.executemany(
            "INSERT INTO urls (url, pin) VALUES (?, ?)", [(each.url, each.pin) for each in urls]
        )

    def data_version(self) -> int:
        """Return a number that changes when another connection has written to the file."""
        (version,) = self.db.execute("PRAGMA data_version").fetchone()
        return int(version)


def _person(row: tuple[str, str, str, float | None]) -> PersonRow:
    folded, name, role, gone = row
    return PersonRow(folded, name, cast(Role, role), gone is not None)


def _key(row: tuple[bytes, str, str, float | None, float | None]) -> KeyRow:
    hash_, id_, folded, used, revoked = row
    return KeyRow(hash_, id_, folded, used, revoked is not None)
