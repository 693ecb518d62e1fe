"""The lines of a journal, read from its file."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from chatcore import Gap, JournalError, UsageError
from chatcore.journal import Stored
from chatcore.journal.sqlite import stored_entries
from chatcore.limits import HistoryLimits
from tests.journal.contract.harness import Harness
from tests.journal.sqlite.files import damage, open_journal


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


def texts(entries: Iterable[Stored | Gap]) -> list[str]:
    """Return the texts of messages, and in the place of a gap what it says."""
    return [
        entry.message.text if isinstance(entry, Stored) else f"{entry.reason} {entry.after}-{entry.through}"
        for entry in entries
    ]


@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_lines_are_exported_by_room_and_range_however_long_a_page_is(
    path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("chatcore.journal.sqlite.export.PAGE", page)
    assert texts(stored_entries(path)) == ["elsewhere", "one", "two", "three", "four"]
    assert texts(stored_entries(path, ["Lobby", "attic", "lobby"])) == [
        *("one", "two", "three", "four"),
        "elsewhere",
    ]
    assert texts(stored_entries(path, ["lobby"], after=1, before=4)) == ["two", "three"]


def test_messages_stored_during_an_export_do_not_prolong_it(
    path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chatcore.journal.sqlite.export.PAGE", 1)
    lines = stored_entries(path, ["lobby"])
    next(lines)
    harness.post("five")
    assert texts(lines) == ["two", "three", "four"]


@pytest.mark.parametrize("page", [1, 2, 1_000])
def test_a_run_of_damaged_messages_is_one_gap_in_their_place(
    path: Path, harness: Harness, monkeypatch: pytest.MonkeyPatch, page: int
) -> None:
    monkeypatch.setattr("chatcore.journal.sqlite.export.PAGE", page)
    damage(path, 2, 3)
    assert texts(stored_entries(path, ["lobby"])) == ["one", "damaged 1-3", "four"]
    assert texts(stored_entries(path, ["lobby"], after=2)) == ["damaged 2-3", "four"]
    damage(path, 1, 4)
    assert texts(stored_entries(path, ["lobby"])) == ["damaged 0-4"]


def test_what_has_expired_is_a_gap_only_where_it_was_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "short.db"
    with open_journal(path, limits=HistoryLimits(history_messages=2)) as harness:
        harness.post("one", "two", "three", "four")
        harness.submit()
        assert texts(stored_entries(path)) == ["three", "four"]
        assert texts(stored_entries(path, after=1)) == ["expired 1-2", "three", "four"]
        assert texts(stored_entries(path, after=1, before=3)) == ["expired 1-2"]
        assert texts(stored_entries(path, after=2)) == ["three", "four"]


def test_messages_that_expire_during_an_export_are_a_gap(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore.journal.sqlite.export.PAGE", 1)
    with open_journal(path, limits=HistoryLimits(history_messages=3)) as harness:
        harness.post("one", "two", "three")
        entries = stored_entries(path)
        first = next(entries)
        harness.post("four", "five", "six")
        harness.submit()
        assert texts([first, *entries]) == ["one", "expired 1-3"]


def test_a_missing_file_or_room_is_a_usage_error(path: Path, tmp_path: Path, harness: Harness) -> None:
    with pytest.raises(UsageError, match=r"there is no journal .*none\.db"):
        next(stored_entries(tmp_path / "none.db"))
    with pytest.raises(UsageError, match="has no room cellar"):
        next(stored_entries(path, ["cellar"]))


def test_a_file_that_is_not_a_journal_is_a_journal_error(path: Path) -> None:
    path.write_text("Dear diary, " * 1_000)
    with pytest.raises(JournalError, match="cannot read the journal"):
        next(stored_entries(path))
