"""Accounts in files and in logs, and what is closed after a test.

A test that takes a gate or a book, and not the path of a file, is for both kinds.
"""

import inspect
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chatcore.accounts import Accounts, Administration
from chatcore.accounts.book import AccountsBook
from chatcore.accounts.gate import AccountsGate
from chatcore.accounts.replicated import ReplicatedAccounts, ReplicatedAdministration
from chatcore.replication.memory import MemoryLog
from tests.accounts.people import (
    PEOPLE,
    Clock,
    Watch,
    book_over_log,
    gate_over,
    gate_over_log,
    make_accounts,
    make_accounts_in_log,
)

_COUNTED = "it counts the whole audit, and in a log that has how people got their keys"

FILES_ALONE = {
    "test_a_change_that_fails_is_undone_alone": "it makes changes that are no acts",
    "test_members_push_out_entries_of_members_alone": _COUNTED,
    "test_operators_push_out_no_entries_of_members": _COUNTED,
    "test_devices_and_their_invites_count_as_members_also_those_of_a_moderator": _COUNTED,
    "test_a_keeper_who_kicks_and_admits_is_a_member": _COUNTED,
    "test_an_account_invites_devices_again_after_the_clock_was_set_back": "a log's time is never set back",
    "test_what_has_ended_goes_on_if_the_clock_was_ahead_and_is_set_back": "a log's time is never set back",
}
"""Tests for files alone, though they name none, and why."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test over a log as well, unless it is about a file."""
    if "kind" in metafunc.fixturenames:
        asked = inspect.signature(metafunc.function).parameters
        is_for_files = "path" in asked or metafunc.function.__name__ in FILES_ALONE
        metafunc.parametrize("kind", ["file"] if is_for_files else ["file", "log"], scope="function")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with an owner, a moderator, two members and a guest."""
    return make_accounts(tmp_path / "accounts.db", **PEOPLE)


@pytest.fixture
def log(clock: Clock, stack: ExitStack) -> MemoryLog:
    """A log of accounts with the same people."""
    log = MemoryLog(lambda: round(clock() * 1_000_000))
    make_accounts_in_log(log, clock, **PEOPLE)
    return log


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def steady() -> Clock:
    """The clock that never goes back."""
    return Clock()


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def gate(
    kind: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    clock: Clock,
    steady: Clock,
    watch: Watch,
    stack: ExitStack,
) -> AccountsGate:
    """A gate over the accounts."""
    made: Accounts | ReplicatedAccounts
    if kind == "file":
        made = gate_over(request.getfixturevalue("path"), watch, clock, steady)
    else:
        made = gate_over_log(request.getfixturevalue("log"), tmp_path / "state.db", watch, clock, steady)
    return stack.enter_context(closing(made))


@pytest.fixture
def book(kind: str, request: pytest.FixtureRequest, clock: Clock, stack: ExitStack) -> AccountsBook:
    """The accounts as the command line has them."""
    made: Administration | ReplicatedAdministration
    if kind == "file":
        made = Administration(request.getfixturevalue("path"), by="local:root", now=clock)
    else:
        made = book_over_log(request.getfixturevalue("log"), clock)
    return stack.enter_context(made)
