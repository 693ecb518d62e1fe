"""A backup takes the place of a journal whole or not at all, under an epoch of its own."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest

from chatcore import JournalError, SqliteJournal, back_up_journal, check_journal, restore_journal
from chatcore.journal import Draft
from chatcore.journal.search import SearchRequest
from chatcore.journal.sqlite.epoch import witness_path
from chatcore.journal.sqlite.index_file import index_path
from tests.journal.sqlite.crashing import restored_in_crashing_processes
from tests.journal.sqlite.files import open_journal
from tests.journal.sqlite.process import other_process


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a journal."""
    return tmp_path / "server" / "journal.db"


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup of another one, with one message."""
    fill(tmp_path / "elsewhere.db", "from the backup")
    backup = tmp_path / "backups" / "journal.db"
    backup.parent.mkdir()
    back_up_journal(tmp_path / "elsewhere.db", backup)
    return backup


def fill(path: Path, *texts: str) -> str:
    """Store texts in a journal and close it; return its epoch."""
    with open_journal(path) as harness:
        for text in texts:
            assert isinstance(harness.submit(Draft("lobby", uuid4().hex, "ana", text))[0], int)
        return harness.epochs[0]


def texts(path: Path) -> tuple[str, list[str]]:
    """Return the epoch under which a server opens a journal, and what it has."""
    with open_journal(path) as harness:
        return harness.epochs[0], [each.message.text for each in harness.read(after=0).messages]


def test_a_backup_is_restored_where_there_is_nothing(path: Path, backup: Path) -> None:
    copy = restore_journal(backup, path)
    assert (copy.path, copy.messages, copy.rooms, copy.kept) == (path, 1, 1, None)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    assert texts(path) == (copy.epoch, ["from the backup"])
    assert texts(path)[0] == copy.epoch  # as long as it is not replaced again


def test_what_is_restored_has_an_epoch_that_was_never_there(path: Path, backup: Path) -> None:
    first = fill(path, "ours")
    back_up_journal(path, backup)
    epochs = {first, check_journal(backup).epoch}
    assert len(epochs) == 1
    for _ in range(2):
        epoch = restore_journal(backup, path).epoch
        assert epoch not in epochs
        assert texts(path)[0] == epoch
        epochs.add(epoch)


def test_what_was_there_stays_with_its_latest_messages(path: Path, backup: Path) -> None:
    with other_process(path, "ours", "in the log") as epoch:
        pass
    assert path.with_name("journal.db-wal").stat().st_size
    kept = restore_journal(backup, path).kept
    assert kept == path.with_name("journal.db-before-restore")
    assert texts(path)[1] == ["from the backup"]
    assert texts(kept)[1] == ["ours", "in the log"]
    back = restore_journal(kept, path)
    assert back.kept == path.with_name("journal.db-before-restore-2")
    assert texts(path) == (back.epoch, ["ours", "in the log"])
    assert back.epoch != epoch


def test_a_search_index_of_what_was_there_does_not_stay(path: Path, backup: Path) -> None:
    with open_journal(path) as harness:
        harness.post("secret")
        harness.search(SearchRequest({}))  # after which there is an index
    assert index_path(path).exists()
    restore_journal(backup, path)
    assert not index_path(path).exists()


def test_a_journal_of_a_later_version_is_replaced(path: Path, backup: Path) -> None:
    fill(path, "ours")
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 9")
    assert restore_journal(backup, path).kept is not None
    assert texts(path)[1] == ["from the backup"]


def test_a_link_leads_to_the_journal_that_is_replaced(path: Path, backup: Path, tmp_path: Path) -> None:
    fill(path, "ours")
    link = tmp_path / "journal.db"
    link.symlink_to(path)
    assert restore_journal(backup, link).path == path
    assert link.is_symlink()
    assert texts(link)[1] == ["from the backup"]


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="Linux says who holds a lock")
def test_no_journal_is_restored_while_a_server_has_it(path: Path, backup: Path) -> None:
    with other_process(path, "ours"), pytest.raises(JournalError, match=r"another server \(process \d+\)"):
        restore_journal(backup, path)
    assert texts(path)[1] == ["ours"]
    assert not path.with_name("journal.db-before-restore").exists()


def test_no_journal_is_restored_while_a_program_reads_it(path: Path, backup: Path) -> None:
    fill(path, "ours")
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT count(*) FROM messages").fetchone() == (1,)
        with pytest.raises(JournalError, match="is in use by another program; stop that first"):
            restore_journal(backup, path)
    assert texts(path)[1] == ["ours"]


def test_a_server_that_starts_meanwhile_is_refused(path: Path, backup: Path) -> None:
    fill(path, "ours")
    refused = []

    def start(copied: int, total: int) -> None:
        with pytest.raises(JournalError) as caught:
            SqliteJournal(path).start(None)  # type: ignore[arg-type]  # it gets no further
        refused.append(str(caught.value))

    restore_journal(backup, path, start)
    assert all("in use" in words for words in refused)
    assert refused


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "there is no backup"),
        (b"", "is empty"),
        (b"no database" * 100, "not a database"),
        ("PRAGMA user_version = 9", r"later version of chat \(format 9\); update chat"),
        ("PRAGMA application_id = 5", "another program's database"),
    ],
)
def test_what_is_no_backup_is_refused(
    path: Path, backup: Path, content: bytes | str | None, words: str
) -> None:
    fill(path, "ours")
    if isinstance(content, str):
        with closing(sqlite3.connect(backup)) as db:
            db.execute(content)
    else:
        backup.unlink()
        if content is not None:
            backup.write_bytes(content)
    with pytest.raises(JournalError, match=words):
        restore_journal(backup, path)
    assert texts(path)[1] == ["ours"]
    with pytest.raises(JournalError, match=words):
        restore_journal(backup, path.with_name("another.db"))
    assert sorted(each.name for each in path.parent.iterdir() if "another" in each.name) == []


def test_a_backup_that_is_damaged_is_refused(path: Path, backup: Path) -> None:
    fill(path, "ours")
    with backup.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 4096)
    with pytest.raises(JournalError, match="is damaged, and so is its copy"):
        restore_journal(backup, path)
    assert texts(path)[1] == ["ours"]


def test_a_restore_that_cannot_begin_leaves_nothing(
    path: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", fail)
        with pytest.raises(JournalError, match="disk is full"):
            restore_journal(backup, path)
    assert list(path.parent.iterdir()) == []


def test_a_witness_that_is_damaged_stays_and_no_journal_is_made_beside_it(path: Path, backup: Path) -> None:
    path.parent.mkdir()
    witness_path(path).write_bytes(b"no database" * 100)
    with pytest.raises(JournalError, match="is damaged"):
        restore_journal(backup, path)
    assert [each.name for each in path.parent.iterdir()] == [witness_path(path).name]


@pytest.mark.parametrize("content", [b"diary", b"SQLite format 3\0" + bytes(84)], ids=["text", "database"])
def test_what_is_no_journal_is_not_replaced(path: Path, backup: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    with pytest.raises(JournalError, match="is not a journal; move it away, or choose another"):
        restore_journal(backup, path)
    assert path.read_bytes() == content
    assert [each.name for each in path.parent.iterdir()] == [path.name]


def test_a_journal_is_not_restored_from_itself(path: Path) -> None:
    fill(path, "ours")
    with pytest.raises(JournalError, match="is the journal itself; name a backup of it"):
        restore_journal(path, path)
    assert texts(path)[1] == ["ours"]


@pytest.mark.parametrize("log", [b"", b"\x37\x7f\x06\x82 a log that is damaged, too"])
def test_a_journal_that_nobody_can_read_is_replaced_and_stays(path: Path, backup: Path, log: bytes) -> None:
    fill(path, "ours")
    path.write_bytes(b"x" * 8192)
    wal = path.with_name("journal.db-wal")
    wal.write_bytes(log)
    kept = restore_journal(backup, path).kept
    assert kept is not None
    assert kept.read_bytes() == b"x" * 8192
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == log
    assert not wal.exists()
    assert texts(path)[1] == ["from the backup"]


def test_the_log_of_a_journal_that_was_removed_is_not_read(path: Path, backup: Path) -> None:
    with other_process(path, "ours"):
        pass
    path.unlink()
    assert restore_journal(backup, path).kept is None
    assert texts(path)[1] == ["from the backup"]


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_what_is_restored_is_for_its_owner_alone(path: Path, backup: Path) -> None:
    fill(path, "ours")
    path.chmod(0o644)
    restore_journal(backup, path)
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
@pytest.mark.parametrize("there", [True, False])
def test_what_root_restores_belongs_to_the_server_s_user(path: Path, backup: Path, there: bool) -> None:
    path.parent.mkdir()
    os.chown(path.parent, 12345, 12346)
    if there:
        fill(path, "ours")
        os.chown(path, 12345, 12346)
    restore_journal(backup, path)
    assert (path.stat().st_uid, path.stat().st_gid) == (12345, 12346)
    assert witness_path(path).exists() == there


def test_a_crash_leaves_the_old_journal_or_the_new_one(path: Path, backup: Path, tmp_path: Path) -> None:
    with other_process(path, "ours", "in the log") as epoch:
        pass
    copies = restored_in_crashing_processes(backup, path.parent, tmp_path / "copies")
    found, seen = [], []
    for copy in copies:
        journal = copy / "journal.db"
        there = sorted((each.name, each.stat().st_size) for each in copy.iterdir())
        if there in seen:
            continue
        seen.append(there)
        report = check_journal(journal)
        assert report.problems == []
        assert report.messages == (2 if report.epoch == epoch else 1)
        found.append(texts(journal)[1])
        assert found[-1] == (["ours", "in the log"] if report.epoch == epoch else ["from the backup"])
        again = restore_journal(backup, journal)  # whatever was left
        assert texts(journal) == (again.epoch, ["from the backup"])
        assert again.kept is not None
        assert sorted(each.name for each in copy.iterdir() if "partial" in each.name) == []
    assert len(copies) > 20
    assert len(seen) > 5
    assert found == sorted(found, reverse=True)  # first the old one, then the new one
    assert found[0] != found[-1]
