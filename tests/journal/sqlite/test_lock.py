"""One server for one file, whatever name it is opened by, and for as long as SQLite has it open."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatcore.errors import JournalError
from chatcore.journal import Draft
from chatcore.journal.search import SearchRequest
from chatcore.journal.sqlite import lock, renew_epoch
from chatcore.journal.sqlite.statements import SqliteFile
from tests.cli.processes import chat
from tests.journal.contract.harness import DEADLINE
from tests.journal.sqlite.files import open_journal
from tests.journal.sqlite.process import other_process

fcntl = pytest.importorskip("fcntl")

ROOT = Path(__file__).parents[3]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def refusal(path: Path) -> str:
    """Return the message with which a journal is refused."""
    with pytest.raises(JournalError) as caught, open_journal(path):
        pass
    return str(caught.value)


def is_free(path: Path, attempt: str) -> bool:
    """Tell whether another process gets a lock on a file; ``attempt`` is an expression for it."""
    code = f"import fcntl, sys; file = open(sys.argv[1], 'r+b'); {attempt}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, timeout=DEADLINE, check=False
    )
    assert done.returncode == 0 or b"BlockingIOError" in done.stderr
    return done.returncode == 0


def is_unlocked(path: Path) -> bool:
    """Tell whether no server has a file."""
    return is_free(path, "fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)")


def is_unknown_to_sqlite(path: Path) -> bool:
    """Tell whether no SQLite has a file open."""
    return is_free(path, "fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 510, 0x40000002)")


# --- names ---------------------------------------------------------------------------------------


def hard_link(path: Path) -> Path:
    """Give a journal a second name in the same directory."""
    other = path.with_name("other.db")
    other.hardlink_to(path)
    return other


def hard_link_elsewhere(path: Path) -> Path:
    """Give a journal a second name in another directory."""
    other = path.parent / "elsewhere" / path.name
    other.parent.mkdir()
    other.hardlink_to(path)
    return other


def link(path: Path) -> Path:
    """Make a link to a journal."""
    other = path.with_name("other.db")
    other.symlink_to(path)
    return other


def linked_directory(path: Path) -> Path:
    """Make a link to the directory of a journal."""
    other = path.with_name("elsewhere")
    other.symlink_to(path.parent)
    return other / path.name


def relative(path: Path) -> Path:
    """Return a path from where the process is."""
    return Path(os.path.relpath(path))


NAMES = [hard_link, hard_link_elsewhere, link, linked_directory, relative]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.__name__)
def test_a_file_that_another_process_has_is_refused_by_every_name(
    path: Path, name: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    with other_process(path, "one"):
        other = name(path)
        message = refusal(other)
        assert "is in use by another server" in message
        if Path("/proc/locks").is_file():
            assert "(process " in message
        done = chat("server", "--listen", "chat://127.0.0.1:0", "--journal", f"sqlite:{other}")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)
        with pytest.raises(JournalError, match="in use"):
            renew_epoch(other)
    with open_journal(path) as harness:
        assert [entry.message.text for entry in harness.read().messages] == ["one"]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: name.__name__)
def test_a_file_that_this_process_has_is_refused_by_every_name_and_keeps_its_locks(
    path: Path, name: Callable[[Path], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(path.parent)
    with open_journal(path) as harness:
        harness.post("one")
        message = refusal(name(path))
        assert f"is in use by another server (process {os.getpid()})" in message
        assert not is_unknown_to_sqlite(path)
        assert not is_unlocked(path)
        harness.post("undisturbed")


def test_a_file_is_refused_under_another_mount(path: Path) -> None:
    mount = path.with_name("mounted.db")
    with other_process(path, "one"):
        mount.touch()
        command = f"{sys.executable} -m tests.journal.sqlite.process {mount} FULL"
        script = f"mount --bind {path} {mount} && exec {command}"
        if shutil.which("unshare") is None or os.geteuid() != 0:
            pytest.skip("only root can mount")
        done = subprocess.run(
            ["unshare", "--mount", "sh", "-c", script],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        if "permi" in done.stderr:
            pytest.skip("this system lets nobody mount")
        assert f"{mount} is in use by another server" in done.stderr


def test_the_log_of_a_killed_server_is_not_passed_over_under_another_name(path: Path) -> None:
    with other_process(path, "one", "two"):
        pass
    other = hard_link_elsewhere(path)
    assert f"was last used as {path}" in refusal(other)
    with open_journal(path) as harness:
        assert harness.head() == 2
    with open_journal(other) as harness:  # now everything is in the file
        assert harness.head() == 2
        harness.submit(Draft("lobby", "new", "ana", "three"))
    with open_journal(path) as harness:
        assert harness.head() == 3


def test_a_journal_that_was_moved_after_its_server_was_killed_opens(path: Path, tmp_path: Path) -> None:
    with other_process(path, "one", "two") as first:
        pass
    moved = tmp_path / "moved"
    moved.mkdir()
    for each in tmp_path.glob("journal.db*"):
        each.rename(moved / each.name)
    with open_journal(moved / path.name) as harness:
        assert (harness.head(), harness.epochs) == (2, [first])


# --- how long ------------------------------------------------------------------------------------


def test_a_file_is_locked_until_sqlite_has_closed_it(path: Path) -> None:
    closed: list[bool] = []

    class Watched(SqliteFile):
        def close(self) -> None:
            super().close()
            closed.append(is_unlocked(path))

    with open_journal(path, file=Watched) as harness:
        harness.post("one")
        harness.read()
        harness.search(SearchRequest({}))  # for which the third connection is there
    assert closed == [False, False, False]  # what is searched, the reader, then the writer
    assert is_unlocked(path)
    assert is_unknown_to_sqlite(path)


def test_a_file_that_has_replaced_the_journal_is_locked_too(path: Path, tmp_path: Path) -> None:
    new = tmp_path / "new" / "journal.db"
    with open_journal(new) as harness:
        harness.post("new")
    with open_journal(path) as harness:
        harness.post("old")
        kept = tmp_path / "kept.db"
        kept.hardlink_to(path)
        for end in ("-wal", "-shm"):
            path.with_name(path.name + end).unlink()
        new.rename(path)
        harness.submit()
        harness.wait_for_epochs(2)
        assert not is_unlocked(path)
        assert is_unlocked(kept)


def test_a_forked_process_does_not_keep_the_lock_of_a_server_that_was_killed(path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from chatcore.journal.sqlite import SqliteJournal
from tests.journal.contract.harness import Harness
from tests.server.driver import Clock
harness = Harness(SqliteJournal(Path(sys.argv[1])), Clock())
harness.post("one")
if os.fork() == 0:
    sys.stdout.write("forked\\n")
    sys.stdout.flush()
sys.stdin.read()
os._exit(0)
"""
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", code, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "forked\n"
        assert "in use" in refusal(path)
        server.kill()
        server.wait(DEADLINE)
        with open_journal(path) as harness:
            assert harness.head() == 1


