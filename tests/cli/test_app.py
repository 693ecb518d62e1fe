"""The command ``chat`` itself: its help, and its other name."""

import re
import subprocess
import sys

import pytest

from cli.app import app
from tests.cli.conftest import Inside
from tests.cli.processes import chat, environment

SUMMARY = 60
"""Characters of the longest summary in ``chat --help``."""

COMMANDS = sorted(
    command.callback.__name__ for command in app.registered_commands if command.callback is not None
)

GROUPS = {
    f"{group.name}": [f"{command.name}" for command in group.typer_instance.registered_commands]
    for group in app.registered_groups
    if group.typer_instance is not None
}
"""The commands of each group, such as ``remove`` of ``chat room``."""


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
    "command", [*COMMANDS, *(f"{group} {name}" for group, names in GROUPS.items() for name in names)]
)
def test_every_command_has_a_short_summary_and_an_example(inside: Inside, command: str) -> None:
    usage, _, text = inside(*command.split(), "--help", COLUMNS="80").stdout.partition("\n\n")
    assert usage.startswith(f"Usage: chat {command}")
    assert len(text.split("\n\n")[0].strip()) <= SUMMARY
    assert re.search(rf"^  Example: .*chat {command}", text, re.MULTILINE)


def test_every_summary_is_shown_as_a_whole(inside: Inside) -> None:
    overview = inside("--help", COLUMNS="80").stdout.partition("Commands:")[2]
    assert sorted(re.findall(r"^  (\w+)  +\S.*\.$", overview, re.MULTILINE)) == sorted([*COMMANDS, *GROUPS])
    assert "..." not in overview
