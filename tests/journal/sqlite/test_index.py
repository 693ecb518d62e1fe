"""The search index is a file that can be lost at any time, and costs nobody an acknowledgement."""

import errno
import shutil
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from chatcore.journal import Unavailable, sqlite
from chatcore.journal.search import Answer as Found
from chatcore.journal.search import Hits, SearchCursor, SearchRequest, Unsearchable, can_search
from chatcore.journal.sqlite import SqliteJournal, index_file, index_filler, indexer
from chatcore.journal.sqlite.backlog import Entry
from chatcore.journal.sqlite.check import renew_epoch
from chatcore.journal.sqlite.index_file import index_path
from chatcore.limits import HistoryLimits
from chatcore.terms import parse_query
from tests.journal.contract.harness import DEADLINE, Answer, Harness
from tests.journal.sqlite.files import open_journal
from tests.server.driver import Clock

EVERYTHING = SearchRequest({"lobby": (0, 2**53), "b": (0, 2**53)}, items=parse_query("hi"), limit=100)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of a journal that is not there yet."""
    return tmp_path / "journal.db"


def answer_to(harness: Harness, request: SearchRequest) -> Found:
    """Search, and return whatever comes."""
    assert isinstance(harness.journal, SqliteJournal)
    answer: Answer[Found] = Answer()
    harness.journal.search(request, answer.take)
    return answer.wait()


def texts(harness: Harness, query: str = "hi") -> list[str]:
    """Search everywhere; return texts."""
    hits = harness.search(replace(EVERYTHING, items=parse_query(query)))
    assert hits.cursor is None
    return [stored.message.text for stored in hits.messages]


def garbage(index: Path) -> None:
    """Overwrite a file with what is no database."""
    index.write_bytes(b"no database at all, though it is long enough " * 200)


def damaged(index: Path) -> None:
    """Overwrite the inner pages of a database."""
    data = bytearray(index.read_bytes())
    data[4_096:] = b"\xff" * (len(data) - 4_096)
    index.write_bytes(data)


def other_words(index: Path) -> None:
    """Let it be of another version of what words are."""
    with sqlite3.connect(index) as db:
        db.execute("UPDATE meta SET value = 'other' WHERE key = 'words'")
    db.close()


def other_format(version: int) -> Callable[[Path], None]:
    """Return what lets it be of another version of the library."""

    def harm(index: Path) -> None:
        with sqlite3.connect(index) as db:
            db.execute("DROP TABLE words")
            db.execute(f"PRAGMA user_version = {version}")
        db.close()

    return harm


HARMS: list[Callable[[Path], object]] = [
    Path.unlink,
    garbage,
    damaged,
    other_words,
    other_format(1),
    other_format(99),
    lambda index: index.write_bytes(b""),
]


@pytest.mark.parametrize("harm", HARMS)
def test_an_index_that_is_missing_damaged_or_old_is_made_again(
    path: Path, harm: Callable[[Path], object]
) -> None:
    with open_journal(path) as harness:
        harness.post("hi 1", "hi 2")
        harness.post("hi 3", room="b")
        assert sorted(texts(harness)) == ["hi 1", "hi 2", "hi 3"]
    harm(index_path(path))
    with open_journal(path) as harness:
        found = answer_to(harness, EVERYTHING)
        if isinstance(found, Unavailable):  # it has just noticed
            harness.journal.close()
            with open_journal(path) as again:
                assert sorted(texts(again)) == ["hi 1", "hi 2", "hi 3"]
        else:
            assert sorted(texts(harness)) == ["hi 1", "hi 2", "hi 3"]


def test_messages_that_came_while_there_was_no_index_are_found_in_order(path: Path) -> None:
    clock = Clock(1_800_000_000.0)
    with open_journal(path, clock) as harness:
        harness.post("hi 0")
        assert texts(harness) == ["hi 0"]
        assert can_search(harness.journal)
        messages = list(harness.messages)
    with open_journal(path, clock, search=False) as harness:
        assert answer_to(harness, EVERYTHING) == Unsearchable("searching is off on this server")
        assert not can_search(harness.journal)
        for n in range(1, 30):
            clock.now += (1, -3, 4)[n % 3]
            harness.post(f"hi {n}", room=("lobby", "b")[n % 2])
        messages += harness.messages
    with open_journal(path, clock) as harness:
        hits = harness.search(EVERYTHING)
        expected = sorted(messages, key=SearchCursor.of, reverse=True)
        assert [stored.message for stored in hits.messages] == expected


def test_an_index_of_another_epoch_finds_nothing_of_it(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("hi")
        assert texts(harness) == ["hi"]
    other = path.with_name("other.db")
    with open_journal(other) as harness:
        harness.post("bye", "bye")
    shutil.copyfile(index_path(path), index_path(other))
    with open_journal(other) as harness:
        assert texts(harness) == []
        assert texts(harness, "bye") == ["bye", "bye"]
    renew_epoch(path)
    with open_journal(path) as harness:
        assert texts(harness) == ["hi"]


def test_only_its_owner_can_read_an_index_and_without_searching_there_is_none(path: Path) -> None:
    with open_journal(path, search=False):
        assert not index_path(path).exists()
    with open_journal(path) as harness:
        harness.post("hi")
        assert texts(harness) == ["hi"]
        files = [each for each in path.parent.iterdir() if each.name.startswith(index_path(path).name)]
        assert len(files) == 3
        assert {each.stat().st_mode & 0o777 for each in files} == {0o600}


def test_another_programs_database_is_left_alone(path: Path) -> None:
    with sqlite3.connect(index_path(path)) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with open_journal(path) as harness:
        harness.post("hi")
        assert answer_to(harness, EVERYTHING) in (
            Unavailable(indexer.RETRY_SECONDS),
            Unsearchable("this server cannot search"),
        )
        assert answer_to(harness, EVERYTHING) == Unsearchable("this server cannot search")
        assert not can_search(harness.journal)
    with sqlite3.connect(index_path(path)) as db:
        assert db.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    db.close()


def test_posts_are_stored_where_an_index_cannot_be(path: Path) -> None:
    index_path(path).mkdir()
    with open_journal(path) as harness:
        harness.post("hi")
        assert len(harness.read().messages) == 1
        assert answer_to(harness, EVERYTHING) == Unavailable(indexer.RETRY_SECONDS)
    assert index_path(path).is_dir()


def words_in(path: Path) -> set[str]:
    """Return the files in which a word is that was removed."""
    return {each.name for each in path.parent.iterdir() if b"zanzibar" in each.read_bytes()}


def test_the_words_of_a_removed_room_leave_the_index(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("hi zanzibar")
        harness.post("hi", room="b")
        assert len(texts(harness)) == 2
        assert index_path(path).name in {name.removesuffix("-wal") for name in words_in(path)}
        harness.remove()
        assert texts(harness) == ["hi"]
    assert words_in(path) == set()


def test_the_words_of_a_removed_room_leave_an_index_that_is_not_in_use(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("hi zanzibar")
        harness.post("hi", room="b")
        assert len(texts(harness)) == 2
    with open_journal(path, search=False) as harness:
        assert words_in(path) == {index_path(path).name, path.name}
        harness.remove()
    assert words_in(path) == set()
    assert not index_path(path).exists()
    with open_journal(path) as harness:
        assert texts(harness) == ["hi"]


def test_words_of_a_room_that_was_removed_without_the_index_leave_it_at_the_next_start(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(path) as harness:
        harness.post("hi zanzibar")
        harness.post("hi", room="b")
        assert len(texts(harness)) == 2
    with monkeypatch.context() as patch, open_journal(path, search=False) as harness:
        patch.setattr(sqlite, "remove_index", lambda _: None)
        harness.remove()
    assert words_in(path) == {index_path(path).name}
    with open_journal(path) as harness:
        assert texts(harness) == ["hi"]
        assert texts(harness) == ["hi"]
    assert words_in(path) == set()


@pytest.mark.logs("index.words_left")
def test_an_index_that_cannot_be_removed_with_a_room_is_named_in_the_log(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, open_journal(path, search=False) as harness:
        harness.post("hi zanzibar")
        patch.setattr(sqlite, "remove_index", busy)
        assert harness.remove()
        assert not harness.remove()


def busy(path: Path) -> None:
    """Fail as where a file is in use."""
    raise OSError(errno.EBUSY, "Device or resource busy", str(path))


@pytest.mark.parametrize("search", [True, False])
@pytest.mark.parametrize("application", [0, 7])
def test_another_programs_database_is_not_removed_with_a_room(
    path: Path, search: bool, application: int
) -> None:
    with sqlite3.connect(index_path(path)) as db:
        db.execute(f"PRAGMA application_id = {application}")
        db.execute("CREATE TABLE theirs (x)")
    db.close()
    with open_journal(path, search=search) as harness:
        harness.post("hi")
        answer_to(harness, EVERYTHING)
        harness.remove()
    assert index_path(path).exists()


def test_an_index_with_too_many_expired_entries_is_made_again(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_filler, "LOOK", 10)
    with open_journal(path, limits=HistoryLimits(history_messages=5)) as harness:
        for n in range(60):
            harness.post(f"hi {n}")
            assert texts(harness)[0] == f"hi {n}"
        harness.submit()
        assert texts(harness) == [message.text for message in harness.available()[::-1]]
    with sqlite3.connect(index_path(path)) as db:
        ((entries,),) = db.execute("SELECT count(*) FROM entries").fetchall()
    db.close()
    assert entries < 40


def test_a_search_that_takes_too_long_ends_with_what_it_found_and_goes_on(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "SEARCH_SECONDS", -1.0)
    with open_journal(path) as harness:
        harness.post(*(f"hi {n}" for n in range(9)))
        found: list[str] = []
        request = EVERYTHING
        while True:
            hits = answer_to(harness, request)
            assert isinstance(hits, Hits)
            found += [stored.message.text for stored in hits.messages]
            if hits.cursor is None:
                break
            assert len(hits.messages) == 1
            request = replace(request, cursor=hits.cursor)
        assert found == [f"hi {n}" for n in range(8, -1, -1)]


def test_a_search_that_finds_nothing_in_its_time_is_refused_for_good(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(path) as harness:
        harness.post("hi")
        assert texts(harness) == ["hi"]
        monkeypatch.setattr(indexer, "SEARCH_SECONDS", -1.0)
        monkeypatch.setattr(index_file, "OPERATIONS", 1)
        answer = answer_to(harness, EVERYTHING)
        assert isinstance(answer, Unsearchable)
        assert "too long" in answer.words


def test_a_large_journal_is_indexed_between_the_searches_that_it_refuses(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_filler, "GROUP", 10)
    with open_journal(path, search=False) as harness:
        harness.post(*(f"hi {n}" for n in range(300)))
    asked, step = threading.Event(), index_filler.IndexFiller.step

    def step_once_asked(self: index_filler.IndexFiller, fresh: Sequence[Entry]) -> bool:
        assert asked.wait(DEADLINE)
        return step(self, fresh)

    monkeypatch.setattr(indexer, "WAIT", -1.0)
    monkeypatch.setattr(index_filler.IndexFiller, "step", step_once_asked)
    with open_journal(path) as harness:
        assert isinstance(harness.journal, SqliteJournal)
        first: Answer[Found] = Answer()
        harness.journal.search(EVERYTHING, first.take)
        asked.set()
        answer, refused = first.wait(), 0
        while isinstance(answer, Unavailable):
            answer = answer_to(harness, EVERYTHING)
            refused += 1
        assert isinstance(answer, Hits)
        assert len(answer.messages) == 100
        assert 0 < refused <= 300


def test_a_closed_journal_answers_searches_and_leaves_no_thread(path: Path) -> None:
    threads = set(threading.enumerate())
    with open_journal(path) as harness:
        assert texts(harness) == []
    assert set(threading.enumerate()) <= threads
    assert answer_to(harness, EVERYTHING) == Unavailable(indexer.RETRY_SECONDS)
