"""What servers cost that share a journal: posts, claims of nicks, a start with many rooms, and failures.

``.venv/bin/python -m benchmarks.shared`` measures it on one NATS server and on three, all of which sync
always, with everything on this machine. It needs what the tests need, and so is no question of `make bench`.
Names after it choose among ``posts``, ``claims``, ``rooms`` and ``silence``.
"""

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from queue import SimpleQueue
from statistics import median
from typing import Final

from chatcore.journal import Draft, Outcome, Page, Stored, Unavailable
from chatcore.journal.replicated import ReplicatedJournal
from tests.cli.processes import chat_server
from tests.jetstream.people import enter
from tests.jetstream.servers import NatsServer, NatsServers, ask
from transports.jetstream import JetStreamLog, Servers, Stream
from transports.threaded_tcp import Chat

__all__ = ["main"]

NAME: Final = "bench"
ALONE: Final = 300
POSTS: Final = 40_000
WAITING: Final = 4_096
ROOMS: Final = 10_000
CLAIMS: Final = 300
FAILURES: Final = 5
TEXT: Final = "x" * 64
TIMEOUT: Final = 60.0


class Watch:
    """A feed that notes when it was told of each message, by its number, on `time.perf_counter`."""

    tail_bytes = 0

    def __init__(self) -> None:
        self.times: dict[int, float] = {}

    def opened(self, epoch: str, head: Callable[[str], int]) -> None:
        """Take no note of an epoch."""

    def committed(self, messages: Sequence[Stored]) -> None:
        """Note the time of messages of the room that is watched."""
        now = time.perf_counter()
        for message in messages:
            if message.room == "lobby":
                self.times[message.seq] = now


@contextmanager
def cluster(servers: int) -> Iterator[tuple[NatsServers, Path]]:
    """Have so many NATS servers, and a directory for states."""
    with tempfile.TemporaryDirectory() as folder, NatsServers(Path(folder), servers) as nats:
        yield nats, Path(folder)


@contextmanager
def journal(nats: NatsServers, state: Path, watch: Watch | None = None) -> Iterator[ReplicatedJournal]:
    """Open a journal, and wait until it takes posts."""
    monitors = tuple(server.monitor for server in nats.servers)
    stream = Stream.of_messages(NAME, nats.count, 2 * 1024**3)
    opened = ReplicatedJournal(
        state, JetStreamLog(Servers(nats.addresses, monitors=monitors), stream), search=False
    )
    opened.start(watch or Watch())
    while post(opened, f"first-{state.name}") is None:  # until a server leads
        pass
    try:
        yield opened
    finally:
        opened.close()


def post(journal: ReplicatedJournal, id_: str, room: str = "lobby") -> int | None:
    """Post, and wait for the answer; return the message's number, ``None`` if it was refused."""
    answered = threading.Event()
    outcomes: list[Outcome] = []

    def take(given: Sequence[Outcome]) -> None:
        outcomes.extend(given)
        answered.set()

    journal.submit([Draft(room, id_, "ada", TEXT)], take)
    if not answered.wait(TIMEOUT):
        raise TimeoutError(f"{journal} did not answer within {TIMEOUT} s")
    return outcomes[0] if isinstance(outcomes[0], int) else None


def spread(seconds: Sequence[float]) -> str:
    """Return the half and the 99th of a hundred, in words."""
    ordered = sorted(seconds)
    return f"p50 {median(ordered) * 1000:.2f} ms, p99 {ordered[len(ordered) * 99 // 100] * 1000:.2f} ms"


def alone(journal: ReplicatedJournal) -> list[float]:
    """Return how long posts take, one after another."""
    times = []
    for number in range(ALONE):
        began = time.perf_counter()
        post(journal, f"alone-{number}")
        times.append(time.perf_counter() - began)
    return times


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


def posts(servers: int) -> None:
    """Measure what one server of a chat stores, and how much later a second one delivers it."""
    here, there = Watch(), Watch()
    with cluster(servers) as (nats, folder), journal(nats, folder / "a.db", here) as one:
        times = alone(one)
        rate, refused = together(one)
        print(f"  posts ({one.durability}): alone {spread(times)}; together {rate:,.0f}/s, {refused} refused")
        with journal(nats, folder / "b.db", there):
            first = max(here.times)
            for number in range(ALONE):
                post(one, f"watched-{number}")
        later = [there.times[seq] - here.times[seq] for seq in there.times if seq > first]
        print(f"  delivery at a second server, after the first: {spread(later)}")


