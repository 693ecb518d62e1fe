"""docs/cluster.md is done as it is written, on three machines that are addresses of loopback."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from tests.jetstream.servers import nats_server_program
from tests.test_readme import Program, Stage, agree, anchors, blocks_of, commands

PAGE = Path(__file__).parent.parent.parent / "docs" / "cluster.md"
TEXT = PAGE.read_text("utf-8")
WALK = TEXT.partition("## Three machines, step by step")[2].partition("\n## ")[0]
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
        text = re.sub(r"\bada-([123])\b", rf"{NET}.\1", text)
        text = text.replace("0.0.0.0", f"{NET}.{self.number}")
        return text.replace("/etc/chat", str(self.directory))

    def command(self, text: str) -> str:
        """Return a command of the page as it is run here."""
        text = text.replace("--only ada-1", f"--only ada-{self.number} --store {self.directory}/store")
        return self.adapted(text)


class Walk:
    """The commands of the page, in their order, each done on any of the machines."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._commands = self._all()

    def _all(self) -> Iterator[tuple[str, list[str]]]:
        for block in blocks_of(WALK):
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
        while until not in (line := program.line() or ""):
            assert line, command
        return program

    def do(self, machine: Machine, command: str, shown: list[str]) -> None:
        """Run something to its end, which prints what is shown."""
        program = Program(machine.command(command), machine)
        program.end_input()
        printed = program.rest()
        assert program.wait() == 0, printed
        assert agree([machine.adapted(line) for line in shown], printed), printed

    def is_over(self) -> bool:
        """Tell whether all was done."""
        return next(self._commands, None) is None


@pytest.fixture
def machines(tmp_path: Path) -> list[Machine]:
    """The three machines, with a certificate each."""
    authority = trustme.CA()
    found = []
    for number in (1, 2, 3):
        folder = tmp_path / f"ada-{number}"
        folder.mkdir()
        certificate = authority.issue_cert(f"{NET}.{number}")
        certificate.private_key_and_cert_chain_pem.write_to_path(folder / "cert.pem")
        (folder / "cert.pem").chmod(0o600)
        authority.cert_pem.write_to_path(folder / "ca.pem")
        found.append(Machine(folder, {}, number))
    return found


def test_three_machines_are_set_up_as_it_is_written(machines: list[Machine]) -> None:
    first, *others = machines
    [settings] = [block.text for block in blocks_of(WALK) if block.mark == "toml"]
    with ExitStack() as stack:
        walk = Walk(stack)
        command, shown = walk.next("chat cluster config")
        walk.do(first, command, shown)
        for machine in others:
            shutil.copy(first.directory / "nats.creds", machine.directory)
            walk.do(machine, command, shown)
        command, _ = walk.next("nats-server")
        for machine in machines:
            walk.start(machine, command, "Server is ready")
        command, shown = walk.next("chat server")
        for machine in machines:
            (machine.directory / "chatcore").mkdir()
            (machine.directory / "chatcore" / "chat.toml").write_text(machine.adapted(settings))
            server = walk.start(machine, command, machine.adapted(shown[0]))
            while "messages are kept in" not in (line := server.line() or ""):
                assert line
            assert line.endswith("(replicated)")
        command, shown = walk.next("chat cluster status")
        for machine in machines:
            walk.do(machine, command, shown)
        command, shown = walk.next("echo")
        walk.do(first, command, ["...", *shown])
        walk.do(others[1], *walk.next("chat tail"))
        assert walk.is_over()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)\s]+)\)", TEXT))))
def test_every_link_leads_somewhere(target: str) -> None:
    if "://" in target:
        return
    path, _, anchor = target.partition("#")
    document = PAGE.parent / path if path else PAGE
    assert document.is_file()
    assert not anchor or anchor in anchors(document)
