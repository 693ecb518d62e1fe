"""What `check_journal` says of a search index."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from chatcore.journal.sqlite.check import check_journal, renew_epoch
from chatcore.journal.sqlite.index_file import index_path
from tests.journal.contract.test_search import found, request
from tests.journal.sqlite.files import open_journal
from tests.journal.sqlite.test_index import damaged, garbage, other_format, other_words


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal with three messages, which are indexed."""
    path = tmp_path / "journal.db"
    with open_journal(path) as harness:
        harness.post("hi 1", "hi 2", "hi 3")
        assert len(found(harness, request(query="hi"))) == 3
    return path


def theirs(index: Path) -> None:
    """Put another program's database in its place."""
    index.unlink()
    with sqlite3.connect(index) as db:
        db.execute("CREATE TABLE theirs (x)")
    db.close()


def test_a_healthy_index_is_counted_and_left_as_it_is_also_while_a_server_has_it(path: Path) -> None:
    before = index_path(path).read_bytes()
    assert check_journal(path).index == ("3 messages, no problems found", "")
    assert index_path(path).read_bytes() == before
    with open_journal(path) as harness:
        harness.post("hi 4", room="z")
        assert len(found(harness, request("z", query="hi"))) == 1
        assert check_journal(path).index == ("4 messages, no problems found", "")


@pytest.mark.parametrize(
    ("harm", "what", "advice"),
    [
        (Path.unlink, "none; ", ""),
        (other_words, "of another epoch, or of other rules", ""),
        (other_format(99), "of another version", ""),
        (garbage, "cannot be read: file is not a database", "remove the file"),
        (damaged, "", "remove the file"),
        (theirs, "not ours", "is another program's database"),
    ],
)
def test_what_is_wrong_with_an_index_is_said_with_what_to_do(
    path: Path, harm: Callable[[Path], object], what: str, advice: str
) -> None:
    harm(index_path(path))
    found_there, to_do = check_journal(path).index
    assert found_there.startswith(what)
    assert advice in to_do
    assert bool(advice) == bool(to_do)


def test_an_index_of_another_epoch_is_recognised(path: Path) -> None:
    renew_epoch(path)
    assert check_journal(path).index[0].startswith("of another epoch")


def test_an_index_that_others_can_read_is_reported(path: Path) -> None:
    index_path(path).chmod(0o644)
    assert [each for each in check_journal(path).exposed if "journal.db-search" in each]