# --- where there is no such lock -----------------------------------------------------------------


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was said of locks."""
    return [line.message for line in caplog.records if "no usable file locks" in line.message]


@pytest.mark.logs("journal.unlocked")
def test_a_file_system_without_locks_is_named_at_the_start_and_used(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_flock(*_: object) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(fcntl, "flock", no_flock)
    with open_journal(path) as harness:
        harness.post("one")
        assert len(warnings(caplog)) == 1
        assert str(path) in warnings(caplog)[0]
        monkeypatch.undo()
        done = chat("server", "--listen", "chat://127.0.0.1:0", "--journal", f"sqlite:{path}")
        assert "is in use by another server" in done.stderr


def test_a_lock_that_would_be_in_sqlites_way_is_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def held(*_: object) -> None:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(fcntl, "lockf", held)
    with open_journal(path) as harness:
        harness.post("one")
        assert len(warnings(caplog)) == 1
        assert is_unlocked(path)


def test_a_new_epoch_for_a_journal_that_is_missing_is_refused_and_creates_nothing(path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        renew_epoch(path)
    assert list(path.parent.iterdir()) == []


@pytest.mark.parametrize("there", [True, False])
def test_the_file_that_is_locked_is_the_one_that_has_the_name(
    path: Path, monkeypatch: pytest.MonkeyPatch, there: bool
) -> None:
    opened, others = lock._opened, [path.with_name("other.db")]

    def overtaken(name: Path) -> tuple[int, bool]:
        found = opened(name)
        if others and there:  # another process puts a file in its place before we have the lock
            others.pop().touch()
            path.with_name("other.db").replace(path)
        elif others:  # or takes away what it has made in vain
            others.pop()
            path.unlink()
        return found

    monkeypatch.setattr(lock, "_opened", overtaken)
    held = lock.FileLock(path)
    assert not others
    assert not is_unlocked(path)
    held.release()
