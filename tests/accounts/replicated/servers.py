"""Servers of a cluster in virtual time: copies of the accounts that are told when to go on."""

import sqlite3
import threading
from pathlib import Path
from random import Random
from typing import Any

from chatcore.accounts.acts import Content
from chatcore.accounts.replicated.machine import Applied
from chatcore.accounts.replicated.replica import AccountsReplica
from chatcore.accounts.replicated.state import AccountsState
from chatcore.accounts.schema import create_accounts
from chatcore.accounts.snapshot import Snapshot
from chatcore.accounts.tokens import digest
from chatcore.replication.jobs import JobQueue
from tests.accounts.people import Clock
from tests.journal.replicated.faulty_log import FaultyConnection, FaultyLog

__all__ = ["Server", "invite", "redeem", "run_until_quiet"]

STEPS = 400
"""Steps within which servers have to become quiet."""


def invite(secret: str, *, uses: int = 1) -> dict[str, Any]:
    """Return the act that makes an invite."""
    fields = {"role": None, "uses": uses, "seconds": 86_400, "room": None, "name": None}
    return {"act": "invite", "by": "local:root", "invite": digest(secret).hex(), **fields}


def redeem(nick: str, secret: str) -> dict[str, Any]:
    """Return the act that redeems one."""
    key = digest(f"key of {nick}").hex()
    return {"act": "redeem", "nick": nick, "key": key, "invite": digest(secret).hex()}


class FailingState(AccountsState):
    """A state whose commits fail as planned: with nothing stored, or with everything."""

    def __init__(self, path: Path, plan: list[str]) -> None:
        self._plan: list[str] = []
        super().__init__(path)
        self._plan = plan

    def commit(self) -> None:
        """End a transaction, if that is planned."""
        fate = self._plan.pop() if self._plan else ""
        if fate == "before":
            raise sqlite3.OperationalError("planned")
        super().commit()
        if fate == "after":
            raise sqlite3.OperationalError("planned")


class Server:
    """A server. Its answers are noted, as what is in force when they come."""

    def __init__(self, path: Path, log: FaultyLog, clock: Clock) -> None:
        self.path = path
        self.plan: list[str] = []
        self.revised = 0
        self._log = log
        self._clock = clock
        self.start()

    def start(self) -> None:
        """Start with what its file has."""
        create_accounts(self.path)
        self.connection: FaultyConnection = self._log.connect()
        self._jobs = JobQueue(threading.Condition())
        self.replica = AccountsReplica(
            lambda: FailingState(self.path, self.plan),
            self.connection,
            self._jobs,
            self._take,
            self._clock,
            self._clock,
        )
        self.replica.begin()
        self.connection.open()
        self.step()

    def kill(self) -> None:
        """End without a word."""
        self.replica.follower.close()
        self.connection.close()

    def step(self) -> None:
        """Let it do what is due, with all that the log has."""
        if self.connection.is_open and self.connection.missing:
            self.connection.deliver(7)
        self.replica.step()

    def ask(self, content: Content, answers: list[Applied | None]) -> None:
        """Ask for an act."""
        self._jobs.put(lambda: self.replica.request(content, answers.append))

    def _take(self, snapshot: Snapshot, revises: bool) -> None:
        self.revised += revises


def run_until_quiet(log: FaultyLog, servers: list[Server], clock: Clock, random: Random) -> None:
    """Let time pass until all servers have all that is in the log, and nothing is on its way."""
    for _ in range(STEPS):
        while log.on_its_way:
            log.take()
        for server in servers:
            server.step()
        clock.time += random.choice((0.3, 1.1))
        if not log.on_its_way and all(
            each.replica.is_idle and not each.replica.is_settling and each.replica.header.position == log.last
            for each in servers
        ):
            return
    raise AssertionError("it never becomes quiet")
