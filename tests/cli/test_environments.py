"""Commands in broken environments: a line at most, an exit code that says what is wrong, no traceback."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.processes import CHAT, chat_server, environment
from tests.rows import commands_for

DEADLINE = 60.0

COMMANDS = {
    "--version": (0, ["--version"]),
    "server --limit help": (0, ["server", "--limit", "help"]),
    "client": (0, ["client", "URL"]),
    "client --json": (0, ["client", "URL", "--json"]),
    "send": (0, ["send", "lobby", "hello", "--url", "URL"]),
    "tail": (0, ["tail", "lobby", "--url", "URL"]),
    "rooms": (0, ["rooms", "--url", "URL"]),
    "status": (0, ["status", "URL"]),
    "search": (0, ["search", "hello", "--url", "URL"]),
    "bench": (0, ["bench", "URL", "--members", "1", "--posters", "1", "--duration", "0.01"]),
    "config": (0, ["config"]),
    "transports": (0, ["transports"]),
    "journals": (0, ["journals"]),
    "schema": (0, ["schema"]),
    "history": (2, ["history"]),
    "room remove": (2, ["room", "remove", "x", "--yes"]),
    "doctor": (0, ["doctor"]),
}
"""The commands, each with its exit code where nothing is wrong but that there is no journal yet."""

NOTHING_TO_PRINT = {"client"}
NEEDS_A_HOME = {"doctor": 1}


def rows(broken: str) -> tuple[str, ...]:
    """Return the commands that differ where something is broken."""
    return commands_for(broken, COMMANDS)


class Environment(NamedTuple):
    """What is wrong: variables, redirections of the shell, and what it runs before.

    ``commands`` are those that it can matter to, and ``codes`` the exit codes that are other than usual.
    """

    variables: Mapping[str, str] = {}
    redirect: str = ""
    before: str = ""
    codes: Mapping[str, int] = {}
    every_code: int | None = None
    commands: tuple[str, ...] = tuple(COMMANDS)
    program: str | None = None


def config(text: str, *commands: str) -> Environment:
    return Environment({"CHAT_CONFIG": f"HERE/{text}"}, every_code=2, commands=("config", *commands))


NO_USER = (
    "import pwd, sys\n"
    "def nobody(*_): raise KeyError('no such user')\n"
    "pwd.getpwuid = nobody\n"
    "sys.argv[0] = 'chat'\n"
    "from cli.app import main; main()"
)

MEMBERS = {"bench": 2}  # too many of them are asked for

FULL = {name: 1 for name, (code, _) in COMMANDS.items() if code == 0 and name not in NOTHING_TO_PRINT}

ENVIRONMENTS = {
    "no home and no user": Environment(
        {"HOME": "", "XDG": "none"}, codes=NEEDS_A_HOME, commands=rows("home"), program=NO_USER
    ),
    "a home that is a file": Environment({"HOME": "HERE/file"}, commands=("client", "config", "history")),
    "a home that does not exist": Environment(
        {"HOME": "/nonexistent/home"}, commands=("client", "config", "doctor")
    ),
    "settings that are a directory": config("."),
    "settings that do not exist": config("missing", "send"),
    "settings under a file": config("file/x"),
    "settings without end": Environment({"CHAT_CONFIG": "/dev/zero"}, every_code=2, commands=("config",)),
    "settings of nobody": Environment({"CHAT_CONFIG": "~no.such.user/x"}, every_code=2, commands=("config",)),
    "deep settings": config("deep.toml"),
    "deep keys": config("keys.toml"),
    "a number of many digits": config("digits.toml"),
    "a number that is none": config("nan.toml"),
    "settings in Latin-1": config("latin.toml"),
    "no input": Environment(redirect="<&-", commands=("client", "client --json", "tail", "room remove")),
    "no output": Environment(redirect=">&-", commands=rows("everything")),
    "no errors": Environment(redirect="2>&-", commands=("client", "tail", "history")),
    "no streams at all": Environment(redirect="<&- >&- 2>&-", commands=rows("everything")),
    "input that cannot be read": Environment(
        redirect="0>/dev/null", codes={"client": 1, "client --json": 1}, commands=("client", "client --json")
    ),
    "a full output": Environment(redirect=">/dev/full", codes=FULL, commands=rows("output")),
    "full errors": Environment(redirect="2>/dev/full", commands=("client", "tail", "history")),
    "both full": Environment(redirect=">/dev/full 2>/dev/full", codes=FULL, commands=rows("everything")),
    "an output that cannot be written": Environment(
        redirect="1</dev/null", codes=FULL, commands=("config", "tail")
    ),
    "an output without a reader": Environment(
        redirect="| true; exit ${PIPESTATUS[0]}", commands=rows("reader")
    ),
    "a directory that is gone": Environment(
        before="mkdir gone$$ && cd gone$$ && rmdir ../gone$$;", commands=("client", "config", "tail")
    ),
    "few files": Environment(
        before="ulimit -n 6;",
        codes={
            **dict.fromkeys(("client", "client --json", "tail", "rooms", "status", "search", "doctor"), 1),
            "bench": 2,
        },
    ),
    "a strange terminal": Environment(
        {"TERM": "nope", "COLUMNS": "x", "LINES": "-1"}, commands=("client", "--version", "config")
    ),
}


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """A server whose lobby has a message, for `tail` to print."""
    with chat_server("--limit", "frames_per_second=none") as server:
        subprocess.run([CHAT, "send", "lobby", "hello", "--url", server.url], check=True, timeout=DEADLINE)
        yield server.url


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A directory with files that are no settings."""
    (tmp_path / "file").touch()
    (tmp_path / "home").mkdir()
    (tmp_path / "deep.toml").write_text(f"x = {'[' * 30_000}")
    (tmp_path / "keys.toml").write_text(f"[server]\nlisten.{'a.' * 400}b = 1")
    (tmp_path / "digits.toml").write_text(f"[client]\nhistory = {'9' * 5_000}")
    (tmp_path / "nan.toml").write_text("[send]\ntimeout = nan")
    (tmp_path / "latin.toml").write_bytes(b"nick = '\xe9'")
    return tmp_path


