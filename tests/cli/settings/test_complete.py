"""What a shell offers to complete."""

import importlib.metadata
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chatcore import DEFAULT_URL
from chatcore.transport import GROUP
from cli.settings.complete import complete_transport
from tests.cli.processes import CHAT, environment

WORDS = {
    "chat se": ["server", "send", "search"],
    "chat server --transport t": ["threaded"],
    "chat tail --fo": ["--follow"],
    "chat send --kind n": ["notice"],
    "chat tail ": ["ops", "dev", "lobby"],
    "chat send --url ": ["chat://chat.example:7024", DEFAULT_URL],
    "chat client ": ["chat://chat.example:7024", DEFAULT_URL],
}


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    """A file with a server and rooms."""
    path = tmp_path / "chat.toml"
    path.write_text('url = "chat://chat.example:7024"\nroom = ["ops", "dev"]\n')
    return path


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_bash_completes_commands_options_and_settings(settings: Path) -> None:
    script = (
        'source <(_CHAT_COMPLETE=source_bash chat)\ncomplete -p chat | grep -q " -F _chat_completion chat"\n'
    )
    for line in WORDS:
        words = line.split(" ")
        script += f"COMP_WORDS=({' '.join(repr(word) for word in words)}); COMP_CWORD={len(words) - 1}\n"
        script += "_chat_completion chat; IFS='|'; echo \"${COMPREPLY[*]}\"; unset IFS\n"
    path = f"{Path(CHAT).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script],
        env=environment(CHAT_CONFIG=str(settings), PATH=path),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert dict(zip(WORDS, (line.split("|") for line in done.stdout.splitlines()), strict=True)) == WORDS


@pytest.mark.parametrize(
    ("shell", "more", "offered"),
    [
        ("zsh", {}, '"lobby"'),
        ("fish", {"_TYPER_COMPLETE_FISH_ACTION": "get-args"}, "lobby"),
    ],
)
def test_other_shells_get_candidates_in_their_own_form(
    shell: str, more: dict[str, str], offered: str
) -> None:
    asked = {"_CHAT_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": "chat tail l"}
    done = subprocess.run(
        [CHAT], env=environment(**asked, **more), capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert offered in done.stdout
    assert "ops" not in done.stdout


def test_the_candidates_are_the_installed_transports() -> None:
    assert complete_transport("") == sorted(importlib.metadata.entry_points(group=GROUP).names)
    assert complete_transport("thr") == ["threaded"]
