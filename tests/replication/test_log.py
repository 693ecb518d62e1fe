"""What every log owes: an order that all of its readers see, from wherever they begin."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from chatcore.messages import DurabilityWord
from chatcore.replication import Log, LogEntry, LogListener
from chatcore.replication.memory import MemoryLog
from tests import rows
from tests.jetstream.servers import SharedLog
from tests.jetstream.shared import shared_servers

DEADLINE = 10.0


class Reader:
    """A connection, and what it has reported."""

    def __init__(self, log: Log, after: int = 0) -> None:
        self.log = log
        self.opened_as: list[tuple[str, int, int, str]] = []
        self.read: list[LogEntry] = []
        self._changed = threading.Condition()
        log.start(self, after)

    def opened(self, identity: str, first: int, last: int, durability: DurabilityWord) -> None:
        """Note that it is connected."""
        with self._changed:
            self.opened_as.append((identity, first, last, durability))
            self._changed.notify_all()

    def entries(self, entries: Sequence[LogEntry]) -> None:
        """Note entries, which have to follow each other."""
        assert self.opened_as
        with self._changed:
            for entry in entries:
                assert not self.read or entry.position == self.read[-1].position + 1
                self.read.append(entry)
            self._changed.notify_all()

    def wait_for(self, position: int) -> list[LogEntry]:
        """Wait until an entry was reported; return all."""
        with self._changed:
            wanted = self._changed.wait_for(
                lambda: bool(self.read) and self.read[-1].position >= position, DEADLINE
            )
            assert wanted, "it is not reported"
            return list(self.read)

    def last(self) -> int:
        """Ask for the last position, until the log says it."""
        answers = queue.SimpleQueue[int | None]()
        while True:
            self.log.ask_last(answers.put)
            if (last := answers.get(timeout=DEADLINE)) is not None:
                return last

    def wait_until_open(self) -> tuple[str, int, int, str]:
        """Wait until it is connected; return how it was."""
        with self._changed:
            assert self._changed.wait_for(lambda: bool(self.opened_as), DEADLINE)
            return self.opened_as[0]


LOGS: dict[str, Callable[[], MemoryLog | SharedLog]] = {
    "memory": MemoryLog,
    "jetstream": lambda: SharedLog(shared_servers(1)),
    "jetstream-3": lambda: SharedLog(shared_servers(3)),
}


@pytest.fixture(params=rows.LOGS)
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[[int], Reader]]:
    """Connects to one log, after a position; each of its entries is in it once it was read."""
    shared = LOGS[request.param]()
    readers: list[Reader] = []

    def make(after: int = 0) -> Reader:
        readers.append(Reader(shared.connect(), after))
        return readers[-1]

    yield make
    for reader in readers:
        reader.log.close()


def test_all_readers_see_the_same_entries_in_one_order(connect: Callable[..., Reader]) -> None:
    one, other = connect(), connect()
    for n in range(50):
        (one, other)[n % 2].log.append(b"%d" % n)
    first, second = one.wait_for(50), other.wait_for(50)
    assert first == second
    assert [entry.position for entry in first] == [*range(1, 51)]
    assert sorted(entry.data for entry in first) == sorted(b"%d" % n for n in range(50))
    assert one.wait_until_open()[0] == other.wait_until_open()[0]


def test_bytes_come_as_they_were_appended(connect: Callable[..., Reader]) -> None:
    reader = connect()
    sent = [b"\0", b"\xff" * 1_000, b"a" * 300_000, b"\n"]
    for data in sent:
        reader.log.append(data)
    assert [entry.data for entry in reader.wait_for(4)] == sent


def test_a_reader_that_begins_after_a_position_misses_nothing_that_follows(
    connect: Callable[..., Reader],
) -> None:
    writer = connect()
    for n in range(20):
        writer.log.append(b"%d" % n)
    writer.wait_for(20)
    for count, after in enumerate((0, 1, 7, 19, 20), start=20):
        reader = connect(after)
        _, first, last, _ = reader.wait_until_open()
        assert (first, last) == (1, count)
        writer.log.append(b"later")
        read, all_of_it = reader.wait_for(count + 1), writer.wait_for(count + 1)
        assert read[0].position <= after + 1
        assert read == all_of_it[read[0].position - 1 :]


def test_threads_may_append_together(connect: Callable[..., Reader]) -> None:
    reader = connect()

    def send(name: int) -> None:
        for n in range(50):
            reader.log.append(b"%d-%d" % (name, n))

    threads = [threading.Thread(target=send, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE)
    assert len({entry.data for entry in reader.wait_for(200)}) == 200


def test_the_last_position_is_that_of_all_that_was_read_anywhere(connect: Callable[..., Reader]) -> None:
    one, other = connect(), connect()
    other.wait_until_open()
    for n in range(3):
        one.log.append(b"%d" % n)
        one.wait_for(n + 1)
        assert other.last() == n + 1


def test_of_a_log_that_is_closed_nothing_is_delivered(connect: Callable[..., Reader]) -> None:
    reader = connect()
    reader.wait_until_open()
    reader.log.close()
    answers: list[int | None] = []
    reader.log.ask_last(answers.append)
    assert answers == []


def test_nothing_is_reported_after_close(connect: Callable[..., Reader]) -> None:
    reader, other = connect(), connect()
    reader.log.append(b"1")
    reader.wait_for(1)
    reader.log.close()
    reader.log.close()
    other.log.append(b"2")
    other.wait_for(2)
    assert len(reader.read) == 1


_: type[LogListener] = Reader
