"""``chat backup`` beside a running server, and ``chat restore`` on a stopped one."""

import json
import os
import shlex
import signal
import subprocess
import threading
from itertools import count
from pathlib import Path

import pytest

from chatcore import Gap, Message, Position, stored_entries
from chatcore.accounts import Administration
from tests.accounts.people import make_accounts
from tests.cli.commands.conftest import Texts
from tests.cli.conftest import Inside
from tests.cli.processes import CHAT, DEADLINE, chat, chat_server, environment
from tests.journal.sqlite.files import damage
from transports.threaded_tcp import Chat, connect

TRANSPORTS = ("asyncio", "threaded")


def lines(path: Path) -> list[bytes]:
    """Return the stored lines of a journal, in which no room has a gap."""
    entries = list(stored_entries(path))
    return [entry.line for entry in entries if not isinstance(entry, Gap)]


class Flood:
    """Posts without a pause in a thread of its own, until it is stopped."""

    def __init__(self, chat: Chat) -> None:
        self.acknowledged = 0
        self._chat = chat
        self._stopped = threading.Event()
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Flood":
        self._thread.start()
        assert self._begun.wait(DEADLINE)
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join(DEADLINE)

    def _run(self) -> None:
        for number in count():
            self._chat.post(f"flood {number} {'x' * 10_000}")
            self.acknowledged = number + 1
            if number == 100:
                self._begun.set()
            if self._stopped.is_set():
                return


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_a_backup_during_a_flood_is_a_prefix_of_the_log(tmp_path: Path, transport: str) -> None:
    journal, backup = tmp_path / "journal.db", tmp_path / "backup.db"
    options = ("--transport", transport, "--journal", f"sqlite:{journal}")
    unlimited = ("--limit", "frames_per_second=none")
    with chat_server(*options, *unlimited) as server, connect(server.url, nick="ana") as ana:
        with Flood(ana) as flood:
            before = flood.acknowledged
            done = chat("backup", str(backup), "--journal", str(journal), "--json")
            after = flood.acknowledged
        assert (done.returncode, done.stderr) == (0, "")
        server.signal(signal.SIGTERM)
        server.wait()
    whole, copied = lines(journal), lines(backup)
    assert copied == whole[: len(copied)]
    assert before <= len(copied) <= after + 1  # one may be stored whose answer is on its way
    assert after > before  # who posts did not wait for the backup
    assert json.loads(done.stdout) == {
        "backup": str(backup),
        "journal": str(journal),
        "rooms": 1,
        "messages": len(copied),
        "bytes": backup.stat().st_size,
        "epoch": ana.position("lobby").epoch,
        "damaged": 0,
        "seconds": json.loads(done.stdout)["seconds"],
    }


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_clients_that_resume_after_a_restore_start_again(
    tmp_path: Path, transport: str, inside: Inside
) -> None:
    journal, backup = tmp_path / "journal.db", tmp_path / "backup.db"
    options = ("--transport", transport, "--journal", f"sqlite:{journal}")
    with chat_server(*options) as server, connect(server.url, nick="ana") as ana:
        for text in ("one", "two"):
            ana.post(text)
        assert inside("backup", str(backup), "--journal", str(journal)).returncode == 0
        ana.post("after the backup")
        seen = Position(epoch=ana.position("lobby").epoch, seq=2)
        refused = inside("restore", str(backup), "--journal", str(journal))
        assert refused.returncode == 1
        assert f"is in use by another server (process {server.process.pid})" in refused.stderr
        server.signal(signal.SIGTERM)
        server.wait()
    done = inside("restore", str(backup), "--journal", str(journal))
    assert done.returncode == 0
    assert done.stdout.startswith(f"restored 2 messages in 1 room from {backup} to {journal}, with the new")
    assert f"\nwhat was there before is {journal}-before-restore; " in done.stdout
    with chat_server(*options) as server, connect(server.url, nick="bob", rooms=()) as bob:
        bob.join("lobby", after=seen)
        events: list[Gap | Message] = []
        while len(events) < 3:
            event = bob.receive(timeout=DEADLINE)
            if isinstance(event, Gap | Message):
                events.append(event)
    gap, *messages = events
    assert isinstance(gap, Gap)
    assert gap.reason == "reset"
    assert [each.text for each in messages if isinstance(each, Message)] == ["one", "two"]


def test_the_journal_and_the_backup_are_those_of_the_settings(
    journal: Path, tmp_path: Path, inside: Inside, texts: Texts
) -> None:
    backup, config = tmp_path / "backup.db", tmp_path / "chat.toml"
    config.write_text(f'[server]\njournal = "sqlite:{journal}?synchronous=NORMAL"\n')
    done = inside("--config", str(config), "backup", str(backup))
    assert done.returncode == 0
    assert done.stdout.startswith(f"backed up 3 messages in 2 rooms of {journal} to {backup}: ")
    assert texts(str(backup)) == ["one", "two", "three"]
    variables = {"CHAT_SERVER_JOURNAL": f"sqlite:{tmp_path / 'new' / 'journal.db'}"}
    assert inside("--config", str(config), "restore", str(backup), **variables).returncode == 0
    assert texts(str(tmp_path / "new" / "journal.db")) == ["one", "two", "three"]


@pytest.mark.parametrize("command", ["backup", "restore"])
def test_a_journal_without_a_file_is_one_line(inside: Inside, command: str) -> None:
    done = inside(command, "backup.db", CHAT_SERVER_JOURNAL="memory:")
    words = "chat: this command needs a journal in a file, sqlite:PATH, not memory:\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", words)


