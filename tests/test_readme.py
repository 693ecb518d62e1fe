"""Everything that README.md shows is done, in its order, against a server that it starts.

A block marked ``console`` is a terminal. A line that begins with ``$ `` is a command, and what follows is its
output, in which ``...`` stands for anything, and alone on a line for any number of lines. A command that
serves runs until the next one that does. Below ``nc``, lines that the plain wire cannot have written are
typed. A block marked ``python`` is a program, and a ``text`` block after it is what that prints. A block
marked ``sh`` would change this machine: its verbs are run by a test of their own, its installations not.

The README's ports, its data directory, its hosts, its certificate and the default addresses become those of
the test.
"""

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import pytest

from chatcore.transport import Listen
from cli.page_address import page_address
from cli.settings.addresses import DEFAULT_URLS
from tests.ports import fixed_port
from tests.transports.tls import new_certificate

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
TIMEOUT = 30.0
MOST_BYTES = 100_000  # of a picture

SERVES = re.compile(r"chat server|make run")
NOT_TYPED = re.compile(r"\* |[A-Za-z0-9._-]+: ")


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is marked with, and what is in it."""

    mark: str
    text: str


def blocks_of(document: str) -> list[Block]:
    """Return the fenced blocks of a document."""
    found = re.findall(r"^```(\w*)\n(.*?)^```$", document, re.DOTALL | re.MULTILINE)
    return [Block(mark, text) for mark, text in found]


BLOCKS = blocks_of(README)


class Program:
    """A command that runs, and the lines that it prints."""

    def __init__(self, command: str, stage: "Stage") -> None:
        self._process = subprocess.Popen(
            ["bash", "-c", command],
            cwd=stage.directory,
            env=stage.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
            start_new_session=True,
        )
        assert self._process.stdin
        assert self._process.stdout
        self._input = self._process.stdin
        self._output = self._process.stdout
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, args=(self._output,), daemon=True)
        self._reader.start()

    def _read(self, output: IO[str]) -> None:
        for line in output:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def line(self) -> str | None:
        """Return the next line, or ``None`` at the end."""
        return self._lines.get(timeout=TIMEOUT)

    def type(self, line: str) -> None:
        self._input.write(f"{line}\n")

    def end_input(self) -> None:
        self._input.close()

    def rest(self) -> list[str]:
        """Wait for the end; return the lines up to it."""
        return list(iter(self.line, None))

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    def interrupt(self, number: signal.Signals = signal.SIGINT) -> int:
        """Press Ctrl-C, or send another signal, if it runs; return the exit code."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, number)
        return self.wait()

    def wait(self) -> int:
        """Return the exit code of a program that ends."""
        code = self._process.wait(TIMEOUT)
        self._reader.join(TIMEOUT)
        self._input.close()
        self._output.close()
        return code


@dataclass
class Stage:
    """Where the README is played: its own ports, data and directory."""

    directory: Path
    ports: dict[str, str] = field(
        default_factory=lambda: {port: str(fixed_port()) for port in ("7024", "7025", "8024")}
    )

    def __post_init__(self) -> None:
        # Nor what a make that runs these tests was given: it would reach the make that is run here.
        foreign = ("CHAT_", "MAKE", "MFLAGS", "ARGS")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self.environment = kept | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "VENV": sys.prefix,
            "XDG_DATA_HOME": str(self.directory / "data"),
            "CHAT_SERVER_LISTEN": self.adapted(" ".join(DEFAULT_URLS)),
            "CHAT_URL": self.adapted(DEFAULT_URLS[0]),
            "PYTHONUNBUFFERED": "1",
        }

    def adapted(self, text: str) -> str:
        """Return a part of the README with what is the test's own."""
        text = re.sub(r"\b(?:702[45]|8024)\b", lambda port: self.ports[port[0]], text)
        text = re.sub(r"http://192\.168\.1\.20:(\d+)", lambda url: opened_at(int(url[1])), text)
        text = text.replace("chat.example.org", "127.0.0.1")
        return text.replace("/home/ada/.local/share", str(self.directory / "data"))

    def command(self, text: str) -> str:
        """Return a command of the README as it is run here."""
        text = self.adapted(text)
        # The environment is the one that runs this test; it is not to be made again.
        return text.replace("make ", f"make --no-print-directory -C {ROOT} -o {sys.prefix}/.stamp ", 1)


def opened_at(port: int) -> str:
    """Return what a server says to open that listens at all addresses of this machine."""
    return page_address(Listen("http", "0.0.0.0", port)) or "it"


def make_certificate(directory: Path) -> None:
    """Make the certificate that the README takes for the internet, and its key."""
    both = new_certificate(directory)
    shutil.copy(both, directory / "fullchain.pem")
    shutil.copy(both, directory / "privkey.pem")


def matches(shown: str, line: str | None) -> bool:
    pattern = ".*".join(re.escape(part) for part in shown.split("..."))
    return line is not None and re.fullmatch(pattern, line) is not None


def agree(shown: list[str], printed: list[str]) -> bool:
    """Whether a program has printed what is shown; a line of three dots is any number of lines."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(agree(shown[1:], printed[number:]) for number in range(len(printed) + 1))
    return bool(printed) and matches(shown[0], printed[0]) and agree(shown[1:], printed[1:])


def commands(block: Block) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of a console block, each with the lines below it."""
    for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
        command, *lines = part.splitlines()
        yield command, lines


