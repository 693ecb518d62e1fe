"""A file that cannot be opened as a journal is refused, and the message says what to do."""

import contextlib
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.errors import JournalError
from chatcore.journal import Draft
from chatcore.journal.sqlite.epoch import witness_path
from tests.cli.processes import chat
from tests.journal.sqlite.files import Faults, faulty, open_journal
from tests.journal.sqlite.process import other_process

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def refusal(path: Path, **options: object) -> str:
    """Return the message with which a journal is refused."""
    with pytest.raises(JournalError) as caught, open_journal(path, **options):  # type: ignore[arg-type]  # any
        pass
    message = str(caught.value)
    assert "\n" not in message
    assert str(path) in message
    return message


def make(path: Path) -> None:
    """Make a journal with some messages in it."""
    with open_journal(path) as harness:
        harness.post(*(f"{n}" * 500 for n in range(50)))


def refusal_of_server(path: Path) -> str:
    """Return the one line with which ``chat server`` refuses a journal."""
    done = chat("server", "--listen", "chat://127.0.0.1:0", "--journal", f"sqlite:{path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("chat: ")
    return done.stderr


def test_a_journal_that_is_open_in_another_process_is_refused(path: Path) -> None:
    with other_process(path, "hi"):
        message = refusal(path)
        assert "is in use by another server" in message
        assert message.endswith("; stop that, or choose another with --journal")
        assert message in refusal_of_server(path)
    with open_journal(path) as harness:
        assert harness.head() == 1


def test_a_journal_that_is_open_in_this_process_is_refused(path: Path) -> None:
    with open_journal(path) as harness:
        assert "is in use by another server" in refusal(path)
        harness.post("undisturbed")


def test_a_journal_of_a_later_version_is_refused(path: Path) -> None:
    make(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    assert "was written by a later version of chat (format 99); update chat" in refusal(path)
    refusal_of_server(path)


def test_a_file_that_is_not_a_database_is_refused_and_left_unchanged(path: Path) -> None:
    path.write_text("a diary, and nobody's journal\n" * 200)
    before = path.read_bytes()
    assert "is not a database; choose another file with --journal" in refusal(path)
    refusal_of_server(path)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [path]  # and nothing else is left in the directory


def test_the_database_of_another_program_is_refused_and_left_unchanged(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    assert "is another program's database; choose another file" in refusal(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("bookmarks",)]


def test_a_damaged_journal_is_refused(path: Path) -> None:
    make(path)
    data = bytearray(path.read_bytes())
    data[100:4096] = os.urandom(3996)  # the list of tables
    path.write_bytes(data)
    message = refusal(path)
    assert "is damaged (" in message
    assert "put a backup in its place, or choose another file with --journal" in message
    assert message in refusal_of_server(path)


def test_a_truncated_journal_is_refused(path: Path) -> None:
    make(path)
    os.truncate(path, 5000)
    assert "is damaged" in refusal(path)


def test_a_journal_with_a_damaged_witness_is_refused_until_the_witness_is_removed(path: Path) -> None:
    make(path)
    witness_path(path).write_bytes(b"not what it was" * 100)
    message = refusal(path)
    assert str(witness_path(path)) in message
    assert "remove it, and every reader starts again from the beginning" in message
    witness_path(path).unlink()
    with open_journal(path) as harness:
        assert harness.head() == 50


def test_a_path_through_a_file_is_refused(path: Path) -> None:
    path.write_text("in the way")
    message = refusal(path / "journal.db")
    assert message.endswith(
        f"cannot be created: {path} is not a directory; choose another file with --journal"
    )
    refusal_of_server(path / "journal.db")


def test_a_path_that_is_a_directory_is_refused(path: Path) -> None:
    path.mkdir()
    assert "is not a file; choose another with --journal" in refusal(path)
    refusal_of_server(path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_a_named_pipe_is_refused(path: Path) -> None:
    os.mkfifo(path)
    assert "is not a file" in refusal(path)


def test_links_that_lead_to_each_other_are_refused(path: Path) -> None:
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)
    refusal(path)
    refusal_of_server(path)


def test_a_link_into_a_missing_directory_is_refused_and_that_is_not_created(path: Path) -> None:
    # A disk that is not mounted: a journal beside it would not be the one that is meant.
    target = path.with_name("disk") / "journal.db"
    path.symlink_to(target)
    assert f"cannot be created: the link leads to {target}" in refusal(path)
    assert not target.parent.exists()


def test_a_link_to_a_missing_file_creates_that(path: Path) -> None:
    target = path.with_name("target.db")
    path.symlink_to(target)
    make(path)
    assert target.is_file()
    assert witness_path(target).is_file()
    assert not witness_path(path).exists()


def test_a_journal_opens_by_a_link_while_its_log_is_in_use(path: Path) -> None:
    make(path)
    link = path.with_name("link.db")
    link.symlink_to(path)
    with open_journal(link) as harness:
        assert harness.head() == 50
        harness.submit(Draft("lobby", "new", "ana", "more"))
    with open_journal(path) as harness:
        assert harness.head() == 51


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Drop the privileges of root for a while: root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_journal_in_a_directory_without_write_permission_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:  # outside `tmp_path`, which only its owner may enter
        directory = Path(name)
        directory.chmod(0o555)
        with without_privileges():
            message = refusal(directory / "journal.db")
        directory.chmod(0o755)
    assert message.endswith(f"let this user write in {directory}, or choose another file with --journal")


def test_a_journal_without_write_permission_is_refused() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "journal.db"
        make(path)
        for each in directory.iterdir():
            each.chmod(0o444)
        directory.chmod(0o777)
        with without_privileges():
            message = refusal(path)
    assert message.endswith(f"let this user write in {directory}, or choose another file with --journal")


def test_opening_a_journal_on_a_full_disk_is_refused(path: Path) -> None:
    make(path)
    faults = Faults()
    faults.pages = 1

    class Full(faulty(faults)):  # type: ignore[misc]  # made here
        def set_meta(self, **values: str | int) -> None:
            with self.transaction():
                self.db.execute("CREATE TABLE too_much AS SELECT randomblob(100000)")

    message = refusal(path, file=Full)
    assert "the disk is full; free some space, or choose another file with --journal" in message
    with open_journal(path):  # the refused journal holds no lock
        pass


def test_a_refused_journal_leaves_no_file_open(path: Path) -> None:
    make(path)
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("PRAGMA user_version = 99")
    refusal(copy)
    descriptors = Path("/proc/self/fd")
    if descriptors.is_dir():
        assert not [each for each in descriptors.iterdir() if str(copy) in os.path.realpath(each)]
