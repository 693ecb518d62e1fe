"""Micro-benchmarks of the SQLite journal's transactions, in CPU time of the thread that writes.

A thousand posts share a transaction, as under load. They are spread over few or many rooms, of a new file or
of one that has filled for a while: then each room's rows have pages of their own, and what many rooms cost is
pages. Rooms take turns, which is the worst order.
"""

import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from benchmarks.test_micro import ID, TEXT, Benchmark
from chatcore.journal import Draft
from chatcore.journal.sqlite.group import Group
from chatcore.journal.sqlite.statements import SqliteFile

POSTS = 1_000
FILLING = 40
"""Posts in each of a thousand rooms before it is measured, in a file that has filled."""

numbers = count()


@pytest.fixture(params=["new", "filled"])
def file(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SqliteFile]:
    """A journal's file."""
    with closing(SqliteFile(tmp_path / "journal.db")) as file:
        if request.param == "filled":
            for _ in range(FILLING // 4):
                store(file, drafts(1_000, 4))
        yield file


def drafts(rooms: int, posts: int) -> list[Draft]:
    """Return posts to some rooms, whose ids rise as most clients' do."""
    names = [f"room-{n}" for n in range(rooms)]
    return [Draft(room, f"{next(numbers):08x}{ID[8:]}", "ada", TEXT) for _ in range(posts) for room in names]


def store(file: SqliteFile, posts: list[Draft]) -> int:
    """Store them in a transaction; return how many messages that made."""
    group = Group(file, posts, time.time())
    group.commit()
    return len(group.messages)


@pytest.mark.benchmark(timer=time.thread_time)
@pytest.mark.parametrize("rooms", [1, 100, 1_000], ids="rooms {}".format)
def test_store(benchmark: Benchmark, file: SqliteFile, rooms: int) -> None:
    benchmark.extra_info.update(unit="post", work=POSTS)
    made = benchmark.pedantic(
        store, setup=lambda: ((file, drafts(rooms, POSTS // rooms)), {}), rounds=12, warmup_rounds=2
    )
    assert made == POSTS
