"""docs/cluster.md is done as it is written, on machines that are addresses of loopback."""

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.jetstream.servers import nats_server_program
from tests.test_readme import Program, Stage, agree, anchors, blocks_of, commands

DEADLINE = 60.0

PAGE = Path(__file__).parent.parent.parent / "docs" / "cluster.md"
TEXT = PAGE.read_text("utf-8")
NET = f"127.{os.getpid() // 250 % 250 + 2}.{os.getpid() % 250 + 2}"
"""Addresses that no other run of these tests has, since the ports are those of the page."""


@dataclass
class Machine(Stage):
    """One of the machines, of which ``number`` is in its name."""

    number: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        self.environment.pop("CHAT_SERVER_LISTEN")
        self.environment |= {
            "PATH": f"{Path(nats_server_program()).parent}{os.pathsep}{self.environment['PATH']}",
            "XDG_CONFIG_HOME": str(self.directory),
            "SSL_CERT_FILE": str(self.directory / "ca.pem"),
        }

    def adapted(self, text: str) -> str:
        """Return a part of the page with the addresses and folders of this machine."""
        text = re.sub(r"\bada-([1-4])\b", rf"{NET}.\1", text)
        text = text.replace("0.0.0.0", f"{NET}.{self.number}")
        return text.replace("/etc/chat", str(self.directory))

    def command(self, text: str) -> str:
        """Return a command of the page as it is run here."""
        only = f"--only ada-{self.number} --store {self.directory}/store"
        return self.adapted(re.sub(r"--only ada-\d", only, text))


def part(title: str) -> str:
    """Return a section of the page."""
    return TEXT.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


class Walk:
    """The commands of a section, in their order, each done on any of the machines."""

    def __init__(self, stack: ExitStack, title: str) -> None:
        self._stack = stack
        self._commands = self._all(part(title))

    def _all(self, section: str) -> Iterator[tuple[str, list[str]]]:
        for block in blocks_of(section):
            if block.mark == "console":
                yield from commands(block)

    def next(self, begins: str) -> tuple[str, list[str]]:
        """Return the next command, which begins so, and what is shown below it."""
        command, lines = next(self._commands)
        assert command.startswith(begins)
        return command, lines

    def start(self, machine: Machine, command: str, until: str) -> Program:
        """Start something that serves, and wait until it has printed some words."""
        program = Program(f"exec {machine.command(command)}", machine)
        self._stack.callback(program.interrupt)
        read_until(program, until)
        return program

    def do(self, machine: Machine, command: str, shown: list[str]) -> None:
        """Run something to its end, which prints what is shown."""
        code, printed = run(machine, command)
        assert code == 0, printed
        assert agree([machine.adapted(line) for line in shown], printed), printed

    def repeat(self, machine: Machine, command: str, shown: list[str]) -> None:
        """Run something again and again, until it finds no problem and prints what is shown."""
        end = time.monotonic() + DEADLINE
        code, printed = run(machine, command)
        while code != 0 or not agree([machine.adapted(line) for line in shown], printed):
            assert time.monotonic() < end, printed
            code, printed = run(machine, command)

    def is_over(self) -> bool:
        """Tell whether all was done."""
        return next(self._commands, None) is None


def read_until(program: Program, words: str) -> str:
    """Return the next line that has these words in it; there has to be one."""
    while words not in (line := program.line() or ""):
        assert line, words
    return line


def run(machine: Machine, command: str) -> tuple[int, list[str]]:
    """Run something to its end; return its exit code and what it printed."""
    program = Program(machine.command(command), machine)
    program.end_input()
    printed = program.rest()
    return program.wait(), printed


def copy_credentials(machine: Machine, other: Machine) -> None:
    """Copy the passwords of NATS to another machine."""
    for path in machine.directory.glob("*.creds"):
        shutil.copy(path, other.directory)


@pytest.fixture
def machines(tmp_path: Path) -> list[Machine]:
    """Four machines, with a certificate each."""
    authority = trustme.CA()
    found = []
    for number in (1, 2, 3, 4):
        folder = tmp_path / f"ada-{number}"
        folder.mkdir()
        certificate = authority.issue_cert(f"{NET}.{number}")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "cert.pem")
        (folder / "cert.pem").chmod(0o600)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        found.append(Machine(folder, {}, number))
    return found


