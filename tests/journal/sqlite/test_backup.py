"""A backup is whole, or what was there before is as it was; nobody who posts waits for it."""

import os
import shutil
import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from chatcore import Gap, JournalError, back_up_journal, check_journal, stored_entries
from chatcore.journal import Draft
from chatcore.journal.sqlite.epoch import witness_path
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.sqlite.partial import PartialFile
from tests.journal.sqlite.files import damage, open_journal
from tests.journal.sqlite.process import other_process

JOURNAL = SqliteFile.KIND

LONG = "x" * 15_000
"""A text of which some hundred are more than one step of a copy."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a journal."""
    return tmp_path / "server" / "journal.db"


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Where its backup goes."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "journal.db"


def lines(path: Path) -> list[bytes]:
    """Return the stored lines of a journal."""
    entries = list(stored_entries(path))
    assert not any(isinstance(entry, Gap) for entry in entries)
    return [entry.line for entry in entries if not isinstance(entry, Gap)]


def fill(path: Path, *texts: str) -> str:
    """Store texts in a journal and close it; return its epoch."""
    with open_journal(path) as harness:
        for text in texts:
            assert isinstance(harness.submit(Draft("lobby", uuid4().hex, "ana", text))[0], int)
        return harness.epochs[0]


def alone(target: Path) -> bool:
    """Tell whether there is nothing beside a file."""
    return [each.name for each in target.parent.iterdir()] == [target.name]


def test_a_backup_has_what_was_stored_before_it_began_and_nothing_else(path: Path, target: Path) -> None:
    with open_journal(path) as harness:
        harness.post(*[f"{n} {LONG}" for n in range(150)])
        steps = []

        def post_more(copied: int, total: int) -> None:
            steps.append((copied, total))
            assert len(steps) < 50  # it does not begin again because of what is stored meanwhile
            harness.post(f"later {len(steps)}")  # which waits until it is stored

        copy = back_up_journal(path, target, post_more)
    assert len(steps) > 1
    assert steps[-1][0] == steps[-1][1]
    assert (copy.path, copy.messages, copy.rooms, copy.problems) == (target, 150, 1, [])
    assert lines(target) == lines(path)[:150]
    assert len(lines(path)) == 150 + len(steps)
    assert copy.bytes == target.stat().st_size
    assert copy.epoch == check_journal(path).epoch
    assert alone(target)


def test_a_backup_has_what_only_the_log_of_a_killed_server_has(path: Path, target: Path) -> None:
    with other_process(path, "one", "two"):
        pass
    assert path.with_name("journal.db-wal").stat().st_size
    assert back_up_journal(path, target).messages == 2


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_backup_is_for_its_owner_alone(path: Path, target: Path) -> None:
    fill(path, "one")
    path.chmod(0o644)
    before = os.umask(0)
    try:
        back_up_journal(path, target)
    finally:
        os.umask(before)
    assert target.stat().st_mode & 0o777 == 0o600


def test_an_older_backup_is_replaced(path: Path, target: Path) -> None:
    fill(path, "one")
    back_up_journal(path, target)
    with closing(sqlite3.connect(target)) as db:
        db.execute("PRAGMA journal_mode = WAL")  # as `.backup` leaves it
    assert len(lines(target)) == 1  # which leaves an empty log
    fill(path, "two")
    back_up_journal(path, target)
    assert (len(lines(target)), alone(target)) == (2, True)


@pytest.mark.parametrize("make", [os.symlink, os.link])
def test_an_empty_file_and_a_link_to_a_backup_are_filled(
    path: Path, target: Path, make: Callable[[Path, Path], None]
) -> None:
    fill(path, "one")
    target.touch()
    name = path.with_name("latest.db")
    make(target, name)
    back_up_journal(path, name)
    assert len(lines(name)) == 1
    assert name.is_symlink() == (make is os.symlink)


def _directory(target: Path, journal: Path) -> None:
    target.mkdir()


def _pipe(target: Path, journal: Path) -> None:
    os.mkfifo(target)


def _text(target: Path, journal: Path) -> None:
    target.write_text("diary")


def _database(target: Path, journal: Path) -> None:
    with closing(sqlite3.connect(target)) as db:
        db.execute("CREATE TABLE people (name)")


def _itself(target: Path, journal: Path) -> None:
    target.symlink_to(journal)


def _same_file(target: Path, journal: Path) -> None:
    os.link(journal, target)


def _another_journal(target: Path, journal: Path) -> None:
    fill(target, "of another server")


def _link_to_nowhere(target: Path, journal: Path) -> None:
    target.symlink_to(target.parent / "nowhere" / "journal.db")


def _link_to_itself(target: Path, journal: Path) -> None:
    target.symlink_to(target)


def _partial_pipe(target: Path, journal: Path) -> None:
    os.mkfifo(target.with_name(f"{target.name}-partial"))


def _partial_text(target: Path, journal: Path) -> None:
    target.with_name(f"{target.name}-partial").write_text("notes")


def _partial_database(target: Path, journal: Path) -> None:
    _database(target.with_name(f"{target.name}-partial"), journal)


def _partial_log(target: Path, journal: Path) -> None:
    target.with_name(f"{target.name}-partial-journal").write_text("notes")


def _log_of_nothing(target: Path, journal: Path) -> None:
    target.with_name(f"{target.name}-wal").write_text("notes")


