"""A backup of the accounts is restored whole, and whoever does that learns what comes back with it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import AccountsError
from chatcore.accounts import (
    Administration,
    Returned,
    back_up_accounts,
    key_id,
    restore_accounts,
)
from chatcore.accounts.statements import AccountsFile
from tests.accounts.people import gate_over, key_of, make_accounts, make_earlier

NOW = 4_000_000_000.0
"""Later than what `make_accounts` notes."""


def administration(path: Path) -> Administration:
    return Administration(path, by="local:test", now=lambda: NOW)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with an owner, a moderator and three members."""
    return make_accounts(
        tmp_path / "server" / "accounts.db",
        ada="owner",
        mona="moderator",
        bob="member",
        eve="member",
        mallory="member",
    )


@pytest.fixture
def backup(tmp_path: Path, path: Path) -> Path:
    """Its backup."""
    (tmp_path / "backups").mkdir()
    with administration(path) as book:
        book.invite(uses=3)
        book.ban("203.0.113.0/24")
    with closing(AccountsFile(path)) as file, file.transaction():
        file.close_room("ops", "ada")
        file.admit("ops", ["bob"])
    target = tmp_path / "backups" / "journal.db-accounts"
    copy = back_up_accounts(path, target)
    assert (copy.path, copy.accounts, copy.last) == (target, 5, NOW)
    return target


def test_a_backup_is_restored_where_there_is_nothing(backup: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "accounts.db"
    copy = restore_accounts(backup, path, now=NOW)
    assert (copy.path, copy.accounts, copy.kept, copy.returned) == (path, 5, None, None)
    assert path.stat().st_mode & 0o777 == 0o600
    with administration(path) as book:
        assert [each.name for each in book.accounts()] == ["ada", "bob", "eve", "mallory", "mona"]


def test_what_was_taken_away_after_a_backup_is_named(backup: Path, path: Path) -> None:
    bob, eve = key_id(key_of("bob")), key_id(key_of("eve"))
    with administration(path) as book:
        (invite,) = book.invites()
        book.withdraw(invite.id)
        book.revoke("bob", bob)
        book.remove("mallory")
        book.set_role("mona", "member")
        book.ban("eve", seconds=60.0, reason="spam")
        book.ban("198.51.100.7", seconds=60.0)
    with closing(AccountsFile(path)) as file, file.transaction():
        file.close_room("secret", "ada")
        file.dismiss("ops", "bob")
    copy = restore_accounts(backup, path, now=NOW + 10)
    assert copy.returned == [
        Returned("account", "mallory"),
        Returned("key", "bob", bob),
        Returned("role", "mona", "member"),
        Returned("ban", "198.51.100.7/32", until=NOW + 60),
        Returned("ban", "eve", until=NOW + 60, reason="spam"),
        Returned("invite", invite.id),
        Returned("room", "secret"),
        Returned("admission", "ops", "bob"),
    ]
    with administration(path) as book:
        assert [key.id for key in book.keys("bob")] == [bob]
        assert [key.id for key in book.keys("eve")] == [eve]
    assert copy.kept == path.with_name("accounts.db-before-restore")
    with administration(copy.kept) as book:
        assert book.keys("bob") == []


def test_what_is_over_or_as_it_was_does_not_come_back(backup: Path, path: Path) -> None:
    with administration(path) as book:
        book.ban("eve", seconds=60.0)
        book.add("new")
        book.set_role("bob", "moderator")
    copy = restore_accounts(backup, path, now=NOW + 61)
    assert copy.returned == []


def test_an_invite_that_was_used_can_be_used_as_often_again(backup: Path, path: Path) -> None:
    with administration(path) as book:
        (invite,) = book.invites()
    with closing(AccountsFile(path)) as file, file.transaction():
        file.use_invite(invite.id)
    assert restore_accounts(backup, path, now=NOW).returned == [Returned("invite", invite.id)]


def test_nothing_is_known_of_a_file_that_nobody_can_read(backup: Path, path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))
    copy = restore_accounts(backup, path, now=NOW)
    assert copy.returned is None
    assert copy.kept is not None
    with administration(path) as book:
        assert len(book.accounts()) == 5


@pytest.mark.parametrize("version", [1, 2])
def test_a_backup_of_an_older_form_is_updated_when_it_is_used(backup: Path, path: Path, version: int) -> None:
    make_earlier(backup, version)
    with administration(path) as book:
        book.revoke("bob")
    copy = restore_accounts(backup, path, now=NOW)
    assert copy.returned == [Returned("key", "bob", key_id(key_of("bob")))]
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (version,)
    with administration(path) as book:
        assert len(book.keys("bob")) == 1


def test_accounts_are_backed_up_but_not_restored_while_a_server_has_them(backup: Path, path: Path) -> None:
    with closing(gate_over(path)):
        assert back_up_accounts(path, backup).accounts == 5
        with pytest.raises(AccountsError, match="is in use by another program; stop that first"):
            restore_accounts(backup, path, now=NOW)
    assert [each.name for each in path.parent.iterdir() if "before" in each.name] == []
    assert restore_accounts(backup, path, now=NOW).kept is not None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no accounts file"),
        (b"", "is empty"),
        (b"no database" * 100, "not a database"),
        ("PRAGMA user_version = 9", r"later version of chat \(format 9\); update chat"),
        ("PRAGMA application_id = 5", "another program's database"),
    ],
)
def test_what_is_no_backup_is_refused(
    path: Path, backup: Path, content: bytes | str | None, words: str
) -> None:
    if isinstance(content, str):
        with closing(sqlite3.connect(backup)) as db:
            db.execute(content)
    elif content is None:
        backup.unlink()
    else:
        backup.write_bytes(content)
    with pytest.raises(AccountsError, match=words):
        restore_accounts(backup, path, now=NOW)
    with administration(path) as book:
        assert len(book.accounts()) == 5
    assert [each.name for each in path.parent.iterdir() if each.name != "accounts.db"] == []


@pytest.mark.parametrize("content", [b"diary", b"SQLite format 3\0" + bytes(84)], ids=["text", "database"])
def test_what_is_no_file_of_accounts_is_not_replaced(backup: Path, path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(AccountsError, match="is not an accounts file; move it away, or choose another"):
        restore_accounts(backup, path, now=NOW)
    assert path.read_bytes() == content


def test_accounts_are_not_restored_from_themselves(path: Path) -> None:
    with pytest.raises(AccountsError, match="is the accounts file itself; name a backup of it"):
        restore_accounts(path, path, now=NOW)