def test_damaged_messages_have_an_exit_code(journal: Path, tmp_path: Path, inside: Inside) -> None:
    damage(journal, 1)
    backup = str(tmp_path / "backup.db")
    for argv in (("backup", backup, "--journal", str(journal)), ("restore", backup, "--journal", "new.db")):
        done = inside(*argv) if argv[0] == "backup" else inside(*argv[:-1], str(tmp_path / "new.db"))
        assert done.returncode == 5
        assert "3 messages in 2 rooms" in done.stdout
        assert done.stderr == "chat: lobby: message 1 is damaged; it was damaged before it was copied\n"


@pytest.mark.skipif(os.name != "posix", reason="there are limits")
def test_a_disk_that_is_full_is_one_line_and_the_older_backup_stays(
    journal: Path, tmp_path: Path, inside: Inside
) -> None:
    backup = tmp_path / "backup.db"
    assert inside("backup", str(backup), "--journal", str(journal)).returncode == 0
    older = backup.read_bytes()
    command = shlex.join([CHAT, "backup", str(backup), "--journal", str(journal)])
    done = subprocess.run(
        ["bash", "-c", f"ulimit -f {len(older) // 2048}; {command}"],
        capture_output=True,
        text=True,
        env=environment(),
        timeout=DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert done.stderr.startswith(f"chat: cannot back up the journal {journal} to {backup}: disk I/O error; ")
    assert backup.read_bytes() == older
    assert [each.name for each in tmp_path.iterdir() if "partial" in each.name] == []


# --- accounts ------------------------------------------------------------------------------------


@pytest.fixture
def accounts(tmp_path: Path) -> Path:
    """A file of accounts with an owner and some members."""
    return make_accounts(
        tmp_path / "server" / "accounts.db", ada="owner", bob="member", eve="member", mallory="moderator"
    )


def state(path: Path) -> tuple[list[object], list[tuple[object, str, str | None]], list[str]]:
    """Return what counts of a file of accounts."""
    with Administration(path, by="local:test") as book:
        people: list[object] = [(each.name, each.role, each.keys) for each in book.accounts()]
        bans: list[tuple[object, str, str | None]] = [
            (each.kind, each.target, each.reason) for each in book.bans()
        ]
        return people, bans, [each.id for each in book.invites()]


def test_the_accounts_are_backed_up_when_they_are_named_and_into_a_file_of_their_own(
    journal: Path, accounts: Path, tmp_path: Path, inside: Inside
) -> None:
    (tmp_path / "backups").mkdir()
    backup = tmp_path / "backups" / "journal.db"
    arguments = ("backup", str(backup), "--journal", str(journal))
    assert inside(*arguments, CHAT_SERVER_ACCOUNTS=str(accounts)).returncode == 0
    assert [each.name for each in backup.parent.iterdir()] == ["journal.db"]
    with chat_server("--accounts", str(accounts)):
        done = inside(*arguments, "--accounts", str(accounts))
    assert done.returncode == 0
    assert done.stdout.startswith(f"backed up 4 accounts of {accounts} to {backup}-accounts: ")
    assert sorted(each.name for each in backup.parent.iterdir()) == ["journal.db", "journal.db-accounts"]


def test_what_a_restored_file_brings_back_is_printed_as_commands(
    accounts: Path, journal: Path, tmp_path: Path, inside: Inside
) -> None:
    backup = tmp_path / "backup.db"
    with Administration(accounts, by="local:test") as book:
        book.invite(uses=3)
    inside("backup", str(backup), "--journal", str(journal), "--accounts", str(accounts))
    with Administration(accounts, by="local:test") as book:
        book.withdraw()
        book.revoke("bob")
        book.set_role("mallory", "member")
        book.remove("eve")
        book.ban("mallory", reason="it's spam\n; rm -rf /")
        book.ban("2001:db8::1", seconds=3600.0)
    wanted = state(accounts)
    with chat_server("--accounts", str(accounts)):
        refused = inside("restore", f"{backup}-accounts", "--accounts", str(accounts))
        assert refused.returncode == 1
        assert f"the accounts file {accounts} is in use by another program" in refused.stderr
    done = inside("restore", f"{backup}-accounts", "--accounts", str(accounts))
    assert (done.returncode, done.stderr) == (0, "")
    assert state(accounts) != wanted
    first, kept, back, *commands = done.stdout.splitlines()
    assert first == f"restored 4 accounts from {backup}-accounts to {accounts}"
    assert kept.startswith(f"what was there before is {accounts}-before-restore; ")
    assert back.startswith("what was taken away later is back, and its last act is of ")
    for command in commands:
        assert inside(*shlex.split(command)[1:]).returncode == 0
    people, bans, invites = state(accounts)
    assert (people, invites) == (wanted[0], wanted[2])
    assert [ban[:2] for ban in bans] == [ban[:2] for ban in wanted[1]]
    assert bans[-1][2] == "it's spam ; rm -rf /"


def test_accounts_in_use_are_not_overwritten_by_a_backup(
    journal: Path, accounts: Path, tmp_path: Path, inside: Inside
) -> None:
    other = make_accounts(tmp_path / "backup.db-accounts", olga="owner")
    with chat_server("--accounts", str(other)):
        done = inside(
            "backup", str(tmp_path / "backup.db"), "--journal", str(journal), "--accounts", str(accounts)
        )
    assert done.returncode == 1
    assert f"{other} is in use by a server, or was; name another file for the backup" in done.stderr
    assert not (tmp_path / "backup.db").exists()


def test_one_file_is_restored_at_a_time(inside: Inside) -> None:
    done = inside("restore", "backup.db", "--journal", "journal.db", "--accounts", "accounts.db")
    assert done.returncode == 2
    assert done.stderr == "chat: restore one file at a time, with --journal or with --accounts\n"
