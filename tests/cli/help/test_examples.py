"""Every example of ``--help`` is run, and ends well.

Each command has a home of its own, in which `PREPARED` has made what its examples speak of; a server that all
share is at the default address. What is in capitals in an example stands for a value, which is put in here.
A plain command runs in the test's process, and what needs a shell in one. What serves or follows is stopped
by Ctrl-C once it has printed something.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from chatcore import Accounts, Hub
from chatcore.accounts import Administration, back_up_accounts
from chatcore.journal import Draft
from tests.accounts.people import enter, gate_over
from tests.cli.conftest import Inside
from tests.cli.help.commands import COMMANDS, page
from tests.cli.processes import DEADLINE, ChatServer, chat_server, environment, watched
from tests.jetstream.reader import Node
from tests.jetstream.servers import NatsServers, wait_until_whole
from tests.jetstream.shared import shared_servers
from tests.jetstream.system import SET_UP
from tests.journal.sqlite.files import open_journal
from transports.jetstream import JetStreamLog, Servers, Stream
from transports.threaded_tcp import connect, serve

ENDLESS = re.compile(r"chat server(?! --limit help)|.* --follow")
NEEDS_SHELL = re.compile(r".*[|<>]|chat client(?! --reset)|chat join")
FINGERPRINT = "3q2-7w" + "A" * 37
LIMITS = ("frames_per_second", "connections_per_address", "members_per_room")


@dataclass
class Home:
    """Where the examples of a command run, with what their words stand for."""

    path: Path
    url: str
    words: dict[str, str] = field(default_factory=dict)
    input: str = ""
    nats: NatsServers | None = None

    @property
    def data(self) -> Path:
        """The data directory."""
        (self.path / "data" / "chatcore").mkdir(parents=True, exist_ok=True)
        return self.path / "data" / "chatcore"

    @property
    def variables(self) -> dict[str, str]:
        """What is in the environment."""
        return {
            "HOME": str(self.path),
            "XDG_DATA_HOME": str(self.path / "data"),
            "XDG_STATE_HOME": str(self.path / "state"),
            "CHAT_CONFIG": str(self.path / "chat.toml"),
            "CHAT_URL": self.url,
            "CHAT_SERVER_LISTEN": "chat://127.0.0.1:0",
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        }

    def adapted(self, line: str) -> str:
        """Return an example as it can be run here."""
        for word, value in self.words.items():
            line = re.sub(rf"\b{word}\b", value, line)
        if line.startswith("chat server"):
            return re.sub(r":[78]024\b", ":0", line)
        if (" remove " in line or line.endswith(" new-epoch")) and "--yes" not in line:  # nobody can be asked
            line += " --yes"
        if line.startswith("chat bench"):
            return re.sub(r"--duration \d+", "--duration 0.1", f"{line} {self.url}")
        return line.replace("chat://chat.example.org:7024", self.url)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatServer]:
    """A server at the default address, with some messages."""
    journal = tmp_path_factory.mktemp("served") / "journal.db"
    limits = [word for name in LIMITS for word in ("--limit", f"{name}=none")]
    with chat_server("--journal", f"sqlite:{journal}", *limits) as running:
        with connect(running.url, nick="ada", rooms=["ops"]) as ada:
            ada.post("the disk full of deployments")
        yield running


@pytest.fixture
def home(server: ChatServer, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Home]:
    """An empty home, whose settings name a server and a room."""
    if re.search(r"\[(cluster|doctor)", request.node.name):
        shared_servers()  # before `inside` looks which threads there are
    (tmp_path / "chat.toml").write_text(f'room = ["ops"]\n[servers.work]\nurl = "{server.url}"\n')
    with ExitStack() as running:
        home = Home(tmp_path, server.url)
        if "[cluster remove]" in request.node.name:
            home.nats = running.enter_context(NatsServers(tmp_path / "nats", 3, SET_UP))
        yield home


# --- what there is before the examples of a command ----------------------------------------------


def _has_accounts(home: Home) -> None:
    with Administration(home.data / "accounts.db", by="local:test", create=True) as book:
        for name in ("ada", "grace", "mallory"):
            book.add(name)
        book.publish(["chat://127.0.0.1:7024"], None)
        book.ban("mallory")


def _has_journals(home: Home) -> None:
    for path in (home.data / "journal.db", home.path / "backup.db", home.path / "chat.db"):
        with open_journal(path) as harness:
            harness.submit(Draft("lobby", "1", "ana", "one"), Draft("old-project", "2", "ana", "two"))


def _has_files(home: Home) -> None:
    _has_accounts(home)
    _has_journals(home)
    os.rename(home.path / "chat.db", home.path / "journal.db")
    os.rename(home.data / "accounts.db", home.path / "accounts.db")
    (home.path / "backup.db-life").unlink()
    (home.path / "backup.db-search").unlink()  # now it is no journal of a server


def _has_backups(home: Home) -> None:
    _has_files(home)
    back_up_accounts(home.path / "accounts.db", home.path / "backup.db-accounts")


def _has_position(home: Home) -> None:
    with connect(home.url, nick="reader", rooms=["ops"]) as reader:
        first = reader.history().messages[0]
        home.words["EPOCH:SEQ"] = f"{reader.position('ops').epoch}:{first.seq - 1}"


def _has_fingerprint(home: Home) -> None:
    home.words["FINGERPRINT"] = FINGERPRINT


def _has_keys(home: Home) -> None:
    _has_accounts(home)
    path = home.data / "accounts.db"
    with Administration(path, by="local:test") as book, closing(gate_over(path)) as gate:
        for _ in range(2):
            enter(gate, "ada", invite=book.invite(name="ada").secret)
        home.words["KEY"] = book.keys("ada")[0].id


def _has_stream() -> NatsServers:
    servers = shared_servers()
    node = Node(JetStreamLog(Servers(servers.addresses), Stream.of_messages("chat", 1)))
    node.wait_until_open()
    node.log.close()
    return servers


def _has_what_to_check(home: Home) -> None:
    _has_journals(home)
    home.words["ada-1,ada-2,ada-3"] = f"{_has_stream().addresses[0]}?replicas=1"


def _has_log(home: Home) -> None:
    servers = _has_stream()
    with open(home.path / "chat.toml", "a") as settings:
        settings.write(f'[server]\njournal = "nats://{servers.addresses[0]}"\n')
    home.words["127.0.0.1:4222"] = servers.addresses[0]


def _has_lost_a_machine(home: Home) -> None:
    servers = home.nats
    assert servers is not None
    node = Node(JetStreamLog(Servers(servers.addresses), Stream.of_messages("chat", 3)))
    node.wait_until_open()
    node.log.close()
    wait_until_whole(servers, "chat")  # none is removed while another lacks some of it
    servers.servers[2].stop()
    (home.path / "nats.creds").write_text("chat:secret\n")
    with open(home.path / "chat.toml", "a") as settings:
        hosts = ",".join(servers.addresses)
        settings.write(f'[server]\njournal = "nats://{hosts}?creds={home.path}/nats.creds"\n')
    home.words["ada-3"] = "n2"


PREPARED: dict[str, Callable[[Home], None]] = {
    "backup": _has_files,
    "restore": _has_backups,
    "history": _has_journals,
    "doctor": _has_what_to_check,
    "room remove": _has_journals,
    "tail": _has_position,
    "trust": _has_fingerprint,
    "account revoke": _has_keys,
    "cluster remove": _has_lost_a_machine,
    **dict.fromkeys(("cluster status", "cluster set", "cluster new-epoch"), _has_log),
    **dict.fromkeys(("invite", "ban", "unban", "bans", "audit"), _has_accounts),
    **dict.fromkeys((f"account {name}" for name in ("list", "role", "remove", "keys")), _has_accounts),
}


# --- running them --------------------------------------------------------------------------------


def run(home: Home, line: str, inside: Inside) -> tuple[int, str]:
    """Run an example; return its exit code and what it printed."""
    if ENDLESS.match(line):
        return _interrupted(home, line)
    if NEEDS_SHELL.match(line):
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=home.path,
            env=environment(**home.variables),
            input=home.input,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
    else:
        done = inside(*shlex.split(line)[1:], **home.variables)
    return done.returncode, done.stdout + done.stderr


def _interrupted(home: Home, line: str) -> tuple[int, str]:
    with (
        subprocess.Popen(
            shlex.split(line),
            cwd=home.path,
            env=environment(**home.variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
        watched(process),
    ):
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    return process.returncode % 130, first + rest


@pytest.mark.parametrize("path", [path for path in ["", *COMMANDS] if path != "join"])
def test_examples_do_what_they_say(
    path: str, home: Home, inside: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(home.path)
    if prepare := PREPARED.get(path):
        prepare(home)
    for line in page(path).examples:
        code, printed = run(home, home.adapted(line), inside)
        assert code == 0, (line, printed)
        assert not re.search(r"^chat: ", printed, re.MULTILINE), (line, printed)


def test_examples_of_joining_do_what_they_say(home: Home, inside: Inside) -> None:
    path = home.data / "accounts.db"
    with Administration(path, by="local:test", create=True) as book:
        book.add("ada")
    with closing(Hub(gate=Accounts(path))) as hub, serve("chat://127.0.0.1:0", hub=hub) as server:
        for line in page("join").examples:
            with Administration(path, by="local:test") as book:
                home.input = f"{server.listening[0]}/#{book.invite(name='ada').secret}\n"
            (home.path / "link.txt").write_text(home.input)
            code, printed = run(home, line, inside)
            assert code == 0, printed
            assert "you are ada" in printed
