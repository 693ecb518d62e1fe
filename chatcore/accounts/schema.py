"""The file of accounts: its tables, and how it is opened.

- Only `create_accounts` makes one. A server with a mistyped path must not start with nobody in it, nor one
  whose file is empty: somebody has emptied it, or it is another one.
- It is for its owner alone: one that anybody else can read or write, or in a directory where others can
  replace it, is refused.
- An account's row stays when the account is removed, and a key's when it is revoked: neither a name nor a key
  has a second life.
"""

from pathlib import Path

from chatcore.errors import AccountsError
from chatcore.private import create, exposed, make_directories, worries
from chatcore.sqlite.database import Database, FileKind, Synchronous

__all__ = ["AccountsDatabase", "create_accounts"]

_TABLES = """
CREATE TABLE people (
    name TEXT PRIMARY KEY,         -- folded
    spelled TEXT NOT NULL,
    role TEXT NOT NULL,
    made REAL NOT NULL,
    gone REAL                      -- when it was removed
) STRICT, WITHOUT ROWID;
CREATE TABLE keys (
    hash BLOB PRIMARY KEY,         -- SHA-256 of the key
    id TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,            -- of the account
    made REAL NOT NULL,
    used REAL,                     -- the day of the last use
    revoked REAL,                  -- when it was revoked
    invited_by TEXT                -- the key that asked for its invite; NULL if an operator made that
) STRICT, WITHOUT ROWID;
CREATE INDEX keys_of ON keys (name);
CREATE TABLE invites (
    hash BLOB PRIMARY KEY,         -- SHA-256 of the invite
    id TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,            -- of a new account
    name TEXT,                     -- of the account that gets the key; NULL for a new one
    room TEXT,                     -- that a new account is admitted to
    uses INTEGER NOT NULL,         -- that are left
    until REAL NOT NULL,
    by TEXT NOT NULL,
    by_key TEXT                    -- the key that asked for it; NULL if an operator made it
) STRICT, WITHOUT ROWID;
CREATE TABLE admissions (
    invite TEXT NOT NULL,          -- the id of one that can still be used
    name TEXT NOT NULL,            -- an account that it has admitted to its room
    PRIMARY KEY (invite, name)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER forget_admissions AFTER DELETE ON invites
    BEGIN DELETE FROM admissions WHERE invite = old.id; END;
CREATE TABLE bans (
    kind TEXT NOT NULL,            -- ban, mute, address
    target TEXT NOT NULL,          -- an account or a network
    room TEXT NOT NULL,            -- empty: everywhere
    until REAL,                    -- NULL: for good
    reason TEXT,
    PRIMARY KEY (kind, target, room)
) STRICT, WITHOUT ROWID;
CREATE TABLE rooms (
    room TEXT PRIMARY KEY,         -- a private one
    keeper TEXT                    -- an account; NULL, or one that was removed, if moderators keep it
) STRICT, WITHOUT ROWID;
CREATE TABLE admitted (
    room TEXT NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (room, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE audit (
    number INTEGER PRIMARY KEY,
    at REAL NOT NULL,
    by TEXT NOT NULL,
    act TEXT NOT NULL,
    room TEXT,
    target TEXT,
    seconds REAL,
    reason TEXT,
    by_member INTEGER NOT NULL,    -- 1: by somebody who moderates nobody, or for a device of their own
    nth INTEGER NOT NULL           -- counts those by members, and all others
) STRICT;
CREATE UNIQUE INDEX audit_of ON audit (by_member, nth);
CREATE TABLE urls (
    number INTEGER PRIMARY KEY,    -- their order
    url TEXT NOT NULL,
    pin TEXT
) STRICT;
"""

_CHANGES = {
    1: (
        "ALTER TABLE keys ADD COLUMN invited_by TEXT",
        "ALTER TABLE invites ADD COLUMN by_key TEXT",
    ),
    2: (
        "CREATE TABLE admissions (invite TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (invite, name))"
        " STRICT, WITHOUT ROWID",
        "CREATE TRIGGER forget_admissions AFTER DELETE ON invites"
        " BEGIN DELETE FROM admissions WHERE invite = old.id; END",
        "ALTER TABLE audit ADD COLUMN by_member INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE audit ADD COLUMN nth INTEGER NOT NULL DEFAULT 0",
        "UPDATE audit SET nth = number, by_member = substr(by, 1, 6) != 'local:'"
        " AND act IN ('close', 'open', 'invite', 'enroll', 'admit')",
        "CREATE UNIQUE INDEX audit_of ON audit (by_member, nth)",
    ),
}
"""What makes a file of one version one of the next."""

_APPLICATION = 0x63686163  # "chac"

_TRIAL_BYTES = 16_384
"""Bytes that are written as a trial: they need pages of their own."""


class AccountsDatabase(Database):
    """A connection to the file; raises `AccountsError` where that is not one, or not private.

    An empty file gets its tables with ``create``, and is refused otherwise.
    """

    KIND = FileKind(
        noun="accounts file",
        option="--accounts",
        application=_APPLICATION,
        version=3,
        tables=_TABLES,
        error=AccountsError,
    )
    CREATES = False

    def __init__(
        self,
        path: Path,
        *,
        create: bool = False,
        read_only: bool = False,
        synchronous: Synchronous = "FULL",
    ) -> None:
        self._may_be_empty = create
        if not path.is_file():
            raise AccountsError(f"there is no accounts file {path}; {_how_to_make(path)}")
        super().__init__(path, synchronous, read_only=read_only)
        if read_only:
            with self.closed_on_error():
                self.check_kind()

    def check_kind(self) -> int:
        """Return the format of the file; raises `AccountsError` also if it is empty, or not private."""
        version = super().check_kind()
        if not version and not self._may_be_empty:
            raise AccountsError(
                f"the accounts file {self._path} is empty; put a backup in its place,"
                f" or {_how_to_make(self._path)}"
            )
        _refuse_exposed(self._path)
        return version

    def try_to_write(self) -> None:
        """Write something, more than fits into what is written anyway, and remove it again."""
        with self.transaction():
            self.db.execute("INSERT INTO urls (number, url) VALUES (-1, ?)", ("x" * _TRIAL_BYTES,))
            self.db.execute("DELETE FROM urls WHERE number = -1")

    def _migrate(self, version: int) -> None:
        for number in range(version, self.KIND.version):
            for statement in _CHANGES[number]:
                self.db.execute(statement)


def create_accounts(path: Path) -> None:
    """Create an empty file for its owner alone, unless there is one; raises `OSError`."""
    make_directories(path.parent)
    create(path)


def _how_to_make(path: Path) -> str:
    return f"make one with `chat account add NAME --accounts {path}`"


def _refuse_exposed(path: Path) -> None:
    beside = (path.with_name(f"{path.name}{end}") for end in ("-wal", "-shm"))
    if found := exposed((path, *beside)):
        raise AccountsError(
            f"other users can read or write {found}, which has the hashes of all keys;"
            f" to prevent that: chmod go= {found}"
        )
    for worry in worries(path.parent, ()):
        raise AccountsError(worry)
