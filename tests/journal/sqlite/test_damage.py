"""A stored line that is damaged: it stops nobody, and is never shown."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatcore.journal import Draft, Outcome
from tests.journal.sqlite.files import damage, open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the journal."""
    return tmp_path / "journal.db"


def test_the_id_of_a_damaged_message_is_recognised_and_other_posts_are_stored(path: Path) -> None:
    with open_journal(path) as harness:
        harness.post("one", "two")
        damage(path, 2)
        again = Draft("lobby", "lobby-1", "ana", "two")
        elsewhere = Draft("attic", "x", "ana", "undisturbed")
        assert harness.submit(again, elsewhere) == [Outcome("repeat", 2), Outcome("stored", 1)]
        assert harness.submit(again._replace(text="2")) == [Outcome("conflict")]
        assert harness.submit(elsewhere._replace(id="y")) == [Outcome("stored", 2)]


def test_the_account_of_an_author_is_stored_with_the_message(path: Path) -> None:
    with open_journal(path) as harness:
        harness.submit(Draft("lobby", "1", "ana", "hi", "ana@example.org"), Draft("lobby", "2", "bob", "hi"))
    with closing(sqlite3.connect(path)) as db:
        assert db.execute("SELECT author FROM messages ORDER BY seq").fetchall() == [
            ("ana@example.org",),
            (None,),
        ]
