"""Files of accounts with people in them, and gates over such files."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from chatcore.accounts import Accounts, Administration, Role
from chatcore.accounts.gate import AccountsGate
from chatcore.accounts.replicated import ReplicatedAccounts, ReplicatedAdministration
from chatcore.accounts.replicated.state import AccountsState
from chatcore.accounts.statements import AccountsFile
from chatcore.accounts.tokens import digest
from chatcore.accounts.writer import Times
from chatcore.gate import Act, Claim, Moderation, Peer, Person, Refusal
from chatcore.names import fold
from chatcore.replication.memory import MemoryLog

__all__ = [
    "DEADLINE",
    "PEER",
    "PEOPLE",
    "Clock",
    "Watch",
    "act",
    "ask",
    "book_over_log",
    "enter",
    "gate_over",
    "gate_over_log",
    "key_of",
    "make_accounts",
    "make_accounts_in_log",
    "make_earlier",
    "person",
]

DEADLINE = 10.0
"""Seconds that a test waits for a thread; only one that fails waits as long."""

LOOK = 0.02
"""Seconds between looks at the file."""

PEER = Peer("192.0.2.1", 40_000)


def key_of(account: str, device: str = "phone") -> str:
    """Return the key of an account on a device. Nobody could guess it."""
    return f"{account}/{device}".ljust(43, "k")


PEOPLE: dict[str, Role] = {
    "olga": "owner",
    "mona": "moderator",
    "ada": "member",
    "bob": "member",
    "gus": "guest",
}
"""Who has an account in most tests."""


def make_accounts(path: Path, **people: Role) -> Path:
    """Make a file with accounts, each with one key; return its path."""
    with Administration(path, by="local:test", create=True) as book:
        for name, role in people.items():
            book.add(name, role)
    with closing(AccountsFile(path)) as file, file.transaction():
        for name in people:
            file.add_key(digest(key_of(name)), fold(name), 0.0)
    return path


def make_accounts_in_log(log: MemoryLog, now: Callable[[], float], **people: Role) -> None:
    """Put accounts into a log, each with one key."""
    with ReplicatedAdministration(log.connect(), by="local:test", now=now) as book:
        for name, role in people.items():
            book.add(name, role)
            secret = book.invite(name=name).secret or ""
            key, invite = digest(key_of(name)).hex(), digest(secret).hex()
            book._perform({"act": "redeem", "nick": name, "key": key, "invite": invite})


EARLIER = (
    ("ALTER TABLE keys DROP COLUMN invited_by", "ALTER TABLE invites DROP COLUMN by_key"),
    (
        "DROP TRIGGER forget_admissions",
        "DROP TABLE admissions",
        "DROP INDEX audit_of",
        "ALTER TABLE audit DROP COLUMN by_member",
        "ALTER TABLE audit DROP COLUMN nth",
    ),
)
"""What makes a file of one version one of the version before it, the earliest first."""


def make_earlier(path: Path, version: int) -> None:
    """Make a file one of an earlier version."""
    with closing(sqlite3.connect(path)) as db:
        for statements in reversed(EARLIER[version - 1 :]):
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {version}")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.time = 1_000_000.0

    def __call__(self) -> float:
        return self.time


class Watch:
    """A hub that only counts what it is told."""

    def __init__(self) -> None:
        self.expelled: list[tuple[str, str]] = []
        self._revised = threading.Semaphore(0)

    def revise(self) -> None:
        """Count it."""
        self._revised.release()

    def expel(self, account: str, room: str) -> None:
        """Note it."""
        self.expelled.append((account, room))

    def was_revised(self, seconds: float = DEADLINE) -> bool:
        """Wait until it was told to revise, once more than at the last call."""
        return self._revised.acquire(timeout=seconds)


def gate_over(
    path: Path,
    watch: Watch | None = None,
    now: Callable[[], float] | None = None,
    clock: Callable[[], float] = time.monotonic,
    file: type[AccountsFile] = AccountsFile,
) -> Accounts:
    """Return a started gate, which looks at the file more often than usual; it is to be closed."""
    gate = Accounts(path, times=Times(now or time.time, clock, look=LOOK), file=file)
    gate.start(watch or Watch())
    return gate


def gate_over_log(
    log: MemoryLog,
    path: Path,
    watch: Watch | None = None,
    now: Callable[[], float] | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> ReplicatedAccounts:
    """Return a started gate over a log, whose state is at a path; it is to be closed."""
    gate = ReplicatedAccounts(path, log.connect(), times=Times(now or time.time, clock, look=LOOK))
    gate.start(watch or Watch())
    return gate


class CurrentBook(ReplicatedAdministration):
    """A log of accounts that is read up to its end whenever something is asked."""

    def _read(self) -> AccountsState:
        self.refresh()
        return super()._read()


def book_over_log(log: MemoryLog, now: Callable[[], float] | None = None) -> ReplicatedAdministration:
    """Return a log of accounts as the command line has it."""
    return CurrentBook(log.connect(), by="local:root", now=now or time.time)


def ask(question: Callable[..., None], *arguments: object) -> Any:
    """Ask a gate, and return the answer."""
    answers = queue.SimpleQueue[Any]()
    question(*arguments, answers.put)
    return answers.get(timeout=DEADLINE)


def enter(
    gate: AccountsGate, nick: str, key: str | None = None, invite: str | None = None, peer: Peer = PEER
) -> Person | Refusal:
    """Ask a gate who somebody is; the key is by default that of `key_of`."""
    answer: Person | Refusal = ask(gate.enter, Claim(peer, nick, key or key_of(nick), invite))
    return answer


def person(gate: AccountsGate, name: str) -> Person:
    """Return somebody whom a gate lets in."""
    found = enter(gate, name)
    assert isinstance(found, Person)
    return found


def act(
    gate: AccountsGate,
    by: str,
    what: Act,
    room: str | None = None,
    nick: str | None = None,
    seconds: float | None = None,
    present: frozenset[str] = frozenset(),
) -> str | None:
    """Let somebody act; return the code of the refusal, if there is one."""
    answer = ask(gate.moderate, person(gate, by), Moderation(what, room, nick, seconds, "why", present))
    return answer.code if isinstance(answer, Refusal) else None
