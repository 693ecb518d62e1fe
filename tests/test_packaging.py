"""The distribution as a stranger gets it.

The wheel is built here, installed into an environment of its own, and used from there. That environment sees
the wheel and the dependencies, and never the source tree: what was left out of the wheel is missing here too.
Nothing in this file needs a network.
"""

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from collections.abc import Iterator
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


def run(*command: str | Path, cwd: Path, path: Path | str | None = None) -> subprocess.CompletedProcess[str]:
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

    def chat(self, *arguments: str, path: Path | str | None = None) -> subprocess.CompletedProcess[str]:
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
        "console_scripts": {"chat": "cli.__main__:main"},
        "chat.transports": {
            "asyncio": "transports.asyncio_tcp:transport",
            "threaded": "transports.threaded_tcp:transport",
        },
        "chat.journals": {
            "memory": "chatcore.journal.memory:kind",
            "nats": "cli.settings.nats_journal:nats",
            "sqlite": "chatcore.journal.sqlite.kind:kind",
            "tls": "cli.settings.nats_journal:tls",
        },
    }


def test_the_wheel_carries_its_licence(wheel: Path, metadata: Message) -> None:
    assert metadata["License-Expression"] == "MIT"
    assert metadata.get_all("License-File") == ["LICENSE"]
    with zipfile.ZipFile(wheel) as archive:
        assert archive.read(f"{DIST_INFO}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()


def test_the_extras_are_shared_logs_a_faster_event_loop_metrics_and_certificates(metadata: Message) -> None:
    assert metadata.get_all("Provides-Extra") == ["cluster", "fast", "metrics", "tls"]


# What it does once installed


def test_the_installed_packages_are_imported_from_the_wheel(installed: Installed) -> None:
    script = "import chatcore, cli, transports; print(chatcore.__file__, cli.__file__, transports.__file__)"
    origins = run_ok(installed.python, "-P", "-c", script, cwd=installed.elsewhere).split()
    assert {Path(origin).parent.name for origin in origins} == PACKAGES
    assert all(Path(origin).is_relative_to(installed.bin.parent) for origin in origins)


def test_the_installed_command_prints_its_version(installed: Installed) -> None:
    done = installed.chat("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, "chat 0.1.0 (pure Python)\n", "")


def test_doctor_names_a_compiled_file_that_the_wheel_did_not_bring(installed: Installed) -> None:
    (package,) = installed.bin.parent.glob("lib/python*/site-packages/chatcore")
    left = package / "server" / "tail.cpython-310-x86_64-linux-gnu.so"
    left.touch()
    try:
        done = installed.chat("doctor", "--journal", "none.db")
    finally:
        left.unlink()
    assert done.returncode == 1
    assert f"wrong  file {left}: left by a build\n       it hides its source" in done.stdout
    assert "wrong" not in installed.chat("doctor", "--journal", "none.db").stdout


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
    """Build and install a distribution of one module, registered in a group; return where it went."""
    module = name.replace("-", "_")
    project = tmp_path / name
    project.mkdir()
    (project / f"{module}.py").write_text(source)
    return install_project(project, f"{module}.py", {group: {name: f"{module}:{thing}"}})


def install_project(project: Path, include: str, points: dict[str, dict[str, str]]) -> Path:
    """Build and install a distribution with entry points by group; return where it went."""
    name, tmp_path = project.name, project.parent
    lines: list[str] = []
    for group, things in points.items():
        lines.append(f'[project.entry-points."{group}"]')
        lines += [f'{key} = "{thing}"' for key, thing in things.items()]
    entry_points = "\n".join(lines)
    (project / "pyproject.toml").write_text(
        f"""
        [build-system]
        requires = ["hatchling"]
        build-backend = "hatchling.build"

        [project]
        name = "{name}"
        version = "1.0"

        {entry_points}

        [tool.hatch.build.targets.wheel]
        only-include = ["{include}"]
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


@pytest.fixture(scope="session")
def pigeons(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a distribution with a transport is installed."""
    return install_plugin("carrier-pigeon", CARRIER_PIGEON, tmp_path_factory.mktemp("pigeons"))


def test_an_installed_transport_is_listed(installed: Installed, pigeons: Path) -> None:
    done = installed.chat("transports", path=pigeons)
    assert done.returncode == 0, done.stderr
    assert {"asyncio", "threaded", "carrier-pigeon"} <= set(done.stdout.split())


def test_an_installed_transport_can_be_chosen_by_name(installed: Installed, pigeons: Path) -> None:
    done = installed.chat("server", "--transport", "carrier-pigeon", path=pigeons)
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


# Journals of other projects, and all that one project may add

STONE_AGE = ROOT / "tests" / "stone_age"


@pytest.fixture(scope="session")
def stone_age(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the distribution that brings a transport, a journal and a gate is installed."""
    project = tmp_path_factory.mktemp("stone") / "stone-age"
    project.mkdir()
    shutil.copytree(STONE_AGE, project / "stone_age", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "stone_age" / "py.typed").touch()
    points = {
        "chat.transports": {"drums": "stone_age.drums:transport"},
        "chat.journals": {"stone-tablets": "stone_age.tablets:kind"},
    }
    return install_project(project, "stone_age", points)


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


def test_an_installed_journal_is_listed_beside_ours(installed: Installed, stone_age: Path) -> None:
    done = installed.chat("journals", path=stone_age)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == [
        "memory",
        "nats",
        "sqlite",
        "stone-tablets",
        "tls",
    ]
    assert "heavy, but durable  [stone-age 1.0]" in done.stdout


def test_an_installed_journal_stores_the_messages_of_a_server_that_names_it(
    installed: Installed, stone_age: Path, tmp_path: Path
) -> None:
    mason = install_plugin("mason", MASON, tmp_path)
    plugins = f"{stone_age}{os.pathsep}{mason}"
    done = installed.chat(
        *("server", "--transport", "mason", "--journal", "stone-tablets:Carrara:42"), path=plugins
    )
    assert done.returncode == 0, done.stderr
    assert "messages are kept in stone-tablets (replicated)" in done.stderr
    assert '"type":"ack","room":"lobby","id":"1","seq":5,"durability":"replicated"' in done.stdout
    assert '"seq":5,"prev":0' in done.stdout
    assert done.stdout.endswith("the tablets are complete\n")
    refused = installed.chat("server", "--journal", "stone-tablets", path=plugins)
    assert (refused.returncode, refused.stderr) == (2, "chat: the journal stone-tablets needs a quarry\n")


HUNTERS = """
from chatcore import DisconnectedError, HistoryLimits, Hub, RefusedError
from chatcore.journal import find_journals, load_journal
from chatcore.transport import Listen, find_transports, load_transport
from stone_age.watchman import Watchman
from transports.threaded_tcp import Chat, connect

KEY = "k" * 43


def refusal(chat: Chat, text: str) -> str:
    try:
        return str(chat.post(text).seq)
    except RefusedError as error:
        return f"{error.code}: {error.message}"


def hunt(hub: Hub, url: str) -> None:
    with connect(url, nick="Ug", key=KEY, rooms=["cave"]) as ug, connect(url, nick="Og") as stranger:
        print(ug.account, ug.role, stranger.account)
        print(refusal(ug, "I have made a wheel"), refusal(ug, "and fire"))
        try:
            stranger.join("cave")
        except RefusedError as error:
            print(error.code, error.message)
        print(hub.post("cave", "root", "well done", kind="notice").result().durability)
        print([(message.seq, message.nick, message.text) for message in ug.history().messages])
        gate.revoke("ug")
        try:
            while True:
                ug.receive(timeout=20.0)
        except DisconnectedError as error:
            print(error.reason)


gate = Watchman({KEY: "ug"})
journal = load_journal(find_journals()["stone-tablets"]).open("Carrara", HistoryLimits())
with Hub(journal, gate=gate) as hub:
    server = load_transport(find_transports()["drums"]).start(hub, [Listen.parse("chat://127.0.0.1:0")])
    hunt(hub, str(server.listening[0]))
    server.close()
"""


PUBLIC = {"chatcore", "chatcore.gate", "chatcore.journal", "chatcore.transport", "chatcore.wire"}


def imports_of(package: Path) -> Iterator[tuple[str, set[str]]]:
    """Yield what a package imports: each module, and which names of it."""
    for path in package.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((alias.name, set[str]()) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield node.module or "", {alias.name for alias in node.names}


def test_one_distribution_brings_a_transport_a_journal_and_a_gate(
    installed: Installed, stone_age: Path
) -> None:
    assert "drums" in installed.chat("transports", path=stone_age).stdout.split()
    output = run_ok(installed.python, "-P", "-c", HUNTERS, cwd=installed.elsewhere, path=stone_age)
    assert output.splitlines() == [
        "ug hunter None",
        "5 forbidden: do not speak of fire",
        "forbidden the cave is not for strangers",
        "replicated",
        "[(5, 'Ug', 'I have made a round thing'), (10, 'root', 'well done')]",
        "revoked",
        "the tablets are complete",
    ]


def test_what_that_distribution_imports_is_public_and_fits_our_types(
    installed: Installed, tmp_path: Path
) -> None:
    for module, names in imports_of(STONE_AGE):
        if module.split(".")[0] not in sys.stdlib_module_names:
            assert module in PUBLIC
            assert names <= set(importlib.import_module(module).__all__)
    shutil.copytree(STONE_AGE, tmp_path / "stone_age")
    (tmp_path / "hunters.py").write_text(HUNTERS)
    done = run(
        *(sys.executable, "-m", "mypy", "--strict", "--config-file=", "--no-error-summary"),
        *("--python-executable", installed.python, "hunters.py", "stone_age"),
        cwd=tmp_path,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


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
    assert (
        "there is no journal 'papyrus'; installed: dead-letters, memory, nats, sqlite, tls" in unknown.stderr
    )