class Cluster:
    """What runs on each machine, as the page has set it up."""

    def __init__(self, stack: ExitStack, machines: list[Machine]) -> None:
        walk = self.walk = Walk(stack, "Three machines, step by step")
        [self._settings] = [
            block.text for block in blocks_of(part("Three machines, step by step")) if block.mark == "toml"
        ]
        self.nats: dict[int, Program] = {}
        self.chat: dict[int, Program] = {}
        self._said: list[str] = []
        first, *others = machines
        command, shown = walk.next("chat cluster config")
        walk.do(first, command, shown)
        for machine in others:
            copy_credentials(first, machine)
            walk.do(machine, command, shown)
        self._nats_server, _ = walk.next("nats-server")
        for machine in machines:
            self.start_nats(machine)
        self._chat_server = walk.next("chat server")
        for machine in machines:
            self.configure(machine)
            self.start_chat(machine)

    def configure(self, machine: Machine, *changes: tuple[str, str]) -> None:
        """Write the settings of the page, with some changes."""
        text = self._settings
        for before, after in changes:
            text = text.replace(before, after)
        (machine.directory / "chatcore").mkdir(exist_ok=True)
        (machine.directory / "chatcore" / "chat.toml").write_text(machine.adapted(text))

    def start_nats(self, machine: Machine) -> None:
        """Start its NATS server."""
        self.nats[machine.number] = self.walk.start(machine, self._nats_server, "Server is ready")

    def start_chat(self, machine: Machine) -> None:
        """Start its chat server, and wait until it has the log."""
        command, shown = self._chat_server
        server = self.chat[machine.number] = self.walk.start(machine, command, machine.adapted(shown[0]))
        assert read_until(server, "messages are kept in").endswith("(replicated)")

    def say(self, machine: Machine) -> None:
        """Have somebody post something, which is stored whatever is away."""
        text = f"message {len(self._said)}"
        code, printed = run(machine, f"echo '{text}' | chat client chats://ada-1,ada-2")
        assert code == 0, printed
        self._said.append(f"...: {text}")

    def has_all_at(self, machine: Machine) -> None:
        """Wait until all of that is read at a machine, in its order."""
        tail = f"chat tail --url chats://ada-{machine.number} lobby"
        self.walk.repeat(machine, tail, [*self._said, "position ..."])


def test_three_machines_are_set_up_as_it_is_written(machines: list[Machine]) -> None:
    first, second, third, _ = machines
    with ExitStack() as stack:
        walk = Cluster(stack, [first, second, third]).walk
        command, shown = walk.next("chat cluster status")
        for machine in (first, second, third):
            walk.repeat(machine, command, shown)
        command, shown = walk.next("echo")
        walk.do(first, command, ["...", *shown])
        walk.do(third, *walk.next("chat tail"))
        assert walk.is_over()


def test_machines_are_upgraded_as_it_is_written(machines: list[Machine]) -> None:
    first, second, third, _ = machines
    with ExitStack() as stack:
        cluster = Cluster(stack, [first, second, third])
        walk = Walk(stack, "Upgrades")
        walk.next("systemctl stop nats-server")
        walk.next("systemctl start nats-server")
        status = walk.next("chat cluster status")
        assert walk.is_over()
        for machine in (first, second, third):
            cluster.nats[machine.number].interrupt(signal.SIGTERM)
            cluster.say(machine)
            cluster.start_nats(machine)
            walk.repeat(machine, *status)
        assert cluster.chat[2].interrupt(signal.SIGTERM) == 0
        cluster.say(second)
        cluster.start_chat(second)
        walk.repeat(second, *status)
        cluster.has_all_at(second)


def test_a_machine_is_replaced_as_it_is_written(machines: list[Machine]) -> None:
    first, second, third, fourth = machines
    with ExitStack() as stack:
        cluster = Cluster(stack, [first, second, third])
        cluster.say(third)
        cluster.nats[3].interrupt(signal.SIGKILL)
        cluster.chat[3].interrupt(signal.SIGKILL)
        shutil.rmtree(third.directory)
        cluster.say(first)
        walk = Walk(stack, "Replacing a machine")
        config, shown = walk.next("chat cluster config")
        copy_credentials(first, fourth)
        walk.do(fourth, config, shown)
        walk.next("nats-server -c")
        cluster.start_nats(fourth)
        reload, _ = walk.next("nats-server --signal reload")
        for machine in (first, second):
            walk.do(machine, config, shown)
            walk.do(machine, f"{reload}={cluster.nats[machine.number].pid}", [])
            read_until(cluster.nats[machine.number], "Reloaded server configuration")
        cluster.say(second)
        walk.do(first, *walk.next("chat cluster remove"))
        for machine in (first, second, fourth):
            cluster.configure(machine, ("ada-3", "ada-4"))
        status = walk.next("chat cluster status")
        walk.repeat(first, *status)
        assert walk.is_over()
        cluster.start_chat(fourth)
        for machine in (first, second):
            cluster.chat[machine.number].interrupt(signal.SIGTERM)
            cluster.start_chat(machine)
            walk.repeat(fourth, *status)
        cluster.say(first)
        cluster.has_all_at(fourth)


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)\s]+)\)", TEXT))))
def test_every_link_leads_somewhere(target: str) -> None:
    if "://" in target:
        return
    path, _, anchor = target.partition("#")
    document = PAGE.parent / path if path else PAGE
    assert document.is_file()
    assert not anchor or anchor in anchors(document)
