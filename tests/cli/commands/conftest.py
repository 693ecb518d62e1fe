"""Fixtures for tests of the commands."""

import signal
from pathlib import Path

import pytest

from tests.cli.processes import chat_server
from transports.threaded_tcp import connect

__all__ = ["journal"]


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with three messages in two rooms, closed cleanly."""
    path = tmp_path / "journal.db"
    with chat_server("--journal", f"sqlite:{path}") as server:
        with connect(server.url, nick="ana", rooms=["lobby", "other"]) as ana:
            ana.post("one")
            ana.post("two")
            ana.post("three", room="other")
        server.signal(signal.SIGTERM)
        assert server.wait()[0] == 0
    return path
