"""`chat cluster remove`: which machines it takes out of a cluster, and which it leaves."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import JournalError
from cli.commands import cluster_remove
from cli.settings.nats_journal import parse_address
from tests.cli.processes import CHAT, chat
from tests.cli.pty import ENTER, in_terminal
from tests.jetstream.reader import Node
from tests.jetstream.servers import NatsServers, wait_until_whole
from tests.jetstream.system import SET_UP, leader_of
from transports import jetstream
from transports.jetstream import JetStreamLog, Look, Servers, Stream, StreamState


class Log:
    """A log that servers have, and the address of it."""

    def __init__(self, folder: Path, servers: NatsServers) -> None:
        self.servers = servers
        self.creds = folder / "nats.creds"
        self.creds.write_text("chat:secret\n")
        self.address = f"nats://{','.join(servers.addresses)}"
        stream = Stream.of_messages("chat", 3 if servers.count == 3 else 1)
        node = Node(JetStreamLog(Servers(servers.addresses), stream))
        node.wait_until_open()
        node.log.close()
        wait_until_whole(servers, stream.name)

    def remove(self, name: str, *more: str) -> tuple[int, str]:
        """Try to remove a server; return the exit code and what was said."""
        done = chat("cluster", "remove", name, "--journal", f"{self.address}?creds={self.creds}", *more)
        return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Log]:
    """A server that is no cluster, and so does all but remove somebody."""
    folder = tmp_path_factory.mktemp("alone")
    with NatsServers(folder / "nats", extra=SET_UP) as servers:
        yield Log(folder, servers)


def test_a_server_that_is_gone_is_removed_and_none_while_another_lacks_something(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats", 3, SET_UP) as servers:
        log = Log(tmp_path, servers)
        gone = leader_of(servers, "chat")
        kept, other = [each for each in servers.servers if each.name != gone]
        servers.named(gone).kill()
        code, said = log.remove(other.name, "--yes")
        lacking = f"{other.name} is not removed; of chat, not all is at {gone}"
        assert (code, lacking in said) == (1, True), said
        code, said = log.remove(gone, "--yes")
        assert (code, said.partition(";")[0]) == (0, f"removed {gone}"), said
        assert "all of it is on 2 of 3 servers" in (
            chat("cluster", "status", "--journal", log.address).stdout
        )
        code, said = log.remove(gone, "--yes")
        assert (code, f"there is no server {gone} in the cluster" in said) == (1, True), said
        other.kill()
        code, said = log.remove(kept.name, "--yes")
        assert (code, f"{kept.name} is not removed; of chat, " in said) == (1, True), said


LED = StreamState("i", 1, 0, 0, -1, replicas=3, leader="n0", current=("n0", "n1"), others=("n2",))


def test_a_server_is_removed_once_another_leads_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    creds = tmp_path / "nats.creds"
    creds.write_text("chat:secret\n")
    address = parse_address("nats", f"//a,b,c?creds={creds}")
    missing = Look({}, {}, None, "there is no such stream", "missing", None, None)
    electing = LED._replace(leader="", current=(), others=("n0", "n1", "n2"))
    states = [electing, electing, LED]
    removed = []

    def look_at(servers: Servers, *streams: Stream) -> list[Look]:
        state = states.pop(0) if states else electing
        return [Look({}, {}, state, None, None, None, None), *[missing] * (len(streams) - 1)]

    monkeypatch.setattr(cluster_remove, "PAUSE", 0.0)
    monkeypatch.setattr(jetstream, "look_at", look_at)
    monkeypatch.setattr(jetstream, "remove_member", lambda servers, name: removed.append(name))
    assert cluster_remove.run(address, "n2", yes=True) == 0
    assert (removed, states) == (["n2"], [])
    monkeypatch.setattr(cluster_remove, "ELECTION", 0.01)
    with pytest.raises(JournalError, match="n2 is not removed; of chat, no server leads it"):
        cluster_remove.run(address, "n2", yes=True)
    assert removed == ["n2"]


def test_a_server_that_runs_is_not_removed(alone: Log) -> None:
    code, said = alone.remove("n0", "--yes")
    assert (code, "n0 is not removed; n0 runs; stop its nats-server first" in said) == (1, True), said


def test_a_configuration_without_that_user_is_named(tmp_path: Path) -> None:
    with NatsServers(tmp_path / "nats", extra=SET_UP.partition("accounts")[0]) as servers:
        code, said = Log(tmp_path, servers).remove("n9", "--yes")
    assert (code, "Authorization Violation" in said) == (1, True), said
    assert "and nats-servers that have loaded what it prints" in said


def test_nobody_is_removed_whom_a_person_keeps(alone: Log) -> None:
    code, said = alone.remove("n9")
    assert (code, "would remove n9 with all that it stores; add --yes" in said) == (2, True), said
    journal = f"{alone.address}?creds={alone.creds}"
    with in_terminal(CHAT, "cluster", "remove", "n9", "--journal", journal) as terminal:
        terminal.wait("remove n9 with all that it stores")
        terminal.type("n" + ENTER)
        assert terminal.wait_exit() == 1


def test_credentials_of_others_are_refused(alone: Log, tmp_path: Path) -> None:
    done = chat("cluster", "remove", "n9", "--yes", "--journal", alone.address)
    assert (done.returncode, "this needs creds=PATH" in done.stderr) == (2, True)
    key = tmp_path / "nsc.creds"
    key.write_text(
        "-----BEGIN NATS USER JWT-----\neyJ\n------END NATS USER JWT------\n"
        "-----BEGIN USER NKEY SEED-----\nSUA\n------END USER NKEY SEED------\n"
    )
    done = chat("cluster", "remove", "n9", "--yes", "--journal", f"{alone.address}?creds={key}")
    assert (done.returncode, "is not of `chat cluster config`" in done.stderr) == (2, True)
    key.write_text("nothing")
    done = chat("cluster", "remove", "n9", "--yes", "--journal", f"{alone.address}?creds={key}")
    assert (done.returncode, "neither credentials of NATS nor" in done.stderr) == (2, True)
