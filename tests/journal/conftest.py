"""What holds for all tests of journals."""

import pytest

from chatcore.journal.sqlite import indexer
from tests.journal.contract.harness import DEADLINE


@pytest.fixture(autouse=True)
def _time_to_search(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no search end early because the machine has other things to do; some tests set other times."""
    monkeypatch.setattr(indexer, "WAIT", DEADLINE / 2)
    monkeypatch.setattr(indexer, "SEARCH_SECONDS", DEADLINE / 2)
