"""A server that is killed in the middle of a storm of posts, again and again, keeps every promise."""

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cli.processes import ChatServer, chat_server
from tests.contract.peers import DEADLINE
from tests.faults.checker import check
from tests.faults.history import History, Told, logs_of
from tests.faults.talker import Talker, Talks

ROUNDS = int(os.environ.get("ROUNDS", "13"))
"""Rounds with each transport; twice that many in all."""

TALKERS = 6

LIMITS = ("frames_per_second=none", "connections_per_address=none", "presence_seconds=0.01")


@contextmanager
def server(transport: str, path: Path, port: int, option: str = "") -> Iterator[ChatServer]:
    """Run a server on a journal, at a port, until it is killed."""
    limits = [word for limit in LIMITS for word in ("--limit", limit)]
    journal = ("--journal", f"sqlite:{path}{option}")
    listens = (f"chat://127.0.0.1:{port}",)
    with chat_server("--transport", transport, *journal, *limits, listens=listens) as running:
        yield running


class Storm:
    """Talkers, and a server that does not last."""

    def __init__(self, path: Path, seed: int) -> None:
        self.path = path
        self.history = History()
        self._rng = random.Random(seed)
        self._talks = Talks(self.history)
        self._talkers = [Talker(self._talks, f"nick{n}", TALKERS) for n in range(TALKERS)]

    def begin(self) -> None:
        """Let everybody talk."""
        for talker in self._talkers:
            talker.start()

    def round(self, transport: str) -> None:
        """Run a server until some posts were acknowledged, and kill it."""
        with server(transport, self.path, self._talks.port) as running:
            self._talks.port = running.port()
            self._talks.set_up(True)
            self._talks.wait_for_acks(self._rng.randint(1, 60))
            self._talks.set_up(False)
            running.process.kill()

    def end(self, transport: str) -> None:
        """Let everybody say the rest and read everything, and end the last server in order."""
        with server(transport, self.path, self._talks.port) as running:
            self._talks.set_up(True)
            self._talks.wait_for_silence(TALKERS)
            for talker in self._talkers:
                talker.join(DEADLINE)
                assert not talker.is_alive(), f"{talker} still waits for something"
                if talker.error:
                    raise talker.error
            running.process.terminate()
            code, errors = running.wait()
            assert (code, "Traceback" in errors) == (0, False)


def test_nothing_acknowledged_is_lost_nothing_is_there_twice_and_all_agree(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    storm = Storm(path, seed=ROUNDS)
    storm.begin()
    for _ in range(ROUNDS):  # each transport finds what the other has left
        storm.round("asyncio")
        storm.round("threaded")
    storm.end("asyncio")
    events = storm.history.events()
    logs = logs_of(path)
    assert check(events, logs) == []
    told = [event.frame for event in events if isinstance(event, Told)]
    assert {frame.durability for frame in told if frame.type == "ack"} == {"synced"}
    assert len({frame.epoch for frame in told if frame.type == "joined"}) == 1
    assert len(logs["lobby"].messages) > 2 * ROUNDS
