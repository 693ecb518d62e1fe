"""The distribution as a stranger gets it.

The wheel is built here, installed into an environment of its own, and used from there. That environment sees
the wheel and the dependencies, and never the source tree: what was left out of the wheel is missing here too.
Nothing in this file needs a network.
"""

import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from configparser import ConfigParser
from dataclasses import dataclass
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = {"chatcore", "transports", "cli"}
DIST_INFO = "chatcore-0.1.0.dist-info"
TIMEOUT = 50.0


def run(*command: str | Path, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command in `cwd` with no input, nothing of our Python's set-up, and `path` to import from."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "MYPY", "CHAT_"))}
    if path is not None:
        env["PYTHONPATH"] = str(path)
    return subprocess.run(
        command,
        cwd=cwd,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )


def run_ok(*command: str | Path, cwd: Path, path: Path | None = None) -> str:
    """Run a command that has to succeed, and return its standard output."""
    done = run(*command, cwd=cwd, path=path)
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def pip_install(*arguments: str | Path, cwd: Path) -> None:
    run_ok(sys.executable, "-m", "pip", "--quiet", *arguments, cwd=cwd)


@dataclass(frozen=True)
class Installed:
    """An environment that holds the wheel and our dependencies, and a directory away from the source."""

    bin: Path
    elsewhere: Path

    @property
    def python(self) -> Path:
        return self.bin / "python"

    def chat(self, *arguments: str, path: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run the console script, with the plug-ins that are installed in `path`."""
        return run(self.bin / "chat", *arguments, cwd=self.elsewhere, path=path)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    dist = tmp_path_factory.mktemp("dist")
    run_ok(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", dist, cwd=ROOT)
    (built,) = dist.iterdir()
    return built


@pytest.fixture(scope="session")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(f"{DIST_INFO}/METADATA").decode())


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, with_pip=False, symlinks=True)
    python = home / "bin" / "python"
    (site,) = home.glob("lib/python*/site-packages")
    # The dependencies are our own. A directory that a .pth file names is searched, but its own .pth files
    # are not read, and one of those is what would bring the source tree back in.
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    pip_install("--python", python, "install", "--no-deps", "--no-index", wheel, cwd=home)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    return Installed(home / "bin", elsewhere)


# What the wheel holds


def test_the_wheel_holds_our_three_packages_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert {name.split("/")[0] for name in archive.namelist()} == PACKAGES | {DIST_INFO}


def test_the_wheel_marks_each_package_as_typed(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        assert {f"{package}/py.typed" for package in PACKAGES} <= set(archive.namelist())


def test_the_wheel_registers_the_command_the_transports_and_the_journals(wheel: Path) -> None:
    points = ConfigParser()
    with zipfile.ZipFile(wheel) as archive:
        points.read_string(archive.read(f"{DIST_INFO}/entry_points.txt").decode())
    assert {section: dict(points[section]) for section in points.sections()} == {
        "console_scripts": {"chat": "cli.app:main"},
        "chat.transports": {
            "asyncio": "transports.asyncio_tcp:transport",
            "threaded": "transports.threaded_tcp:transport",
        },
        "chat.journals": {
            "memory": "chatcore.journal.memory:kind",
            "sqlite": "chatcore.journal.sqlite.kind:kind",
        },
    }


def test_the_wheel_carries_its_licence(wheel: Path, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{DIST_INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_the_faster_event_loop_is_the_only_extra(metadata: Message) -> None:
    assert metadata.get_all("Provides-Extra") == ["fast"]


# What it does once installed


def test_the_installed_packages_are_imported_from_the_wheel(installed: Installed) -> None:
    script = "import chatcore, cli, transports; print(chatcore.__file__, cli.__file__, transports.__file__)"
    origins = run_ok(installed.python, "-P", "-c", script, cwd=installed.elsewhere).split()
    assert {Path(origin).parent.name for origin in origins} == PACKAGES
    assert all(Path(origin).is_relative_to(installed.bin.parent) for origin in origins)


def test_the_installed_command_prints_its_version(installed: Installed) -> None:
    done = installed.chat("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "chat 0.1.0\n", "")


# If the packages were untyped, the lines that are to be refused would pass as Any. A transport sees the core
# through its narrow views, and through nothing else.
CONSUMER = """
import cli.app
import transports.asyncio_tcp
from chatcore import Hub
from chatcore import NoSuchName  # refused
from chatcore.transport import Endpoint, Host, Session

hub: Host = Hub()


def peek(hub: Host, endpoint: Endpoint, session: Session) -> None:
    endpoint.open
    hub.lock  # refused
    endpoint.timers  # refused
    session.identity  # refused
"""


def test_a_consumer_is_type_checked_against_the_wheel(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "consumer.py").write_text(CONSUMER)
    done = run(
        *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
        *("--python-executable", installed.python, "consumer.py"),
        cwd=tmp_path,
    )
    assert re.findall(r"consumer\.py:(\d+): error: .*\[(.*)\]", done.stdout) == [
        (str(number), "attr-defined")
        for number, line in enumerate(CONSUMER.splitlines(), 1)
        if line.endswith("# refused")
    ], done.stdout + done.stderr


# Transports of other projects


def install_plugin(
    name: str, source: str, tmp_path: Path, group: str = "chat.transports", thing: str = "transport"
) -> Path:
    """Build and install a distribution that registers `name` in a group; return where it went."""
    module = name.replace("-", "_")
    project = tmp_path / name
    project.mkdir()
    (project / f"{module}.py").write_text(source)
    (project / "pyproject.toml").write_text(
        f"""
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        [project]
        name = "{name}"
        version = "1.0"

        [project.entry-points."{group}"]
        {name} = "{module}:{thing}"

        [tool.hatch.build.targets.wheel]
        only-include = ["{module}.py"]
        """
    )
    target = tmp_path / "plugins"
    pip_install(
        *("install", "--no-deps", "--no-build-isolation", "--no-index", "--target", target, project),
        cwd=tmp_path,
    )
    return target


CARRIER_PIGEON = """
import signal
from chatcore.transport import Peer


class Loft:
    def __init__(self, hub, listens):
        self.listening = listens
        self.endpoint = hub.endpoint(lambda: None)
        session = self.endpoint.open(Peer("loft", 1))
        session.receive_data(b'{"type":"hello","protocol":1,"nick":"pigeon"}\\n')
        print("the pigeon brings", session.data_to_send().decode(), end="")
        signal.raise_signal(signal.SIGTERM)

    def close(self):
        self.endpoint.close()
        print("the pigeon has left")


class CarrierPigeon:
    name = "carrier-pigeon"
    summary = "slow, but it finds its way"

    def start(self, hub, listens):
        return Loft(hub, listens)


transport = CarrierPigeon()
"""


def test_an_installed_transport_is_listed(installed: Installed, tmp_path: Path) -> None:
    plugins = install_plugin("carrier-pigeon", CARRIER_PIGEON, tmp_path)
    done = installed.chat("transports", path=plugins)
    assert done.returncode == 0, done.stderr
    assert {"asyncio", "threaded", "carrier-pigeon"} <= set(done.stdout.split())


def test_an_installed_transport_can_be_chosen_by_name(installed: Installed, tmp_path: Path) -> None:
    plugins = install_plugin("carrier-pigeon", CARRIER_PIGEON, tmp_path)
    done = installed.chat("server", "--transport", "carrier-pigeon", path=plugins)
    assert done.returncode == 0, done.stderr
    assert '"type":"welcome"' in done.stdout
    assert "listening on chat://127.0.0.1:7024 (carrier-pigeon)" in done.stdout
    assert done.stdout.endswith("the pigeon has left\n")


def test_a_broken_transport_disables_only_itself(installed: Installed, tmp_path: Path) -> None:
    plugins = install_plugin("dead-parrot", "raise RuntimeError('it is pining')\n", tmp_path)
    done = installed.chat("transports", path=plugins)
    assert done.returncode == 0, done.stderr
    assert {"asyncio", "threaded"} <= set(done.stdout.split())
    output = done.stdout + done.stderr
    assert "dead-parrot" in output
    assert "it is pining" in output
    assert "Traceback" not in output


# Journals of other projects

STONE_TABLETS = """
import datetime

from chatcore import Message, UsageError
from chatcore.journal import Head, Outcome, Page, Place, RoomPage, RoomRecord, Stored, always


class StoneTablets:
    # Knows how safe its messages are only once it is started, and leaves numbers out.
    dedupe_seconds = 60.0

    def __init__(self, quarry):
        self.quarry = quarry
        self.entries = {}

    def start(self, feed):
        self.durability = "replicated"
        self.feed = feed
        feed.opened("stone-age", lambda room: 0)

    def submit(self, drafts, done, still_valid=always):
        stored = [self._carve(draft) for draft in drafts]
        self.feed.committed(stored)
        done([Outcome("stored", entry.seq) for entry in stored])

    def _carve(self, draft):
        room = self.entries.setdefault(draft.room, [])
        prev = room[-1].seq if room else 0
        at = datetime.datetime.now(datetime.timezone.utc)
        message = Message(
            room=draft.room, seq=prev + 5, prev=prev, id=draft.id, nick=draft.nick, text=draft.text, at=at
        )
        room.append(Stored.of(message))
        return room[-1]

    def read(
        self, room, deliver, *, after=None, before=None, after_at=None, before_at=None, limit, max_bytes
    ):
        entries = tuple(self.entries.get(room, ()))
        deliver(Page("stone-age", 0, entries[-1].seq if entries else 0, entries, False))

    def seek(self, room, back, before, deliver, *, after=0):
        deliver(Place(0, 0, 0))

    def head(self, room, deliver):
        deliver(Head("stone-age", self._head(room)))

    def rooms(self, deliver, *, after, prefix, limit):
        last = {name: room[-1].message for name, room in self.entries.items()}
        found = [RoomRecord(name, message.seq, message.at) for name, message in last.items()]
        deliver(RoomPage(tuple(found), False))

    def remove_room(self, room, deliver):
        deliver(self.entries.pop(room, None) is not None)

    def reach(self, room, seq, deliver):
        deliver(seq <= self._head(room))

    def _head(self, room):
        return max((entry.seq for entry in self.entries.get(room, ())), default=0)

    def close(self):
        print("the tablets are complete", flush=True)


class Kind:
    name = "stone-tablets"
    summary = "heavy, but durable"

    def open(self, argument, limits):
        if not argument:
            raise UsageError("the journal stone-tablets needs a quarry")
        return StoneTablets(argument)

    def describe(self, journal):
        return f"messages are carved in {journal.quarry} ({journal.durability})"


kind = Kind()
"""

MASON = """
import json
import signal

from chatcore.transport import Peer


class Yard:
    def __init__(self, hub, listens):
        self.listening = listens
        self.endpoint = hub.endpoint(lambda: None)
        session = self.endpoint.open(Peer("yard", 1))
        for frame in (
            {"type": "hello", "protocol": 1, "nick": "mason"},
            {"type": "join", "room": "lobby"},
            {"type": "post", "room": "lobby", "id": "1", "text": "thou shalt"},
        ):
            session.receive_data(json.dumps(frame).encode() + b"\\n")
        while data := session.data_to_send():
            print(data.decode(), end="")
        signal.raise_signal(signal.SIGTERM)

    def close(self):
        self.endpoint.close()


class Mason:
    name = "mason"
    summary = "carves"

    def start(self, hub, listens):
        return Yard(hub, listens)


transport = Mason()
"""


def install_journal(tmp_path: Path) -> Path:
    return install_plugin("stone-tablets", STONE_TABLETS, tmp_path, "chat.journals", "kind")


def test_an_installed_journal_is_listed_beside_ours(installed: Installed, tmp_path: Path) -> None:
    plugins = install_journal(tmp_path)
    done = installed.chat("journals", path=plugins)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["memory", "sqlite", "stone-tablets"]
    assert "heavy, but durable  [stone-tablets 1.0]" in done.stdout


def test_an_installed_journal_stores_the_messages_of_a_server_that_names_it(
    installed: Installed, tmp_path: Path
) -> None:
    plugins = install_journal(tmp_path)
    install_plugin("mason", MASON, tmp_path)
    done = installed.chat(
        *("server", "--transport", "mason", "--journal", "stone-tablets:Carrara:42"), path=plugins
    )
    assert done.returncode == 0, done.stderr
    assert "messages are carved in Carrara:42 (replicated)" in done.stderr
    assert '"type":"ack","room":"lobby","id":"1","seq":5,"durability":"replicated"' in done.stdout
    assert '"seq":5,"prev":0' in done.stdout
    assert done.stdout.endswith("the tablets are complete\n")
    refused = installed.chat("server", "--journal", "stone-tablets", path=plugins)
    assert (refused.returncode, refused.stderr) == (2, "chat: the journal stone-tablets needs a quarry\n")


def test_a_broken_journal_disables_only_itself(installed: Installed, tmp_path: Path) -> None:
    source = "raise RuntimeError('it is pining')\n"
    plugins = install_plugin("dead-letters", source, tmp_path, "chat.journals", "kind")
    done = installed.chat("journals", path=plugins)
    assert done.returncode == 0, done.stderr
    assert {"memory", "sqlite"} <= set(done.stdout.split())
    assert "cannot load the journal 'dead-letters': it is pining" in done.stderr
    refused = installed.chat("server", "--journal", "dead-letters:x", path=plugins)
    assert refused.returncode == 2
    assert "it is pining" in refused.stderr
    unknown = installed.chat("server", "--journal", "papyrus:x", path=plugins)
    assert unknown.returncode == 2
    assert "there is no journal 'papyrus'; installed: dead-letters, memory, sqlite" in unknown.stderr
