"""What only the journal in memory has to do: it holds nothing for longer than it must."""

import gc
import tracemalloc

from chatcore.journal import Draft
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import HistoryLimits
from tests.journal.contract.harness import Harness
from tests.server.driver import Clock


def test_ids_in_a_room_that_nobody_posts_to_any_more_are_forgotten_in_time() -> None:
    clock = Clock()
    journal = MemoryJournal(HistoryLimits(memory_history_bytes=1_000), clock=clock)
    harness = Harness(journal, clock)
    harness.on_commit = lambda messages: harness.messages.clear()
    harness.submit(Draft("elsewhere", "first", "ana", "hi"))
    gc.collect()
    tracemalloc.start()
    try:
        for n in range(20):
            harness.submit(*(Draft("abandoned", f"{n}-{k}", "ana", "hi") for k in range(50)))
        full, _ = tracemalloc.get_traced_memory()
        clock.now += journal.dedupe_seconds + 1.0
        harness.submit(Draft("elsewhere", "second", "ana", "hi"))
        gc.collect()
        rest, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert full > 100_000
    assert rest < full / 2  # a dict does not shrink, though what was in it is gone
