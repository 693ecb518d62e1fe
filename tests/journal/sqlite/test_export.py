"""The lines of a journal, read from its file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import JournalError, Message, UsageError
from chatcore.journal.sqlite import stored_lines
from tests.journal.contract.harness import Harness
from tests.journal.sqlite.files import open_journal


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the journal is."""
    return tmp_path / "journal.db"


@pytest.fixture
def harness(path: Path) -> Iterator[Harness]:
    """An open journal with five messages in two rooms."""
    with open_journal(path) as opened:
        opened.post("one", "two", "three", "four")
        opened.post("elsewhere", room="attic")
        yield opened


def texts(lines: Iterator[bytes]) -> list[str]:
    return [Message.model_validate_json(line).text for line in lines]


@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_lines_are_exported_by_room_and_range_however_long_a_page_is(
    path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("chatcore.journal.sqlite.export.PAGE", page)
    assert texts(stored_lines(path)) == ["elsewhere", "one", "two", "three", "four"]
    assert texts(stored_lines(path, ["Lobby", "attic", "lobby"])) == [
        *("one", "two", "three", "four"),
        "elsewhere",
    ]
    assert texts(stored_lines(path, ["lobby"], after=1, before=4)) == ["two", "three"]


def test_messages_stored_during_an_export_do_not_prolong_it(
    path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.journal.sqlite.export.PAGE", 1)
    lines = stored_lines(path, ["lobby"])
    next(lines)
    harness.post("five")
    assert texts(lines) == ["two", "three", "four"]


def test_a_missing_file_or_room_is_a_usage_error(path: Path, tmp_path: Path, harness: Harness) -> None:
    with pytest.raises(UsageError, match=r"there is no journal .*none\.db"):
        next(stored_lines(tmp_path / "none.db"))
    with pytest.raises(UsageError, match="has no room cellar"):
        next(stored_lines(path, ["cellar"]))


def test_a_file_that_is_not_a_journal_is_a_journal_error(path: Path) -> None:
    path.write_text("Dear diary, " * 1_000)
    with pytest.raises(JournalError, match="cannot read the journal"):
        next(stored_lines(path))
