"""The last position of a room, as far as it was reported."""

import threading
from collections.abc import Sequence

from chatcore.journal import Draft, Head, Stored, Unavailable
from tests.journal.contract.harness import DEADLINE, Answer, Harness


def test_a_position_is_reached_once_it_was_reported_and_not_beyond_the_end_of_the_log(
    harness: Harness,
) -> None:
    seqs = harness.post("one", "two")
    assert [harness.reach("lobby", seq) for seq in (0, *seqs)] == [True, True, True]
    assert not harness.reach("lobby", seqs[-1] + 1)
    assert not harness.reach("elsewhere", 1)


def test_the_head_is_the_last_number_and_stays_when_a_room_is_removed(harness: Harness) -> None:
    assert harness.head() == harness.head("elsewhere") == 0
    head = harness.post("one", "two")[-1]
    assert harness.head() == head
    harness.remove()
    assert harness.head() == head
    assert harness.head("elsewhere") == 0


def test_the_head_stays_when_messages_expire(small: Harness) -> None:
    assert small.head() == small.messages[-1].seq


def test_a_head_is_never_below_what_was_reported_before_it_was_asked_for(harness: Harness) -> None:
    asked: list[tuple[int, Answer[Head | Unavailable]]] = []

    def ask(reported: Sequence[Stored]) -> None:
        # A feed must not call back into the journal, so another thread asks, when this one goes on.
        asks.append(reported[-1].seq)
        wanted.release()

    asks: list[int] = []
    wanted = threading.Semaphore(0)
    harness.on_commit = ask

    def run() -> None:
        for n in range(100):
            assert wanted.acquire(timeout=DEADLINE)
            answer: Answer[Head | Unavailable] = Answer()
            harness.journal.head("lobby", answer.take)
            asked.append((asks[n], answer))

    asker = threading.Thread(target=run)
    asker.start()
    for n in range(100):
        harness.journal.submit([Draft("lobby", f"id-{n}", "ana", "hi")], lambda _: None)
        harness.wait_for(n + 1)
    asker.join(DEADLINE)
    assert len(asked) == 100
    for reported, answer in asked:
        assert answer.available().seq >= reported