def run(argv: list[str], broken: Environment, here: Path) -> "subprocess.CompletedProcess[bytes]":
    program = [CHAT] if broken.program is None else [sys.executable, "-c", broken.program]
    variables = {name: value.replace("HERE", str(here)) for name, value in broken.variables.items()}
    env = {name: value for name, value in environment().items() if not name.startswith("XDG_")}
    env = env | {"HOME": str(here / "home")} | variables
    if broken.program is not None:
        del env["HOME"]
    execute = '"$@"' if "|" in broken.redirect else 'exec "$@"'
    script = f"{broken.before} {execute} {broken.redirect}"
    return subprocess.run(
        ["bash", "-c", script, "chat", *program, *argv],
        cwd=here,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=DEADLINE,
        check=False,
    )


@pytest.mark.skipif(os.name != "posix", reason="it uses the shell's redirections")
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_every_command_ends_with_its_exit_code_and_without_a_traceback(
    name: str, url: str, here: Path
) -> None:
    broken = ENVIRONMENTS[name]
    argvs = {
        each: [url if word == "URL" else word for word in argv]
        for each, (_, argv) in COMMANDS.items()
        if each in broken.commands
    }
    with ThreadPoolExecutor(2) as pool:
        results = dict(
            zip(argvs, pool.map(lambda argv: run(argv, broken, here), argvs.values()), strict=True)
        )
    for command, done in results.items():
        errors = done.stderr.decode(errors="replace")
        assert "Traceback" not in errors, (command, errors)
        assert "Exception ignored" not in errors, (command, errors)
        expected = broken.codes.get(command, COMMANDS[command][0])
        if broken.every_code is not None and command != "--version":
            expected = broken.every_code
        assert done.returncode == expected, (command, done.returncode, errors)
        if expected in (1, 2) and "2>" not in broken.redirect and command != "doctor":
            lines = [line for line in errors.splitlines() if not line.startswith("position ")]
            assert [line[:6] for line in lines] == ["chat: "], (command, errors)
