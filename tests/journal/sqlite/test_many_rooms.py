"""A journal with very many rooms: nobody pays for those that nobody asks for."""

import sqlite3
import tracemalloc
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chatcore.journal import Draft
from chatcore.journal.sqlite.statements import SqliteFile
from tests.journal.sqlite.files import open_journal

ROOMS = 100_000
STEPS = 1_000
"""Of SQLite's machine: enough for ten rooms, and not for a hundred."""


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with very many rooms, each with one message; every second one was removed."""
    path = tmp_path_factory.mktemp("rooms") / "journal.db"
    with open_journal(path):
        pass
    with closing(sqlite3.connect(path)) as db, db:
        db.execute(
            "WITH RECURSIVE n(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM n WHERE n < ?)"
            " INSERT INTO rooms (name, head, count, bytes, at, removed)"
            " SELECT format('room-%06d', n), n + 1, 1, 10, 1e9 + n, n % 2 FROM n",
            (ROOMS - 1,),
        )
        db.execute(
            "INSERT INTO messages (room, seq, prev, id, at, line)"
            " SELECT id, head, head - 1, 'id', at, 'a line' FROM rooms"
        )
    return path


@contextmanager
def memory_at_most(size: int) -> Iterator[None]:
    """Fail if what is done within needs more memory than that."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak - before < size


def test_rooms_cost_no_memory_until_they_are_asked_for(path: Path) -> None:
    with memory_at_most(ROOMS * 5), open_journal(path) as harness:  # a name alone is ten times as much
        assert harness.head("room-077777") == 77_778
        page = harness.rooms(after="room-050000", limit=3)
        assert [(room, head) for room, head, _ in page.rooms] == [
            ("room-050002", 50_003),
            ("room-050004", 50_005),
            ("room-050006", 50_007),
        ]
        assert page.more
        assert harness.submit(Draft("room-000001", "new", "ana", "hi")) == [3]
        assert harness.reach("room-000001", 3)


def test_a_page_of_rooms_costs_its_size_wherever_it_begins(path: Path) -> None:
    with closing(SqliteFile(path)) as file:
        for after, prefix in (
            (None, ""),
            (None, "room-0999"),
            ("room-050000", ""),
            ("room-050000", "room-"),
            ("room-050000", "room-05"),
            ("a", "room-099"),
        ):
            steps: list[None] = []
            file.db.set_progress_handler(lambda steps=steps: steps.append(None), 1)  # type: ignore[misc]
            assert len(file.listed(after, prefix, 10)) == 10
            file.db.set_progress_handler(None, 1)
            assert len(steps) < STEPS


def test_what_is_too_old_is_looked_for_in_some_rooms_at_a_time(path: Path) -> None:
    with closing(SqliteFile(path)) as file:
        found, last = file.rooms_with_older(1e9 + 5.0, now=2e9, after=0, limit=100)
        assert (found, last) == ([1, 2, 3, 4, 5], 100)
        assert file.rooms_with_older(3e9, now=4e9, after=ROOMS - 10, limit=100)[1] == 0
