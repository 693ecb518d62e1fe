"""What tests of the command line have in common."""

import os
import subprocess
from typing import Protocol

import pytest

from cli.app import app

__all__ = ["Inside"]


class Inside(Protocol):
    """Runs a command to its end, as `tests.cli.processes.chat` does, but without a process or an input."""

    def __call__(self, *args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run it; the variables of the environment are for this run only."""


@pytest.fixture
def inside(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Inside:
    """What runs a command inside the test's own process: most of what they do needs none of theirs."""

    def run(*args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("CHAT_")]:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            capfd.readouterr()
            code = app(list(args), prog_name="chat", standalone_mode=False)
        return subprocess.CompletedProcess(args, code or 0, *capfd.readouterr())

    return run
