"""`chat cluster config`: what it prints is run as it is printed."""

import asyncio
import contextlib
import json
import logging
import signal
import ssl
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import nats.errors
import pytest
import trustme
from nats.aio.client import Client

from cli.settings.nats_passwords import SYSTEM, derived_password
from tests.cli.processes import chat, chat_server
from tests.jetstream.people import enter
from tests.jetstream.reader import Heard, Node
from tests.jetstream.servers import NatsServer
from tests.ports import fixed_port
from transports.jetstream import JetStreamLog, Servers, Stream

HOSTS = ("127.0.0.11", "127.0.0.12", "127.0.0.13")


class Printed:
    """What is printed for each of some hosts, with free ports, and folders of the test."""

    def __init__(self, folder: Path, hosts: Sequence[str], *more: str) -> None:
        self.servers: list[NatsServer] = []
        self.creds = folder / "nats.creds"
        port, route, monitor = fixed_port(), fixed_port(), fixed_port()
        ports = ("--port", f"{port}", "--route-port", f"{route}", "--monitor-port", f"{monitor}")
        for host in hosts:
            store = str(folder / host / "store")
            options = ("--only", host, "--creds", str(self.creds), "--store", store, *ports, *more)
            done = chat("cluster", "config", *hosts, *options)
            assert done.returncode == 0, done.stderr
            self.servers.append(NatsServer(host, folder / host, done.stdout, port, monitor))
            self.journal = done.stderr.partition("--journal '")[2].rstrip("'\n")
        self.addresses = tuple(f"{host}:{port}" for host in hosts)

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run the servers."""
        with contextlib.ExitStack() as started:
            for server in self.servers:
                started.callback(server.kill)
                server.start()
            yield


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    """A folder with the certificate of all machines, and its authority."""
    folder = tmp_path / "tls"
    folder.mkdir()
    authority = trustme.CA()
    certificate = authority.issue_cert(*HOSTS)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    certificate.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    certificate.private_key_pem.write_to_path(folder / "key.pem")
    return folder


@pytest.mark.parametrize("encrypted", [False, True], ids=["plain", "encrypted"])
def test_three_servers_run_with_what_is_printed(
    tmp_path: Path, certificates: Path, *, encrypted: bool
) -> None:
    more = ("--stream", "team", *(("--tls", str(certificates)) if encrypted else ()))
    printed = Printed(tmp_path, HOSTS, *more)
    assert printed.journal.startswith("tls://" if encrypted else "nats://")
    journals = [f"{printed.journal}&state={tmp_path}/{n}.db" for n in range(2)]
    context = ssl.create_default_context(cafile=certificates / "ca.pem") if encrypted else None
    with printed.running(), contextlib.ExitStack() as started:
        node = Node(
            JetStreamLog(Servers(printed.addresses, context, printed.creds), Stream.of_messages("team", 3))
        )
        node.wait_until_open()  # a chat server waits two seconds for that, and an election may take longer
        node.log.close()
        servers = [
            started.enter_context(chat_server("--journal", journal, "--log-format", "json"))
            for journal in journals
        ]
        clients = [
            started.enter_context(enter(server, nick))
            for server, nick in zip(servers, ("ada", "bob"), strict=True)
        ]
        ack = clients[0].post("stored")
        assert ack.durability == "replicated"
        assert ack.seq < clients[1].post("after it").seq
        for server in servers:
            server.signal(signal.SIGTERM)
            _, said = server.wait()
            assert "stream.connected" in said
            assert "stream.unsynced" not in said
            assert "stream.unfit" not in said
            assert "stream.forbidden" not in said


def test_their_user_may_touch_the_logs_of_the_cluster_and_no_other(tmp_path: Path) -> None:
    printed = Printed(tmp_path, HOSTS[:1])
    servers = Servers(printed.addresses, None, printed.creds)
    heard = Heard()
    logging.getLogger("chat.journal").addHandler(heard)
    try:
        with printed.running():
            for stream in (
                make("chat", 1) for make in (Stream.of_messages, Stream.of_live, Stream.of_accounts)
            ):
                for _ in range(2):  # the second one asks for what the first has appended
                    node = Node(JetStreamLog(servers, stream))
                    node.log.append(b"entry")
                    node.wait_for(b"entry")
                    node.log.close()
            assert not heard.of("stream.unreachable")
            assert not heard.of("stream.forbidden")
            node = Node(JetStreamLog(servers, Stream.of_messages("other", 1)))
            node.wait(lambda: heard.of("stream.unreachable"))
            node.log.close()
            assert not node.openings
            node = Node(JetStreamLog(Servers(printed.addresses), Stream.of_messages("chat", 1)))
            node.wait(lambda: "Authorization" in str(heard.of("stream.unreachable")))
            node.log.close()
            assert not node.openings
    finally:
        logging.getLogger("chat.journal").removeHandler(heard)


def test_the_system_account_has_a_user_with_a_password_of_its_own(tmp_path: Path) -> None:
    printed = Printed(tmp_path, HOSTS)
    given = printed.creds.read_text().strip().partition(":")[2]
    system = derived_password(SYSTEM, "chat", given)

    async def ask_as(user: str, password: str, within: float = 20.0) -> str:
        url = f"nats://{printed.addresses[0]}"
        client = Client()
        try:
            await client.connect(url, user=user, password=password, allow_reconnect=False)
            return (await client.request("$SYS.REQ.SERVER.PING", b"", timeout=within)).data.decode()
        finally:
            await client.close()

    with contextlib.ExitStack() as started:
        started.callback(printed.servers[0].kill)
        printed.servers[0].start()
        assert json.loads(asyncio.run(ask_as(SYSTEM, system)))["server"]["name"] == HOSTS[0]
        with pytest.raises(TimeoutError):
            asyncio.run(ask_as("chat", given, within=1.0))
        with pytest.raises(nats.errors.Error, match="Authorization"):
            asyncio.run(ask_as(SYSTEM, given))


def test_all_are_printed_with_one_password_each_time_another(tmp_path: Path) -> None:
    first, second = (chat("cluster", "config", "ada-1", "ada-2", "ada-3") for _ in range(2))
    assert first.stdout != second.stdout
    parts = first.stdout.split("\n\n")
    assert [part.partition("\n")[0].split()[3] for part in parts] == ["ada-1.", "ada-2.", "ada-3."]
    line = first.stderr.split()[0]
    assert line.startswith("chat:")
    assert all(f'password: "{line.partition(":")[2]}"' in part for part in parts)
    assert (
        "nats://ada-1,ada-2,ada-3?stream=chat&replicas=3&creds=PATH&monitor=http://ada-1:8222" in first.stderr
    )
    creds = tmp_path / "nats.creds"
    creds.write_text(line)
    again = chat("cluster", "config", "ada-1", "ada-2", "ada-3", "--creds", str(creds))
    assert again.stdout == first.stdout
    assert "creds=PATH." not in again.stderr
    only = chat("cluster", "config", "ada-1", "ada-2", "ada-3", "--creds", str(creds), "--only", "ada-2")
    assert only.stdout.rstrip("\n") == parts[1]


def test_credentials_that_are_made_are_for_their_owner(tmp_path: Path) -> None:
    creds = tmp_path / "nats.creds"
    done = chat("cluster", "config", "ada-1", "--creds", str(creds))
    assert stat.S_IMODE(creds.stat().st_mode) == 0o600
    assert creds.read_text().strip().partition(":")[2] in done.stdout
    assert "cluster {" not in done.stdout
    assert "# Monitoring asks for no password" in done.stdout


@pytest.mark.parametrize(
    ("words", "arguments"),
    [
        ("is not a host; a port is given by --port", "ada-1:4222"),
        ("a host is given twice", "ada-1 Ada-1 ada-2"),
        ("name one, or three or more", "ada-1 ada-2"),
        ("is not among the hosts", "ada-1 --only ada-2"),
        ("up to 64 letters, digits", "ada-1 --stream a.b"),
        ("write --disk 16GiB", "ada-1 --disk much"),
        ("is not an absolute path", "ada-1 --store nats"),
        ("is not an absolute path", "ada-1 --tls nats"),
        ("need a port each", "ada-1 --port 8222"),
        ("cannot use --creds /nowhere/nats.creds", "ada-1 --creds /nowhere/nats.creds"),
        ("cannot use --creds", "ada-1 --creds /"),
        ("needs one line USER:PASSWORD", "ada-1 --creds /dev/null"),
    ],
)
def test_what_cannot_be_is_refused_in_words(words: str, arguments: str) -> None:
    done = chat("cluster", "config", *arguments.split())
    assert done.returncode == 2
    assert words in done.stderr
