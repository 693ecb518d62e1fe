"""`chat cluster status`: what it says of a log, and what needs an operator."""

import json
import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.processes import chat
from tests.jetstream.hubs import hub_on
from tests.jetstream.reader import Node
from tests.jetstream.servers import NatsServers, ask, wait_until_whole
from transports.jetstream import JetStreamLog, Servers, Stream, look_at

LOGS = ("chat", "chat-live", "chat-accounts")


class Cluster:
    """Three servers with a log, in which there is a message, and a copy of that."""

    def __init__(self, folder: Path, servers: NatsServers) -> None:
        self.servers = servers
        self.copy = folder / "copy.db"
        self.journal = f"nats://{','.join(servers.addresses)}?state={self.copy}"
        stream = Stream.of_messages("chat", 3, 2 * 1024 * 1024)
        with hub_on(self.copy, JetStreamLog(Servers(servers.addresses), stream)) as hub:
            hub.post("lobby", "ada", "stored").result(20.0)
        wait_until_whole(servers, "chat")

    def status(self, *more: str) -> "subprocess.CompletedProcess[str]":
        """Print the status."""
        return chat("cluster", "status", "--journal", self.journal, *more)

    def problems(self) -> list[str]:
        """Return what is wrong, with an exit code that says whether something is."""
        done = self.status("--json")
        problems: list[str] = json.loads(done.stdout)["problems"]
        assert done.returncode == bool(problems), done.stderr
        return problems

    def change(self, statement: str, *values: object) -> None:
        """Change the copy."""
        with closing(sqlite3.connect(self.copy)) as db, db:
            db.execute(statement, values)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """One of a test's own."""
    with NatsServers(tmp_path / "nats", 3) as servers:
        yield Cluster(tmp_path, servers)


def test_a_log_that_is_well_says_who_leads_it_and_how_far_this_machine_is(cluster: Cluster) -> None:
    cluster.journal += f"&monitor={','.join(each.monitor for each in cluster.servers.servers)}"
    done = cluster.status()
    assert done.returncode == 0, done.stdout
    rows = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    assert [name for name, _ in rows] == [
        *["server"] * 3, "log", "leader", "current", "entries", "size", "synced", "here",
    ]  # fmt: skip
    told = dict(rows)
    assert told["leader"] in ("n0", "n1", "n2")
    assert told["current"].endswith(": 3 of 3")
    assert told["size"] == "0.0 MiB, room for 2.0 MiB"
    assert told["synced"] == "always"
    assert told["here"].endswith(f" read, 0 behind, in {cluster.copy}")
    told = json.loads(cluster.status("--json").stdout)
    assert (told["position"], told["lag"], told["problems"]) == (told["last"], 0, [])
    assert set(told["servers"]) == set(cluster.servers.addresses)


def test_a_server_that_is_gone_is_named(cluster: Cluster) -> None:
    cluster.servers.servers[0].stop()
    assert any(
        each.startswith(f"{cluster.servers.addresses[0]} cannot be used") for each in cluster.problems()
    )


def test_replicas_of_who_is_here_and_of_the_accounts_count_as_those_of_the_messages(
    cluster: Cluster,
) -> None:
    for stream in (Stream.of_live("chat", 3), Stream.of_accounts("chat", 3)):
        node = Node(JetStreamLog(Servers(cluster.servers.addresses), stream))
        node.wait_until_open()
        node.log.close()
    cluster.servers.servers[0].stop()
    until = time.monotonic() + 30.0
    missed = {f"log {name}: all of it is on 2 of 3 servers, not on n0" for name in LOGS}
    while not missed <= {problem.partition(";")[0] for problem in cluster.problems()}:
        assert time.monotonic() < until


def test_nothing_is_said_of_a_log_without_any_server(cluster: Cluster) -> None:
    for server in cluster.servers.servers:
        server.kill()
    assert cluster.problems()[-1] == "nothing is known of the log: no server of it can be reached"


