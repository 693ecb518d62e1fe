"""A file that cannot be a journal is refused with words that say what to do."""

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
from chatcore.journal.sqlite.epoch import witness_path
from tests.cli.processes import chat
from tests.journal.sqlite.files import Faults, faulty, kept_open
from tests.journal.sqlite.process import elsewhere

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


def refusal(path: Path, **options: object) -> str:
    """Return why a journal is not opened."""
    with pytest.raises(JournalError) as caught, kept_open(path, **options):  # type: ignore[arg-type]  # any
        pass
    words = str(caught.value)
    assert "\n" not in words
    assert str(path) in words
    return words


def make(path: Path) -> None:
    """Make a journal with something in it."""
    with kept_open(path) as record:
        record.post(*(f"{n}" * 500 for n in range(50)))


def refusal_of_server(path: Path) -> str:
    """Return the one line with which ``chat server`` refuses a journal."""
    done = chat("server", "--listen", "chat://127.0.0.1:0", "--journal", f"sqlite:{path}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("chat: ")
    return done.stderr


def test_one_that_another_process_has_open(path: Path) -> None:
    with elsewhere(path, "hi"):
        words = refusal(path)
        assert words.endswith("is in use by another server; choose another with --journal")
        assert words in refusal_of_server(path)
    with kept_open(path) as record:
        assert record.opened_with[0][1] == {"lobby": 1}


def test_one_that_this_process_has_open(path: Path) -> None:
    with kept_open(path) as record:
        assert "is in use by another server" in refusal(path)
        record.post("undisturbed")


def test_one_of_a_later_version(path: Path) -> None:
    make(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    assert "was written by a later version of chat (format 99); update chat" in refusal(path)
    refusal_of_server(path)


def test_what_is_no_database(path: Path) -> None:
    path.write_text("a diary, and nobody's journal\n" * 200)
    before = path.read_bytes()
    assert "is not a database; choose another file with --journal" in refusal(path)
    refusal_of_server(path)
    assert path.read_bytes() == before
    assert sorted(path.parent.iterdir()) == [path]  # and nothing is left beside it


def test_another_programs_database(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE bookmarks (url TEXT)")
    assert "is another program's database; choose another file" in refusal(path)
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("bookmarks",)]


def test_a_damaged_file(path: Path) -> None:
    make(path)
    data = bytearray(path.read_bytes())
    data[100:4096] = os.urandom(3996)  # the list of tables
    path.write_bytes(data)
    words = refusal(path)
    assert "is damaged (" in words
    assert "put a backup in its place, or choose another file with --journal" in words
    assert words in refusal_of_server(path)


def test_a_truncated_file(path: Path) -> None:
    make(path)
    os.truncate(path, 5000)
    assert "is damaged" in refusal(path)


def test_a_damaged_witness(path: Path) -> None:
    make(path)
    witness_path(path).write_bytes(b"not what it was" * 100)
    words = refusal(path)
    assert str(witness_path(path)) in words
    assert "remove it, and every reader starts again from the beginning" in words
    witness_path(path).unlink()
    with kept_open(path) as record:
        assert record.opened_with[0][1] == {"lobby": 50}


def test_a_path_through_a_file(path: Path) -> None:
    path.write_text("in the way")
    words = refusal(path / "journal.db")
    assert words.endswith(f"cannot be created: {path} is not a directory; choose another file with --journal")
    refusal_of_server(path / "journal.db")


def test_a_path_that_is_a_directory(path: Path) -> None:
    path.mkdir()
    assert "cannot be written" in refusal(path)
    refusal_of_server(path)


@contextlib.contextmanager
def without_privileges() -> Iterator[None]:
    """Be nobody in particular for a while, if one is root: root may write everywhere."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def test_a_directory_in_which_it_may_not_write() -> None:
    with tempfile.TemporaryDirectory() as name:  # one that everybody can reach
        directory = Path(name)
        directory.chmod(0o555)
        with without_privileges():
            words = refusal(directory / "journal.db")
        directory.chmod(0o755)
    assert words.endswith(f"let this user write in {directory}, or choose another file with --journal")


def test_a_file_that_it_may_only_read() -> None:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        path = directory / "journal.db"
        make(path)
        for each in directory.iterdir():
            each.chmod(0o444)
        directory.chmod(0o777)
        with without_privileges():
            words = refusal(path)
    assert words.endswith(f"let this user write in {directory}, or choose another file with --journal")


def test_a_full_disk(path: Path) -> None:
    make(path)
    faults = Faults()
    faults.pages = 1

    class Full(faulty(faults)):  # type: ignore[misc]  # made here
        def set_meta(self, **values: str | int) -> None:
            with self.transaction():
                self.db.execute("CREATE TABLE too_much AS SELECT randomblob(100000)")

    words = refusal(path, file=Full)
    assert "the disk is full; free some space, or choose another file with --journal" in words
    with kept_open(path):  # whoever was refused has let go
        pass


def test_a_refusal_leaves_no_file_open(path: Path) -> None:
    make(path)
    copy = path.with_name("copy.db")
    shutil.copyfile(path, copy)
    with closing(sqlite3.connect(copy)) as db:
        db.execute("PRAGMA user_version = 99")
    refusal(copy)
    descriptors = Path("/proc/self/fd")
    if descriptors.is_dir():
        assert not [each for each in descriptors.iterdir() if str(copy) in os.path.realpath(each)]
