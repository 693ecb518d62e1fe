"""What happens to the file: it is full, gone, replaced, damaged, or not one at all."""

import contextlib
import logging
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from chatcore import AccountsError, SqliteJournal
from chatcore.accounts import Accounts, Administration
from chatcore.accounts.changes import Change, ChangeQueue
from chatcore.accounts.records import AuditEntry
from chatcore.accounts.refusals import UNAVAILABLE
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.tokens import digest, id_of
from chatcore.accounts.writer import Times
from chatcore.gate import Invitation, Moderation, Person
from tests.accounts.people import (
    DEADLINE,
    PEER,
    Clock,
    Watch,
    ask,
    enter,
    gate_over,
    key_of,
    make_accounts,
    make_earlier,
)

TROUBLE = {
    "full": "PRAGMA max_page_count = 1",
    "read-only": "PRAGMA query_only = ON",
}
"""What makes the next write fail, as a full disk and a file system that was mounted read-only do."""


class FailingFile(AccountsFile):
    """A file that cannot be written while there is trouble."""

    trouble: str | None = None

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        trouble = self.trouble  # which may end meanwhile
        if trouble is not None:
            self.db.execute(trouble)
            for reason in ("x" * 64, None):
                with contextlib.suppress(sqlite3.OperationalError):
                    while True:  # until the last page of the audit is full too
                        with self.transaction():
                            self.add_audit(AuditEntry(0.0, "", "", None, None, None, reason))


@pytest.fixture
def fails() -> Iterator[Callable[[str | None], None]]:
    """Makes the file fail from the next time that it is opened, or no more."""

    def fails(trouble: str | None) -> None:
        FailingFile.trouble = trouble

    yield fails
    FailingFile.trouble = None


