"""One transaction over many rooms: as many statements as over one, and all of it or nothing."""

import os
import signal
import sqlite3
import subprocess
import sys
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Draft, Unavailable
from chatcore.journal.sqlite import check_journal
from chatcore.journal.sqlite.group import Group
from chatcore.journal.sqlite.statements import TOGETHER, SqliteFile
from tests.journal.contract.harness import DEADLINE, numbers
from tests.journal.sqlite.files import Faults, faulty, open_journal

NOW = 1_800_000_000.0


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def drafts(rooms: int, *ids: str) -> list[Draft]:
    """Return drafts for some rooms, whose turn it is one after the other."""
    return [Draft(f"room-{n}", id_, "ana", "hi") for id_ in ids for n in range(rooms)]


def statements(file: SqliteFile, submitted: list[Draft]) -> Counter[str]:
    """Store drafts; return how many statements that took, by their first word."""
    seen: list[str] = []
    file.db.set_trace_callback(seen.append)
    Group(file, submitted, NOW).commit()
    file.db.set_trace_callback(None)
    return Counter(each.split()[0] for each in seen)


def inserts(rooms: int, posts: int) -> int:
    """Return how many statements write so many posts to so many rooms, and the rooms."""
    many, single = divmod(rooms * posts, TOGETHER)
    return many + single + rooms


@pytest.mark.parametrize("posts", [1, 3, 40])
def test_the_statements_of_a_transaction_do_not_grow_with_its_rooms(path: Path, posts: int) -> None:
    with closing(SqliteFile(path)) as file:
        statements(file, drafts(500, "first"))
        few, many = (
            statements(file, drafts(rooms, *(f"{rooms}-{n}" for n in range(posts)))) for rooms in (1, 500)
        )
        assert (few.pop("INSERT"), many.pop("INSERT")) == (inserts(1, posts), inserts(500, posts))
        assert few == many == {"BEGIN": 1, "SELECT": 1, "WITH": 1, "COMMIT": 1}


def test_the_rows_of_many_rooms_say_what_the_file_holds(path: Path) -> None:
    with open_journal(path) as harness:
        numbers(harness.submit(*drafts(3, "1")))
        harness.remove("room-1")
        numbers(harness.submit(*drafts(1_500, "2", "3")))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute(
            "SELECT count(*) FROM rooms WHERE removed = 0 AND (head, count, bytes, at) = (SELECT"
            " max(seq), count(*), sum(length(line)), max(at) FROM messages WHERE room = rooms.id)"
        ).fetchone() == (1_500,)
        assert db.execute("SELECT count(*), max(id) FROM rooms").fetchone() == (1_500, 1_500)
    report = check_journal(path)
    assert (report.rooms, report.messages, report.problems) == (1_500, 3_002, [])


def test_many_rooms_are_refused_together_while_the_disk_is_full(path: Path) -> None:
    faults = Faults()
    with open_journal(path, file=faulty(faults)) as harness:
        numbers(harness.submit(*drafts(500, "1")))
        faults.pages = 1
        faults.connections[-1].limit_pages()  # type: ignore[attr-defined]  # of the kind made there
        outcomes = harness.submit(*drafts(1_000, "2"))
        assert {type(outcome) for outcome in outcomes} == {Unavailable}
        assert [harness.head(f"room-{n}") for n in (0, 499, 500)] == [1, 1, 0]
        faults.pages = None
        while isinstance((outcomes := harness.submit(*drafts(1_000, "2")))[0], Unavailable):
            pass
        assert numbers(outcomes) == [2] * 500 + [1] * 500


# --- killed ------------------------------------------------------------------------------------------

ROOMS = 3
BEFORE, AFTER = {"room-0": 1, "room-1": 1}, {"room-0": 3, "room-1": 3, "room-2": 2}


def die_at(path: Path, statement: int) -> None:
    """Store drafts in rooms that are there, removed and new, and be killed at one of the statements."""
    with closing(SqliteFile(path)) as file:
        left = iter(range(statement))
        file.db.set_trace_callback(
            lambda _: None if next(left, None) is not None else os.kill(os.getpid(), signal.SIGKILL)
        )
        Group(file, drafts(ROOMS, "2", "3"), NOW).commit()


def heads(path: Path) -> dict[str, int]:
    """Return the heads of a journal's rooms, which has to be intact."""
    assert check_journal(path).problems == []
    with closing(SqliteFile(path, read_only=True)) as file:
        return {name: row.head for name, row in file.all_rooms()}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a process is killed that was forked")
def test_a_transaction_that_is_killed_at_any_statement_leaves_nothing_of_it(path: Path) -> None:
    with open_journal(path) as harness:
        numbers(harness.submit(*drafts(2, "1")))
        harness.remove("room-1")
    command = [sys.executable, "-m", "tests.journal.sqlite.test_transactions", str(path)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[3], capture_output=True, text=True, timeout=DEADLINE, check=True
    )
    found = [line.split(" ", 1) for line in done.stdout.splitlines()]
    assert len(found) > 3 + 2 * ROOMS + ROOMS  # statements: those that look, the messages, the rooms
    assert {heads for how, heads in found if how == "killed"} == {str(BEFORE)}
    assert found[-1] == ["stored", str(AFTER)]


def main(path: Path) -> None:
    """Let a child die at the first statement, the next one at the second, until one stores everything."""
    status, statement = signal.SIGKILL.value, 0
    while status:
        if (child := os.fork()) == 0:
            die_at(path, statement)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        statement += 1
        sys.stdout.write(f"{'killed' if status else 'stored'} {heads(path)}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
