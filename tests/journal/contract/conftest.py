"""Every test of this folder runs on every journal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore.limits import Limits
from tests.journal.contract.makers import MAKERS, SMALL, Maker
from tests.journal.contract.record import Record
from tests.server.driver import Clock


@pytest.fixture(params=MAKERS, ids=lambda maker: maker.name)
def maker(request: pytest.FixtureRequest) -> Maker:
    """The way to make the journal under test."""
    found: Maker = request.param
    return found


@pytest.fixture
def record(maker: Maker, tmp_path: Path) -> Iterator[Record]:
    """A journal that keeps everything that these tests say."""
    clock = Clock()
    record = Record(maker.make(tmp_path, Limits(), clock), clock)
    yield record
    record.journal.close()


@pytest.fixture
def small(maker: Maker, tmp_path: Path) -> Iterator[Record]:
    """A journal that has forgotten the older part of a hundred messages in the lobby."""
    if not maker.expires:
        pytest.skip(f"the {maker.name} journal forgets nothing by size")
    clock = Clock()
    record = Record(maker.make(tmp_path, SMALL, clock), clock)
    for n in range(100):
        record.post(f"text {n}")
    record.submit()  # a journal that forgets after it has answered has forgotten by its next answer
    yield record
    record.journal.close()
