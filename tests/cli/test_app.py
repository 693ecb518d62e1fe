"""The command ``chat`` itself: its other name, and what it says of usage errors."""

import subprocess
import sys

import pytest

from tests.cli.conftest import Inside
from tests.cli.processes import chat, environment


@pytest.mark.parametrize("argument", ["--version", "--help"])
def test_python_m_chatcore_is_chat(argument: str) -> None:
    by_module = subprocess.run(
        [sys.executable, "-m", "chatcore", argument],
        env=environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    by_name = chat(argument)
    assert (by_module.stdout, by_module.stderr) == (by_name.stdout, by_name.stderr)
    assert by_name.stdout.startswith(("chat ", "Usage: chat "))


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("send", "missing argument 'ROOM'; see `chat send --help`"),
        ("account add", "missing argument 'NAME'; see `chat account add --help`"),
        ("tial", "no such command 'tial'; did you mean 'tail'?"),
        ("bogus", "no such command 'bogus'; see `chat --help`"),
        ("account rol", "no such command 'rol'; did you mean 'role'?"),
        ("tail --follo", "no such option: --follo; did you mean --follow?"),
        ("tail ops --quiet", "no such option: --quiet; see `chat tail --help`"),
        ("send ops hi --to", "option '--to' requires an argument; see `chat send --help`"),
        (
            "send ops hi --timeout soon",
            "invalid value for '--timeout': must be a valid number; see `chat send --help`",
        ),
        (
            "bench --members 0",
            "invalid value for '--members': must be greater than or equal to 1; see `chat bench --help`",
        ),
        ("join chats://chat.example.org#a-secret", "too many arguments; see `chat join --help`"),
        ("--bogus", "no such option: --bogus; see `chat --help`"),
    ],
)
def test_a_usage_error_is_one_line_with_a_hint(inside: Inside, words: str, line: str) -> None:
    done = inside(*words.split())
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"chat: {line}\n")


@pytest.mark.parametrize("group", [[], ["account"], ["room"], ["cluster"]])
def test_a_group_without_a_command_shows_its_page_on_standard_error(inside: Inside, group: list[str]) -> None:
    page = inside(*group, "--help")
    done = inside(*group)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", page.stdout)