class Player:
    """Does what the README shows, block by block."""

    def __init__(self, stage: Stage, stack: ExitStack) -> None:
        self._stage = stage
        self._stack = stack
        self._serving: Program | None = None

    def console(self, command: str, lines: list[str]) -> None:
        shown = [self._stage.adapted(line) for line in lines]
        if SERVES.match(command):
            self.serve(command, shown)
        elif command.startswith("nc "):
            self.talk(command, shown)
        else:
            program = self.start(command)
            program.end_input()
            printed = program.rest()
            assert program.wait() == 0, printed
            assert agree(shown, printed), printed

    def serve(self, command: str, shown: list[str]) -> None:
        self.stop_serving()
        self._serving = self.start(command)
        for line in shown:
            assert matches(line, printed := self._serving.line()), printed

    def stop_serving(self) -> None:
        if self._serving is not None:
            assert self._serving.interrupt() == 0
            self._serving = None

    def talk(self, command: str, shown: list[str]) -> None:
        if shutil.which("nc") is None and not os.environ.get("CI"):
            pytest.skip("nc is not installed")
        program = self.start(command)
        for line in shown:
            if NOT_TYPED.match(line):
                assert matches(line, printed := program.line()), printed
            else:
                program.type(line)
        program.interrupt()

    def python(self, source: str, output: str | None) -> None:
        path = self._stage.directory / "example.py"
        path.write_text(self._stage.adapted(source), "utf-8")
        program = self.start("python example.py")
        program.end_input()
        printed = program.rest()
        assert program.wait() == 0, printed
        assert output is None or printed == output.splitlines()

    def start(self, command: str) -> Program:
        program = Program(self._stage.command(command), self._stage)
        self._stack.callback(program.interrupt)
        return program


def test_what_the_readme_shows_is_so(tmp_path: Path) -> None:
    make_certificate(tmp_path)
    with ExitStack() as stack:
        player = Player(Stage(tmp_path), stack)
        for number, block in enumerate(BLOCKS):
            if block.mark == "console":
                for command, lines in commands(block):
                    player.console(command, lines)
            elif block.mark == "python":
                below = BLOCKS[number + 1] if number + 1 < len(BLOCKS) else block
                player.python(block.text, below.text if below.mark == "text" else None)


def test_every_block_says_what_it_is() -> None:
    assert {block.mark for block in BLOCKS} == {"console", "python", "text", "sh"}


INSTALLATION = {
    "python3 -m venv ~/chatcore",
    ". ~/chatcore/bin/activate",
    "pip install .",
    "uv tool install .",
    "pipx install .",
}


def not_played() -> list[str]:
    """Return the commands of the blocks that would change this machine, without their comments."""
    lines = [line for block in BLOCKS if block.mark == "sh" for line in block.text.splitlines()]
    return [line.partition("#")[0].strip() for line in lines]


def test_what_is_not_played_installs_this_checkout_or_is_a_verb() -> None:
    verbs = {line for line in not_played() if line.startswith("make ")}
    assert verbs == {"make run", "make client", "make test"}
    assert set(not_played()) - verbs == INSTALLATION


def test_make_run_says_how_to_start_a_client_and_make_client_talks(tmp_path: Path) -> None:
    with ExitStack() as stack:
        player = Player(Stage(tmp_path), stack)
        server = player.start("make run")
        awaited = {"make client", "listening on"}
        while awaited:
            printed = server.line()
            assert printed is not None, awaited
            awaited -= {words for words in awaited if words in printed}
        client = player.start("make client ARGS='--nick ada'")
        client.type("hello")
        client.end_input()
        assert client.wait() == 0
        player.console("chat tail lobby 2>/dev/null", ["ada: hello"])
        assert server.interrupt() in {0, 2, -signal.SIGINT}  # make may say that it was interrupted too


def test_the_examples_are_typed(tmp_path: Path) -> None:
    examples = [block.text for block in BLOCKS if block.mark == "python"]
    paths = [tmp_path / f"example_{number}.py" for number in range(len(examples))]
    for path, source in zip(paths, examples, strict=True):
        path.write_text(source, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", *map(str, paths)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300.0,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "")


def anchors(document: Path) -> set[str]:
    titles = re.findall(r"^#+ (.*)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}


def test_the_pictures_of_the_page_are_shown_and_small() -> None:
    shown = re.findall(r'\b(?:src|srcset)="([^"]+)"', README)
    pictures = {f"docs/{path.name}": path.read_bytes() for path in (ROOT / "docs").glob("page-*.png")}
    assert sorted(shown) == sorted(pictures)
    assert len(shown) == 3
    for picture in pictures.values():
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < MOST_BYTES
    images = re.findall(r"<img [^>]+>", README)
    assert len(images) == len(re.findall(r'<img [^>]*\balt="[^"]+"[^>]*>', README)) == 2


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)\s]+)\)", README))
def test_every_link_leads_somewhere(target: str) -> None:
    path, _, anchor = target.partition("#")
    assert "://" not in target
    assert (ROOT / path).is_file()
    assert not anchor or anchor in anchors(ROOT / path)
