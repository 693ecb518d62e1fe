"""Fixtures for tests of the commands."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from chatcore.journal import Draft
from tests.cli.conftest import Inside
from tests.journal.sqlite.files import open_journal

__all__ = ["Texts", "journal", "texts"]

Texts = Callable[..., list[str]]
"""Runs ``chat history`` with some arguments, and returns the texts that it prints."""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """A journal with three messages in two rooms, closed cleanly."""
    path = tmp_path / "journal.db"
    with open_journal(path) as harness:
        harness.submit(
            Draft("lobby", "1", "ana", "one"),
            Draft("lobby", "2", "ana", "two"),
            Draft("other", "3", "ana", "three"),
        )
    return path


@pytest.fixture
def texts(inside: Inside) -> Texts:
    """What a journal holds, as ``chat history`` prints it."""

    def run(*args: str) -> list[str]:
        done = inside("history", *args)
        assert done.returncode == 0, done.stderr
        return [json.loads(line)["text"] for line in done.stdout.splitlines()]

    return run
