"""A search of the journal in memory looks at little at a time, and goes on."""

import pytest

from chatcore.journal import scan
from chatcore.journal.memory import MemoryJournal
from tests.journal.contract.harness import Harness
from tests.journal.contract.test_search import pages, request
from tests.server.driver import Clock


@pytest.mark.parametrize(
    ("limit", "value", "looked_at"),
    [("SLICE", 10, [10, 10, 10, 10]), ("SLICE_BYTES", 1_000, [8, 8, 8, 8, 8]), ("LINES", 25, [25])],
)
def test_a_page_looks_at_few_messages_and_at_few_bytes_and_all_pages_at_the_newest(
    monkeypatch: pytest.MonkeyPatch, limit: str, value: int, looked_at: list[int]
) -> None:
    monkeypatch.setattr(scan, limit, value)
    harness = Harness(MemoryJournal(clock=Clock()), Clock())
    harness.post(*(f"word{n}" for n in range(40)))
    found = [hits.messages for hits in pages(harness, request(query="word*", limit=100))]
    assert [len(messages) for messages in found] == looked_at
    in_vain = [hits.messages for hits in pages(harness, request(query="nothing"))]
    assert in_vain == [()] * len(found)
