"""Files of accounts, and what is closed after a test."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from chatcore.accounts import Accounts, Administration
from tests.accounts.people import Clock, Watch, gate_over, make_accounts


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A file with an owner, a moderator, two members and a guest."""
    return make_accounts(
        tmp_path / "accounts.db", olga="owner", mona="moderator", ada="member", bob="member", gus="guest"
    )


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
def gate(path: Path, clock: Clock, steady: Clock, watch: Watch, stack: ExitStack) -> Accounts:
    """A gate over the file."""
    return stack.enter_context(closing(gate_over(path, watch, clock, steady)))


@pytest.fixture
def book(path: Path, clock: Clock, stack: ExitStack) -> Administration:
    """The file as the command line has it."""
    return stack.enter_context(Administration(path, by="local:root", now=clock))