def test_a_log_that_is_missing_is_not_made(cluster: Cluster) -> None:
    cluster.journal = cluster.journal.replace("?", "?stream=other&")
    for _ in range(2):
        assert cluster.problems() == ["nothing is known of the log: there is no stream other"]


def test_a_log_that_is_nearly_full_is_a_problem(cluster: Cluster) -> None:
    for _ in range(2):
        ask(cluster.servers, "publish", "chat.log", bytes(1_000_000))
    wait_until_whole(cluster.servers, "chat")
    [problem] = cluster.problems()
    assert problem.startswith("log chat: 1.9 MiB, room for 0.1 MiB more; raise its max_bytes")


def test_a_log_of_who_is_here_by_which_nobody_can_come_in_is_a_problem(cluster: Cluster) -> None:
    assert cluster.problems() == []  # where there is none, chat servers make it
    ask(cluster.servers, "add_stream", name="chat-live", subjects=["chat.live"])  # as another program would
    [problem] = cluster.problems()
    assert problem.startswith("log chat-live: the stream was not made by chat")
    assert "; nobody can come in; change that at the NATS servers" in problem
    assert "alive" not in json.loads(cluster.status("--json").stdout)


def test_a_server_that_does_not_sync_is_a_problem(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats", 3, sync="2m") as servers:
        cluster = Cluster(tmp_path, servers)
        assert cluster.problems() == []
        cluster.journal += f"&monitor={','.join(each.monitor for each in servers.servers)}"
        [problem] = cluster.problems()
        assert "has no sync_interval: always" in problem


def test_a_copy_that_lags_has_another_past_or_cannot_be_read_is_told(cluster: Cluster) -> None:
    last = json.loads(cluster.status("--json").stdout)["last"]
    cluster.change("UPDATE meta SET value = value - 1 WHERE key = 'position'")
    assert json.loads(cluster.status("--json").stdout)["lag"] == 1
    assert cluster.problems() == []
    cluster.change("UPDATE meta SET value = value + 2 WHERE key = 'position'")
    [problem] = cluster.problems()
    ahead = f"copy {cluster.copy}: it has read {last + 1} entries, and the log ends at {last}; see"
    assert problem.startswith(ahead)
    cluster.change("UPDATE meta SET value = 'other' WHERE key = 'identity'")
    [problem] = cluster.problems()
    assert problem.startswith(f"copy {cluster.copy}: it is of another log; correct state=PATH")
    cluster.change("UPDATE meta SET value = 'at 1' WHERE key = 'forked'")
    forked = f"copy {cluster.copy}: servers have read different logs: at 1; see `chat cluster new-epoch`"
    assert forked in cluster.problems()
    os.truncate(cluster.copy, 100)
    assert any("cannot be read" in each for each in cluster.problems())
    cluster.copy.unlink()
    assert cluster.problems() == []
    assert f"no copy at {cluster.copy}" in cluster.status().stdout


def test_a_server_that_is_silent_is_waited_for_once_for_all_streams() -> None:
    streams = [Stream.of_messages(name, 1) for name in ("one", "two", "three")]
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as asking:
        server.settimeout(20.0)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        looks = asking.submit(look_at, Servers((address,)), *streams)
        connections = [server.accept()[0] for _ in streams]
        for connection in connections:
            with connection, pytest.raises(BlockingIOError):  # nobody has given up any
                connection.recv(1, socket.MSG_DONTWAIT)
    assert [look.failure for look in looks.result()] == ["unreachable"] * 3


def test_other_journals_are_refused() -> None:
    for journal in ("sqlite:chat.db", "memory"):
        done = chat("cluster", "status", "--journal", journal)
        assert done.returncode == 2
        assert f"needs a log that servers share, nats://HOST,HOST,HOST, not {journal}" in done.stderr
    done = chat("cluster", "status", CHAT_SERVER_JOURNAL="")
    assert "nats://HOST,HOST,HOST, by --journal" in done.stderr
