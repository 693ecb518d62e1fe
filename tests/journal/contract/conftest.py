"""Every test of this folder runs on every journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore.limits import HistoryLimits
from tests import rows
from tests.journal.contract.harness import Harness
from tests.journal.contract.makers import MAKERS, SMALL, Maker
from tests.server.driver import Clock

NOW = 1_800_000_000.0
"""The time at which these tests begin, in seconds since 1970."""


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test on its journals. See `tests.rows`."""
    if "maker" in metafunc.fixturenames:
        metafunc.parametrize("maker", rows.journals_for(metafunc.module.__name__), indirect=True)


@pytest.fixture
def maker(request: pytest.FixtureRequest) -> Maker:
    """How to make the journal under test."""
    return MAKERS[request.param]


@pytest.fixture
def harness(maker: Maker, tmp_path: Path) -> Iterator[Harness]:
    """A journal whose limits these tests never reach."""
    clock = Clock(NOW)
    harness = Harness(maker.make(tmp_path, HistoryLimits(), clock), clock)
    yield harness
    harness.journal.close()


@pytest.fixture
def small(maker: Maker, tmp_path: Path) -> Iterator[Harness]:
    """A journal in which the older part of a hundred messages in the lobby has expired."""
    if not maker.expires:
        pytest.skip(f"the {maker.name} journal expires nothing by size")
    clock = Clock(NOW)
    harness = Harness(maker.make(tmp_path, SMALL, clock), clock)
    for n in range(100):
        harness.post(f"text {n}")
    harness.submit()  # if messages expire after an answer, they have expired by the next answer
    yield harness
    harness.journal.close()