@pytest.mark.parametrize("trouble", TROUBLE)
def test_while_nothing_can_be_written_known_keys_are_let_in_and_nothing_else_changes(
    path: Path, fails: Callable[[str | None], None], trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Administration(path, by="local:root") as book:
        invite = book.invite(uses=5).secret
    fails(TROUBLE[trouble])
    gate = Accounts(path, times=Times(look=0.01, retry=0.0), file=FailingFile)
    with closing(gate):
        gate.start(Watch())
        mona, ada = enter(gate, "mona"), enter(gate, "ada")
        for number in range(3):
            assert enter(gate, f"zoe{number}", invite=invite) == UNAVAILABLE
        assert ask(gate.moderate, mona, Moderation("ban", None, "ada")) == UNAVAILABLE
        assert ask(gate.invite_device, ada) == ask(gate.forget_device, ada) == UNAVAILABLE
        assert isinstance(ada, Person)
        assert gate.may_stay(ada, PEER) is None
        assert enter(gate, "ada") == ada
    assert [record.levelno for record in caplog.records] == [logging.WARNING]
    with Administration(path, by="local:root") as book:
        assert len(book.accounts()) == 5


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was logged of the accounts so far."""
    return [record.getMessage() for record in caplog.records if record.name == "chat.accounts"]


class Logged(logging.Handler):
    """Waits for a line of the log."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text
        self.seen = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if self._text in record.getMessage():
            self.seen.set()


@pytest.fixture
def again() -> Iterator[threading.Event]:
    """Set when the log says that the file can be written again."""
    handler, log = Logged("can be read and written again"), logging.getLogger("chat.accounts")
    log.addHandler(handler)
    yield handler.seen
    log.removeHandler(handler)


@pytest.mark.logs("accounts.unusable", "accounts.recovered")
@pytest.mark.parametrize("trouble", TROUBLE)
def test_it_is_logged_when_the_file_can_be_written_again_though_nobody_asks_for_anything(
    path: Path,
    fails: Callable[[str | None], None],
    trouble: str,
    caplog: pytest.LogCaptureFixture,
    again: threading.Event,
) -> None:
    fails(TROUBLE[trouble])
    gate = Accounts(path, times=Times(look=0.01, retry=0.0), file=FailingFile)
    with closing(gate):
        gate.start(Watch())
        ada = enter(gate, "ada")
        for _ in range(3):
            assert ask(gate.invite_device, ada) == UNAVAILABLE
        assert [line.partition(":")[0] for line in lines(caplog)] == [
            "the accounts cannot be read or written"
        ]
        assert not again.is_set()
        fails(None)
        assert again.wait(DEADLINE)
        assert isinstance(ask(gate.invite_device, ada), Invitation)
    assert len(lines(caplog)) == 2


@pytest.mark.logs("accounts.uses_lost")
def test_uses_of_keys_that_cannot_be_written_at_the_end_are_lost_and_that_is_logged(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    gate = Accounts(path, times=Times(look=0.01, uses=3_600.0))
    with closing(gate):
        gate.start(Watch())
        assert isinstance(ask(gate.invite_device, enter(gate, "ada")), Invitation)
        assert isinstance(enter(gate, "mona"), Person)
        monkeypatch.setattr(AccountsFile, "note_uses", full)


def test_what_can_only_be_read_is_read_and_bans_are_in_force(
    path: Path, fails: Callable[[str | None], None], book: Administration, again: threading.Event
) -> None:
    watch = Watch()
    fails(TROUBLE["read-only"])
    gate = Accounts(path, times=Times(look=0.01, retry=0.0), file=FailingFile)
    with closing(gate):
        gate.start(watch)
        ada = enter(gate, "ada")
        assert isinstance(ada, Person)
        assert ask(gate.invite_device, ada) == UNAVAILABLE
        book.ban("ada")
        assert watch.was_revised()
        assert gate.may_stay(ada, PEER) is not None
    assert not again.is_set()


def test_a_file_that_was_removed_is_not_made_again_and_is_used_when_it_is_back(
    path: Path, tmp_path: Path
) -> None:
    gate = Accounts(path, times=Times(look=0.01, retry=0.0))
    with closing(gate):
        gate.start(Watch())
        ada = enter(gate, "ada")
        path.rename(tmp_path / "away")
        assert ask(gate.invite_device, ada) == UNAVAILABLE
        assert enter(gate, "ada") == ada
        assert not path.exists()
        (tmp_path / "away").rename(path)
        assert isinstance(ask(gate.invite_device, ada), Invitation)


def test_a_file_that_is_removed_just_then_is_not_made_either(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: True)
    with pytest.raises(sqlite3.OperationalError, match="unable to open"):
        AccountsFile(tmp_path / "accounts.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.logs("accounts.replaced")
def test_a_file_that_was_replaced_is_read_as_it_is_now_and_that_is_logged(
    path: Path, tmp_path: Path, watch: Watch, caplog: pytest.LogCaptureFixture, again: threading.Event
) -> None:
    backup = make_accounts(tmp_path / "backup" / "accounts.db", olga="owner", eve="member")
    gate = Accounts(path, times=Times(look=0.01, retry=0.0))
    with closing(gate):
        gate.start(watch)
        ada = enter(gate, "ada")
        assert isinstance(ada, Person)
        backup.replace(path)  # in one step: a look in between would find none
        assert watch.was_revised()
        assert gate.may_stay(ada, PEER) is not None
        assert isinstance(enter(gate, "eve"), Person)
        assert again.wait(DEADLINE)
    assert lines(caplog) == [
        "the accounts cannot be read or written: it was replaced",
        "the accounts file was replaced; the one in its place has 2 accounts and 2 keys",
        "the accounts can be read and written again",
    ]


@pytest.mark.parametrize("data", [b"rubbish" * 1_000, b""], ids=["rubbish", "nothing"])
def test_a_file_that_is_replaced_by_rubbish_changes_nothing(path: Path, tmp_path: Path, data: bytes) -> None:
    rubbish = tmp_path / "rubbish"
    rubbish.touch(0o600)
    rubbish.write_bytes(data)
    gate = Accounts(path, times=Times(look=0.01, retry=0.0))
    with closing(gate):
        gate.start(Watch())
        ada = enter(gate, "ada")
        rubbish.replace(path)
        assert ask(gate.invite_device, ada) == UNAVAILABLE
        assert enter(gate, "ada") == ada


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_earlier_version_is_only_read_if_that_is_asked_for(path: Path, version: int) -> None:
    make_earlier(path, version)
    before = path.read_bytes()
    with Administration(path, by="local:root", read_only=True) as book:
        assert [each.name for each in book.accounts()] == ["ada", "bob", "gus", "mona", "olga"]
        assert book.urls() == ()
        with pytest.raises(AccountsError, match="readonly"):
            book.add("zoe")
    assert path.read_bytes() == before


@pytest.mark.parametrize("version", [1, 2])
def test_a_file_of_an_earlier_version_is_brought_up_to_date(path: Path, version: int) -> None:
    make_earlier(path, version)
    with closing(gate_over(path)) as gate, Administration(path, by="local:root") as book:
        ada = enter(gate, "ada")
        tablet = enter(gate, "ada", key_of("ada", "tablet"), ask(gate.invite_device, ada).secret)
        assert isinstance(tablet, Person)
        assert book.keys("ada")[0].invited_by is None
        assert {key.id: key.invited_by for key in book.keys("ada")}[f"{tablet.key_id}"] is not None
        assert enter(gate, "bob", invite=book.invite(name="bob", room="den").secret) == enter(gate, "bob")
        assert book.invites() == []


# --- what is refused -----------------------------------------------------------------------------


def missing(path: Path) -> None:
    path.unlink()


def directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def no_database(path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to be one" * 100)


def another_database(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE t (x)")
    path.chmod(0o600)


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")


def damaged(path: Path) -> None:
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4_096)
        file.write(b"\xff" * (size - 4_096))


def open_to_its_group(path: Path) -> None:
    path.chmod(0o640)


def open_to_all(path: Path) -> None:
    path.chmod(0o602)


def open_directory(path: Path) -> None:
    path.parent.chmod(0o777)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (missing, "there is no accounts file"),
        (directory, "there is no accounts file"),
        (empty, "is empty"),
        (no_database, "is not a database"),
        (another_database, "another program's database"),
        (newer, "later version of chat"),
        (damaged, "is damaged"),
        (open_to_its_group, "chmod go="),
        (open_to_all, "chmod go="),
        (open_directory, "other users can replace files"),
    ],
)
def test_a_file_that_is_not_right_is_refused_and_left_as_it_is(
    path: Path, spoil: Callable[[Path], None], complaint: str
) -> None:
    spoil(path)
    before = path.read_bytes() if path.is_file() else None
    gate = Accounts(path)
    with pytest.raises(AccountsError, match=complaint):
        gate.start(Watch())
    gate.close()
    for read_only in (False, True):
        with (
            pytest.raises(AccountsError, match=complaint),
            Administration(path, by="local:root", read_only=read_only) as book,
        ):
            book.accounts()
    assert (path.read_bytes() if path.is_file() else None) == before


def test_an_account_can_be_made_in_a_file_that_is_empty(path: Path) -> None:
    empty(path)
    with Administration(path, by="local:root", create=True) as book:
        assert book.add("eve") == "owner"


def test_a_journal_is_no_file_of_accounts(tmp_path: Path) -> None:
    class Nobody:
        tail_bytes = 0

        def opened(self, epoch: str, head: Callable[[str], int]) -> None: ...

        def committed(self, messages: object) -> None: ...

    with closing(SqliteJournal(tmp_path / "journal.db")) as journal:
        journal.start(Nobody())
    with pytest.raises(AccountsError, match="another program's database"):
        Accounts(tmp_path / "journal.db").start(Watch())


def test_a_link_leads_to_the_file(path: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(path)
    with closing(gate_over(tmp_path / "link")) as gate:
        assert isinstance(enter(gate, "ada"), Person)
        assert not (tmp_path / "link-wal").exists()


# --- the thread that writes ----------------------------------------------------------------------


def test_the_file_is_looked_at_four_times_a_second() -> None:
    assert Times().look <= 0.25


@pytest.mark.logs("accounts.answer_lost", "accounts.change_failed")
def test_a_change_that_fails_is_undone_alone(gate: Accounts, book: Administration) -> None:
    def fail(file: AccountsFile, now: float) -> None:
        file.set_role("ada", "owner")
        raise RuntimeError("a bug")

    def change(file: AccountsFile, now: float) -> str:
        file.set_role("bob", "owner")
        return "done"

    def break_off(answer: object) -> None:
        raise RuntimeError("another bug")

    def ask_for(make: Callable[[AccountsFile, float], object], deliver: Callable[[object], None]) -> None:
        gate._writer.submit(Change(make, deliver))

    ask_for(change, break_off)
    assert ask(ask_for, fail) == UNAVAILABLE
    assert ask(ask_for, change) == "done"
    assert {each.name: each.role for each in book.accounts()} == {
        "ada": "member",
        "bob": "owner",
        "gus": "guest",
        "mona": "moderator",
        "olga": "owner",
    }


def test_changes_after_the_end_and_beyond_the_bound_are_refused(gate: Accounts) -> None:
    ada = enter(gate, "ada")
    gate.close()
    assert ask(gate.invite_device, ada) == UNAVAILABLE
    queue = ChangeQueue(2)
    change = Change(lambda file, now: None, lambda answer: None)
    assert [queue.put(change) for _ in range(3)] == [True, True, False]
    assert queue.take(10, 0.0) == [change, change]
    assert queue.take(10, 0.0) == []
    queue.close()
    assert queue.take(10, 0.0) is None


def test_what_was_asked_for_is_answered_before_the_end(gate: Accounts) -> None:
    ada, answers = enter(gate, "ada"), list[object]()
    assert isinstance(ada, Person)
    for _ in range(4):
        gate.invite_device(ada, answers.append)
    gate.close()
    assert [isinstance(answer, Invitation) for answer in answers] == [True] * 4


def test_the_day_of_the_last_use_of_a_key_is_noted(path: Path, book: Administration, clock: Clock) -> None:
    for _ in range(2):
        with closing(gate_over(path, now=clock)) as gate:
            for _ in range(3):
                enter(gate, "ada")
        clock.time += 86_400.0
    (used,) = (key.used for key in book.keys("ada"))
    assert used == clock.time - clock.time % 86_400.0 - 86_400.0
    assert [key.used for key in book.keys("bob")] == [0.0]  # when it was made


def test_the_command_line_and_a_server_write_beside_each_other(gate: Accounts, book: Administration) -> None:
    invite = book.invite(uses=100).secret
    for number in range(20):
        book.invite()
        assert isinstance(enter(gate, f"zoe{number}", key_of(f"zoe{number}"), invite), Person)
    assert len(book.accounts()) == 25
    assert len(book.invites()) == 21


# --- killed between the commit and the welcome ---------------------------------------------------

KILLED = """
import os, signal, sys
from chatcore.accounts import Accounts
from chatcore.gate import Claim, Peer

class Watch:
    def revise(self): ...
    def expel(self, account, room): ...

path, key, invite = sys.argv[1:]  # of a test alone: nobody else sees these
gate = Accounts(path)
gate.start(Watch())
claim = Claim(Peer("127.0.0.1", 1), "zoe", key, invite)
gate.enter(claim, lambda answer: os.kill(os.getpid(), signal.SIGKILL))
gate.close()
"""


def test_a_server_that_is_killed_before_it_answers_has_stored_one_account(
    path: Path,
) -> None:
    with Administration(path, by="local:root") as book:
        invite = book.invite().secret
    assert invite is not None
    for _ in range(2):  # and again, as the client would: the second time it is let in by its key
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(path), key_of("zoe"), invite],
            timeout=DEADLINE * 3,
            check=False,
            capture_output=True,
        )
        assert done.returncode == -9, done.stderr
    with closing(gate_over(path)) as gate:
        person = enter(gate, "zoe", invite=invite)
    assert person == Person("zoe", "member", id_of(digest(key_of("zoe"))))
    with Administration(path, by="local:root") as book:
        assert [each.keys for each in book.accounts() if each.name == "zoe"] == [1]
        assert book.invites() == []


ENROLLING = """
import os, sys
from chatcore.accounts import Accounts, writer
from chatcore.gate import Claim, Peer

class Watch:
    def revise(self): ...
    def expel(self, account, room): ...

path, invite, *names = sys.argv[1:]
writer.GROUP = 4  # so that there are many transactions
gate = Accounts(path)
gate.start(Watch())
for name in names:
    claim = Claim(Peer("127.0.0.1", 1), name, name.ljust(43, "k"), invite)
    gate.enter(claim, lambda answer, name=name: os.write(1, f"{name} {answer.account}\\n".encode()))
gate.close()
"""


def test_of_a_crowd_that_enrols_nobody_is_lost_and_nobody_comes_twice_however_often_it_is_killed(
    path: Path,
) -> None:
    names = [f"zoe{number}" for number in range(60)]
    with Administration(path, by="local:root") as book:
        invite = book.invite(uses=len(names)).secret
    assert invite is not None
    for answers in (5, 30, len(names)):  # after so many of them it is killed
        process = subprocess.Popen(
            [sys.executable, "-c", ENROLLING, str(path), invite, *names], stdout=subprocess.PIPE, text=True
        )
        with process:
            assert process.stdout is not None
            seen = [process.stdout.readline().split() for _ in range(answers)]
            process.kill()
        assert [line[0] for line in seen] == [line[1] for line in seen]
    with Administration(path, by="local:root") as book:
        assert {each.name: each.keys for each in book.accounts() if each.name in names} == dict.fromkeys(
            names, 1
        )
        assert book.invites() == []


def test_a_copy_of_the_file_alone_is_whole_after_the_end(path: Path, tmp_path: Path) -> None:
    with closing(gate_over(path)) as gate, Administration(path, by="local:root") as book:
        enter(gate, "zoe", invite=book.invite().secret)
    shutil.copy(path, tmp_path / "copy")
    with Administration(tmp_path / "copy", by="local:root") as book:
        assert "zoe" in [each.name for each in book.accounts()]
