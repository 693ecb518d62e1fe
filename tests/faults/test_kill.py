"""A server that is killed in the middle of a storm of posts, again and again, keeps every promise."""

from pathlib import Path

from tests.faults.checker import check
from tests.faults.history import Received
from tests.faults.storm import Storm
from tests.protocol.frames import Ack, Joined
from tests.rows import ROUNDS


def test_acks_survive_kill_nine(tmp_path: Path) -> None:
    storm = Storm(tmp_path / "journal.db", seed=ROUNDS)
    storm.begin()
    for _ in range(ROUNDS):  # each transport finds what the other has left
        storm.round("asyncio")
        storm.round("threaded")
    events, logs = storm.end("asyncio")
    assert check(events, logs) == []
    told = [event.frame for event in events if isinstance(event, Received)]
    assert {frame.durability for frame in told if isinstance(frame, Ack)} == {"synced"}
    assert len({frame.epoch for frame in told if isinstance(frame, Joined)}) == 1
    assert len(logs["lobby"].messages) > 2 * ROUNDS
