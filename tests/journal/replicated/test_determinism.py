"""The state is a function of the log: the same under any clock, hash, grouping, restart and version."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from hashlib import blake2b
from pathlib import Path

import pytest

from tests.interpreters import OTHERS, interpreter
from tests.journal.replicated.node import dump

ROOT = Path(__file__).parents[3]

SEED = 11
COUNT = 400

GOLDEN = "e4e09f1d924fb1374f29cda8513e5ad5"
"""What the recorded log comes to. Whoever has to change this has changed what entries mean: see `machine`."""


def apply(
    directory: Path,
    *,
    python: str = sys.executable,
    clock: float = 0.0,
    group: int = 7,
    restarts: int = 0,
    **environment: str,
) -> tuple[Path, str]:
    """Apply the recorded log in a process of its own; return the state, and what that ran on."""
    directory.mkdir()
    arguments = [str(directory), str(SEED), str(COUNT), str(clock), str(group), str(restarts)]
    done = subprocess.run(
        [python, "-m", "tests.journal.replicated.applying", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return directory / "state.db", done.stdout.split(")")[1].strip()


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The state under the circumstances of now."""
    return apply(tmp_path_factory.mktemp("usual") / "state", PYTHONHASHSEED="1")


def test_the_recorded_log_has_everything_in_it(usual: tuple[Path, str]) -> None:
    path, _ = usual
    with contextlib.closing(sqlite3.connect(path)) as db:
        counts = {
            table: db.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            for table in ("messages", "expired_ids", "producers", "digests", "rooms")
        }
        authors, removed = db.execute(
            "SELECT (SELECT count(author) FROM messages), (SELECT sum(removed) FROM rooms)"
        ).fetchone()
    assert counts["digests"] == COUNT
    assert counts["producers"] == 3
    assert min(*counts.values(), authors) > 2
    assert removed is not None


def test_what_entries_mean_has_not_changed(usual: tuple[Path, str]) -> None:
    path, _ = usual
    assert blake2b(repr(dump(path)).encode(), digest_size=16).hexdigest() == GOLDEN


def test_clock_hash_locale_and_time_zone_change_no_byte(usual: tuple[Path, str], tmp_path: Path) -> None:
    other, _ = apply(
        tmp_path / "other",
        clock=-86_400 * 365.0,
        PYTHONHASHSEED="2",
        TZ="Asia/Kolkata",
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONINTMAXSTRDIGITS="0",
    )
    assert other.read_bytes() == usual[0].read_bytes()


@pytest.mark.parametrize(("group", "restarts"), [(1, 0), (300, 0), (20, 5)])
def test_transactions_and_restarts_change_nothing_that_is_stored(
    usual: tuple[Path, str], tmp_path: Path, group: int, restarts: int
) -> None:
    other, _ = apply(tmp_path / "other", group=group, restarts=restarts)
    assert dump(other) == dump(usual[0])


@pytest.mark.parametrize("version", OTHERS)
def test_another_version_of_python_changes_nothing(
    usual: tuple[Path, str], tmp_path: Path, version: str
) -> None:
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} here can import pydantic; CONTRIBUTING.md says how to make one")
    other, sqlite = apply(tmp_path / "other", python=python, clock=5e8, PYTHONHASHSEED="3")
    assert dump(other) == dump(usual[0])
    if sqlite == usual[1]:
        assert other.read_bytes() == usual[0].read_bytes()
