"""How many posts a second a journal stores that servers share, and how long one takes alone.

``.venv/bin/python -m benchmarks.shared`` measures it on one NATS server and on three, all of which sync
always, with everything on this machine. It needs what the tests need, and so is no question of `make bench`.
"""

import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from chatcore.journal import Draft, Outcome, Stored
from chatcore.journal.replicated import ReplicatedJournal
from tests.jetstream.servers import NatsServers
from transports.jetstream import JetStreamLog, Servers, Stream

__all__ = ["main"]

ALONE = 300
POSTS = 40_000
WAITING = 4_096
TEXT = "x" * 64
TIMEOUT = 60.0


class Nobody:
    """A feed that shows nothing to anybody."""

    tail_bytes = 0

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Take no note of an epoch."""

    def committed(self, messages: Sequence[Stored]) -> None:
        """Take no note of messages."""


def post(journal: ReplicatedJournal, id_: str) -> bool:
    """Post, and wait for the answer; return whether it is stored."""
    answered = threading.Event()
    outcomes: list[Outcome] = []

    def take(given: Sequence[Outcome]) -> None:
        outcomes.extend(given)
        answered.set()

    journal.submit([Draft("lobby", id_, "ada", TEXT)], take)
    return answered.wait(TIMEOUT) and isinstance(outcomes[0], int)


def alone(journal: ReplicatedJournal) -> list[float]:
    """Return how long posts take, one after another, in ascending seconds."""
    times = []
    for number in range(ALONE):
        began = time.perf_counter()
        post(journal, f"alone-{number}")
        times.append(time.perf_counter() - began)
    return sorted(times)


def together(journal: ReplicatedJournal) -> tuple[float, int]:
    """Post from one thread, with many that wait; return how many are stored a second, and how many not."""
    room = threading.Semaphore(WAITING)
    stored, refused = 0, 0
    all_answered = threading.Event()

    def take(given: Sequence[Outcome]) -> None:
        nonlocal stored, refused
        count = sum(isinstance(outcome, int) for outcome in given)
        stored, refused = stored + count, refused + len(given) - count
        room.release(len(given))
        if stored + refused == POSTS:
            all_answered.set()

    drafts = [Draft(f"room-{n % 20}", f"id-{n}", "ada", TEXT) for n in range(POSTS)]
    began = time.perf_counter()
    for draft in drafts:
        room.acquire()
        journal.submit([draft], take)
    all_answered.wait(TIMEOUT)
    return stored / (time.perf_counter() - began), refused


def measure(servers: int) -> None:
    """Measure with so many servers, and print it."""
    with tempfile.TemporaryDirectory() as folder, NatsServers(Path(folder), servers) as nats:
        monitors = tuple(server.monitor for server in nats.servers)
        log = JetStreamLog(
            Servers(nats.addresses, monitors=monitors), Stream.of_record("bench", servers, 2 * 1024**3)
        )
        journal = ReplicatedJournal(Path(folder) / "state.db", log, search=False)
        journal.start(Nobody())
        while not post(journal, "first"):  # until a server leads
            pass
        times = alone(journal)
        rate, refused = together(journal)
        median, late = times[len(times) // 2] * 1000, times[len(times) * 99 // 100] * 1000
        print(
            f"{servers} NATS servers ({journal.durability}): alone p50 {median:.2f} ms, p99 {late:.2f} ms; "
            f"together {rate:,.0f}/s, {refused} refused"
        )
        journal.close()


def main() -> None:
    """Measure with one server, and with three."""
    for servers in (1, 3):
        measure(servers)


if __name__ == "__main__":
    main()
