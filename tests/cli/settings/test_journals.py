"""How a journal is named on the command line, and what is switched on and off there."""

from pathlib import Path

import pytest

from chatcore import HistoryLimits, SqliteJournal, UsageError
from chatcore.journal.search import Answer, SearchRequest, Unsearchable
from cli.settings.journals import file_of, open_journal


def searches(setting: str, *, search: bool) -> bool:
    """Tell whether a journal would be searched if it were open."""
    _, journal = open_journal(setting, HistoryLimits(), search=search)
    assert isinstance(journal, SqliteJournal)
    assert journal.path == Path("chat.db")
    answers: list[Answer] = []
    journal.search(SearchRequest({}), answers.append)
    return not isinstance(answers[0], Unsearchable)


@pytest.mark.parametrize("options", ["", "?synchronous=NORMAL", "?"])
def test_a_journal_in_a_file_is_searched_unless_that_is_off(options: str) -> None:
    setting = f"sqlite:chat.db{options}"
    more = "&" if "?" in options else "?"
    assert searches(setting, search=True)
    assert not searches(setting, search=False)
    assert not searches(f"{setting}{more}search=off", search=True)


def test_durability_and_searching_are_independent() -> None:
    for options, durability in (("search=off&synchronous=normal", "written"), ("search=off", "synced")):
        _, journal = open_journal(f"sqlite:chat.db?{options}", HistoryLimits())
        assert journal.durability == durability


@pytest.mark.parametrize(
    "setting",
    ["sqlite:a?search=on", "sqlite:a?synchronous=FULL&synchronous=NORMAL", "sqlite:?search=off"],
)
def test_an_unknown_option_of_a_journal_is_refused(setting: str) -> None:
    with pytest.raises(UsageError, match="needs a path"):
        open_journal(setting, HistoryLimits())


def test_only_a_journal_in_a_file_has_an_index_to_leave_out() -> None:
    with pytest.raises(UsageError, match="no other has an index"):
        open_journal("memory", HistoryLimits(), search=False)


@pytest.mark.parametrize(
    "setting", ["sqlite:chat.db", "chat.db", "./memory", "./other:thing", "kept/2026:11.db", "a.b:c", "chat"]
)
def test_commands_that_read_a_file_take_its_path(setting: str) -> None:
    assert file_of(setting) == Path(setting.removeprefix("sqlite:"))


@pytest.mark.parametrize(
    ("setting", "problem"),
    [
        ("memory", "sqlite:PATH, not memory"),
        ("memory:", "sqlite:PATH, not memory:"),
        ("sqlite", "needs a path"),
        ("other:thing", "no journal 'other'; .*write sqlite:other:thing"),
        ("postgres://host/chat", "no journal 'postgres'"),
    ],
)
def test_the_name_of_a_journal_is_not_taken_for_that_of_a_file(setting: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        file_of(setting)