def claims(servers: int) -> None:
    """Measure how long people wait for a nick that they change to, at two servers in turn."""
    with cluster(servers) as (nats, folder):
        hosts = ",".join(nats.addresses)
        url = f"nats://{hosts}?stream={NAME}&replicas={servers}&state={folder}/"
        options = ["--limit", "frames_per_second=none"]
        with (
            chat_server("--journal", f"{url}a.db", *options) as a,
            chat_server("--journal", f"{url}b.db", *options, "--transport", "threaded") as b,
            chat_server(*options) as c,
            enter(a, "ada") as ada,
            enter(b, "bob") as bob,
            enter(c, "cyd") as cyd,
        ):
            shared, own = changes_of_nick(ada, bob), changes_of_nick(cyd)
    print(f"  a claim of a nick, from a client's question to its answer: {spread(shared)}")
    print(f"  the same at a server that shares nothing: {spread(own)}")


def changes_of_nick(*chats: Chat) -> list[float]:
    """Return how long people wait for nicks that they change to, in turn, in seconds."""
    times = []
    for number in range(CLAIMS):
        for chat in chats:
            began = time.perf_counter()
            chat.set_nick(f"{chat.nick[:3]}{number}")
            times.append(time.perf_counter() - began)
    return times


def rooms(servers: int) -> None:
    """Measure how long a server takes until it answers from its state of many rooms, without the log."""
    with cluster(servers) as (nats, folder):
        state = folder / "a.db"
        with journal(nats, state) as filled:
            waiting = threading.Semaphore(0)
            drafts = [Draft(f"room-{n}", f"id-{n}", "ada", TEXT) for n in range(ROOMS)]
            for first in range(0, ROOMS, 1_000):
                filled.submit(drafts[first : first + 1_000], lambda outcomes: waiting.release(len(outcomes)))
            for _ in drafts:
                waiting.acquire()
        for without in (False, True):
            if without:
                for server in nats.servers:
                    server.stop()
            stream = Stream.of_messages(NAME, servers, 2 * 1024**3)
            began = time.perf_counter()
            again = ReplicatedJournal(state, JetStreamLog(Servers(nats.addresses), stream), search=False)
            again.start(Watch())
            pages: SimpleQueue[Page | Unavailable] = SimpleQueue()
            again.read(f"room-{ROOMS - 1}", pages.put, limit=1, max_bytes=10_000)
            page = pages.get(timeout=TIMEOUT)
            seconds = time.perf_counter() - began
            again.close()
            if isinstance(page, Unavailable) or not page.messages:
                raise AssertionError(f"{page} is no page with a message")
            told = f"{seconds * 1000:.1f} ms {'while no NATS server runs' if without else 'with the log'}"
            print(f"  from its start to the answer to a read, of {ROOMS:,} rooms: {told}")


def silence(servers: int) -> None:
    """Measure for how long nothing is acknowledged when the server that leads the log fails."""
    if servers == 1:
        return
    faults = {"killed": NatsServer.kill, "stopped in order": NatsServer.stop}
    with cluster(servers) as (nats, folder), journal(nats, folder / "a.db") as filled:
        for words, fault in faults.items():
            longest = [_silence(nats, filled, fault, f"{words}-{n}") for n in range(FAILURES)]
            told = ", ".join(f"{each:.2f}" for each in sorted(longest))
            print(f"  longest silence of acks, the leader {words}, {FAILURES} times: {told} s")


def _silence(
    nats: NatsServers, filled: ReplicatedJournal, fault: Callable[[NatsServer], None], name: str
) -> float:
    acks = [time.perf_counter()]
    over = threading.Event()

    def talk() -> None:
        number = 0
        while not over.is_set():
            number += 1
            if post(filled, f"{name}-{number}") is not None:
                acks.append(time.perf_counter())

    talker = threading.Thread(target=talk)
    talker.start()
    leader = nats.named(ask(nats, "stream_info", NAME).cluster.leader)
    fault(leader)
    failed_at = time.perf_counter()
    while acks[-1] < failed_at + 1.0 and time.perf_counter() < failed_at + TIMEOUT:
        time.sleep(0.05)
    over.set()
    talker.join()
    leader.start()
    while not _all_are_current(nats):
        time.sleep(0.1)
    return max(later - earlier for earlier, later in pairwise(acks))


def _all_are_current(nats: NatsServers) -> bool:
    state = ask(nats, "stream_info", NAME).cluster
    return bool(state.leader) and all(each.current for each in state.replicas)


def main() -> None:
    """Measure with one server, and with three."""
    chosen = sys.argv[1:] or list(QUESTIONS)
    for servers in (1, 3):
        print(f"{servers} NATS server{'s' * (servers > 1)}:")
        for name in chosen:
            QUESTIONS[name](servers)


QUESTIONS: Final = {"posts": posts, "claims": claims, "rooms": rooms, "silence": silence}


if __name__ == "__main__":
    main()
