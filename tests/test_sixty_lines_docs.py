"""What docs/from-sixty-lines.md shows is run: the script, how it breaks, and our server in its place."""

import re
import signal
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.test_readme import TIMEOUT, Block, Player, Program, Stage, blocks_of, commands, matches

DOCUMENT = (Path(__file__).parent.parent / "docs" / "from-sixty-lines.md").read_text("utf-8")
BLOCKS = blocks_of(DOCUMENT)
SCRIPT, OURS = "python server.py", "chat server --listen plain://127.0.0.1:7024"


def file_name(block: Block) -> str:
    found = re.match(r"# (\w+\.py)\n", block.text)
    assert found, f"a program without a name: {block.text[:40]!r}"
    return found[1]


PROGRAMS = {file_name(block): block.text for block in BLOCKS if block.mark == "python"}
CONSOLE = [each for block in BLOCKS if block.mark == "console" for each in commands(block)]
SERVERS = [number for number, (command, _) in enumerate(CONSOLE) if command.startswith((SCRIPT, OURS))]
ON_THE_SCRIPT = CONSOLE[SERVERS[0] + 1 : SERVERS[1]]
ON_OURS = CONSOLE[SERVERS[1] + 1 :]


class Lesson(Player):
    """A player whose directory holds the programs of the page."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        super().__init__(stage, stack)
        for name, source in PROGRAMS.items():
            (stage.directory / name).write_text(stage.adapted(source), "utf-8")

    @property
    def port(self) -> int:
        """Where both servers listen."""
        return int(self._stage.ports["7024"])

    def begin(self, number: int) -> Program:
        """Start one of the two servers that the page shows."""
        command, shown = CONSOLE[SERVERS[number]]
        server = self.start(command)
        for line in shown:
            assert matches(self._stage.adapted(line), printed := server.line()), printed
        return server


@pytest.fixture
def lesson(tmp_path: Path) -> Iterator[Lesson]:
    with ExitStack() as stack:
        yield Lesson(Stage(tmp_path), stack)


@pytest.mark.parametrize(("command", "shown"), ON_THE_SCRIPT, ids=[each[0] for each in ON_THE_SCRIPT])
def test_the_script_breaks_as_shown(lesson: Lesson, command: str, shown: list[str]) -> None:
    lesson.begin(0)
    lesson.console(command, shown)


def test_a_reset_kills_the_thread_of_an_innocent_sender(lesson: Lesson) -> None:
    server = lesson.begin(0)
    lesson.console("python dead.py", ["...", "bob hears nothing"])
    assert server.interrupt() == -signal.SIGINT
    printed = server.rest()
    assert any("client.send" in line for line in printed), printed


def test_our_server_passes_the_same_experiments(lesson: Lesson) -> None:
    lesson.begin(1)
    for command, shown in ON_OURS:
        lesson.console(command, shown)


@pytest.mark.parametrize("number", [0, 1], ids=["script", "ours"])
def test_the_scripts_clients_talk_on_either_server(lesson: Lesson, number: int) -> None:
    lesson.begin(number)
    address = ("127.0.0.1", lesson.port)
    with socket.create_connection(address, TIMEOUT) as carol, socket.create_connection(address) as dave:
        dave.sendall(b"are you there?")
        assert carol.recv(4096).rstrip().endswith(b": are you there?")
        ada = lesson.start("python client.py")
        ada.type("I am")
        assert carol.recv(4096).rstrip().endswith(b": I am")
        bob = lesson.start("python client.py")
        bob.type("hello")
        heard = ada.line()
        assert matches("...: hello", heard), heard
        ada.type("hello yourself")
        heard = bob.line()
        assert matches("...: hello yourself", heard), heard


def test_the_script_has_about_sixty_lines() -> None:
    lines = [line for name in ("server.py", "client.py") for line in PROGRAMS[name].splitlines()]
    assert 50 <= len(lines) <= 65


def test_every_experiment_on_the_page_is_run() -> None:
    run = {command.removeprefix("python ") for command, _ in CONSOLE if command.startswith("python ")}
    assert set(PROGRAMS) - run == {"client.py", "people.py"}
    assert {block.mark for block in BLOCKS} == {"python", "console"}
