"""Fixtures for tests of the command line."""

import gc
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Protocol

import pytest

from cli.app import app
from cli.console import ConsoleHandler
from tests.cli.processes import DEADLINE

__all__ = ["Inside"]


class Inside(Protocol):
    """Runs a command to its end as `tests.cli.processes.chat` does, but in this process and without input."""

    def __call__(self, *args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        """Run it. ``variables`` are in the environment for this run only."""


@pytest.fixture
def _no_thread_is_left() -> Iterator[None]:
    """Let no command leave a thread, which would connect to the servers of later tests."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        thread.join(DEADLINE)
        assert not thread.is_alive(), f"{thread} is left"


@pytest.fixture
def _process_is_put_back() -> Iterator[None]:
    """Undo what a server does to its process: later tests and what they start would inherit it."""
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in map(signal.Signals.__getitem__, names)}
    hooks = threading.excepthook, sys.unraisablehook
    root, threshold = logging.getLogger(), gc.get_threshold()
    level = root.level
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
    threading.excepthook, sys.unraisablehook = hooks
    gc.set_threshold(*threshold)
    logging.captureWarnings(False)
    root.setLevel(level)
    for each in root.handlers[:]:
        if isinstance(each, ConsoleHandler):
            root.removeHandler(each)


@pytest.fixture
def inside(
    _no_thread_is_left: None,
    _process_is_put_back: None,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Inside:
    """Runs a command in the test's own process, which is faster where no process of its own is needed."""

    def run(*args: str, **variables: str) -> "subprocess.CompletedProcess[str]":
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if name.startswith("CHAT_")]:
                patch.delenv(name)
            for name, value in variables.items():
                patch.setenv(name, value)
            if "TZ" in variables:
                time.tzset()
            capfd.readouterr()
            code = app(list(args), prog_name="chat", standalone_mode=False)
        if "TZ" in variables:
            time.tzset()
        return subprocess.CompletedProcess(args, code or 0, *capfd.readouterr())

    return run