def _log_of_backup(target: Path, journal: Path) -> None:
    back_up_journal(journal, target)
    target.with_name(f"{target.name}-journal").write_text("of a program that was killed")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (_directory, "is not a file; name another one"),
        (_pipe, "is not a file; name another one"),
        (_text, "is not a backup of this kind; name another file, or remove it"),
        (_database, "is not a backup of this kind; name another file, or remove it"),
        (_itself, "is the journal itself; name another file"),
        (_same_file, "is the journal itself; name another file"),
        (_another_journal, "is in use by a server, or was; name another file"),
        (_link_to_nowhere, "make it first"),
        (_link_to_itself, "links"),
        (_partial_pipe, "is in the way, and no backup has left it; move it away"),
        (_partial_text, "is in the way, and no backup has left it; move it away"),
        (_partial_database, "is in the way, and no backup has left it; move it away"),
        (_partial_log, "partial-journal is in the way, and no backup has left it; move it away"),
        (_log_of_nothing, "wal is the log of another file; name another file"),
        (_log_of_backup, "journal is the log of another file; name another file"),
    ],
)
@pytest.mark.skipif(os.name != "posix", reason="there are pipes and links")
def test_nothing_but_a_backup_is_replaced(
    path: Path, target: Path, make: Callable[[Path, Path], None], words: str
) -> None:
    fill(path, "one")
    make(target, path)
    before = sorted((each.name, each.lstat().st_mtime_ns) for each in target.parent.iterdir())
    with pytest.raises(JournalError, match=words):
        back_up_journal(path, target)
    assert sorted((each.name, each.lstat().st_mtime_ns) for each in target.parent.iterdir()) == before
    assert len(lines(path)) == 1


def test_a_backup_that_a_program_has_open_is_not_replaced(path: Path, target: Path) -> None:
    fill(path, "one")
    with other_process(path.with_name("other.db"), "of another server"):
        os.rename(path.with_name("other.db"), target)
        with pytest.raises(JournalError, match="is in use by a server, or was"):
            back_up_journal(path, target)


@pytest.mark.parametrize("content", [None, b"", b"no database" * 100])
def test_what_is_not_a_journal_is_not_backed_up(path: Path, target: Path, content: bytes | None) -> None:
    if content is not None:
        path.parent.mkdir()
        path.write_bytes(content)
    with pytest.raises(JournalError, match=r"there is no journal|is empty|not a database"):
        back_up_journal(path, target)
    assert list(target.parent.iterdir()) == []


def test_a_journal_that_is_damaged_as_a_whole_leaves_the_older_backup(path: Path, target: Path) -> None:
    fill(path, *[f"{n} {LONG}" for n in range(20)])
    back_up_journal(path, target)
    whole = target.read_bytes()
    with path.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xff" * 3 * 4096)
    with pytest.raises(JournalError, match="is damaged, and so is its copy: "):
        back_up_journal(path, target)
    assert (target.read_bytes(), alone(target)) == (whole, True)


def test_messages_that_are_damaged_are_reported_and_the_others_are_backed_up(
    path: Path, target: Path
) -> None:
    fill(path, "one", "two", "three")
    damage(path, 2)
    assert back_up_journal(path, target).problems == ["lobby: message 2 is damaged"]
    assert [entry.seq for entry in stored_entries(target) if not isinstance(entry, Gap)] == [1, 3]


class Stopped(Exception):
    """Something stops a backup."""


def test_a_backup_that_is_stopped_leaves_nothing(path: Path, target: Path) -> None:
    fill(path, "one")
    back_up_journal(path, target)
    fill(path, "two")

    def stop(copied: int, total: int) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        back_up_journal(path, target, stop)
    assert (len(lines(target)), alone(target)) == (1, True)


def test_what_a_killed_backup_left_is_removed_by_the_next(path: Path, target: Path) -> None:
    fill(path, *[f"{n} {LONG}" for n in range(150)])
    partial, left = target.with_name(f"{target.name}-partial"), list[bytes]()
    back_up_journal(path, target, lambda copied, total: left.append(partial.read_bytes()))
    assert len(left) > 1
    for content in (b"", *left):
        partial.write_bytes(content)
        partial.with_name(f"{partial.name}-journal").write_bytes(b"of a database that was not complete")
        back_up_journal(path, target)
        assert (len(lines(target)), alone(target)) == (150, True)


@pytest.mark.skipif(os.name != "posix", reason="there are locks")
def test_two_backups_to_one_file_are_not_made_together(path: Path, target: Path) -> None:
    fill(path, "one")
    with PartialFile(target, JOURNAL), pytest.raises(JournalError, match="another process is doing that"):
        back_up_journal(path, target)
    back_up_journal(path, target)
    assert alone(target)


Usage = namedtuple("Usage", "total used free")


def test_a_disk_that_has_no_room_is_left_alone(
    path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path, "one")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(10**9, 10**9 - 4096, 4096))
    with pytest.raises(JournalError, match=r"the disk is full .* and 4,096 are free.; free some space"):
        back_up_journal(path, target)
    assert list(target.parent.iterdir()) == []


@contextmanager
def synced(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Note the order of what makes a file survive a loss of power."""
    done: list[str] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        done.append("directory" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")
        real_fsync(descriptor)

    def put(source: Path, target: Path) -> None:
        done.append("name")
        real_replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        patch.setattr(os, "replace", put)
        yield done


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="Linux says what a descriptor is of")
def test_a_backup_is_synced_before_it_has_its_name(
    path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path, "one")
    with synced(monkeypatch) as done:
        back_up_journal(path, target)
    assert done[-3:] == ["file", "name", "directory"]
    assert not witness_path(target).exists()
