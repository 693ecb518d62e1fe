"""A log that does what no log may do for long: it loses, repeats, delays and reorders what is appended.

What it has taken it never changes. Nothing happens by itself: whoever has it calls for each step.
"""

from collections.abc import Callable
from random import Random

from chatcore.messages import DurabilityWord
from chatcore.replication import Log, LogEntry, LogListener

__all__ = ["FaultyConnection", "FaultyLog"]


class FaultyLog:
    """The entries, and what is on its way to it. ``clock`` gives seconds, and its own goes back now and then.

    ``faults`` is how often something goes wrong with an entry on its way, from 0 to 1.
    """

    durability: DurabilityWord = "replicated"

    def __init__(self, random: Random, clock: Callable[[], float], faults: float = 0.0) -> None:
        self.identity = "log-1"
        self.entries: list[LogEntry] = []
        self.on_its_way: list[bytes] = []
        self.faults = faults
        self._random = random
        self._clock = clock

    @property
    def last(self) -> int:
        """The position of the newest entry."""
        return len(self.entries)

    def connect(self) -> "FaultyConnection":
        """Return a connection for one server."""
        return FaultyConnection(self, self._random)

    def take(self) -> None:
        """Let an entry arrive, or something else become of it."""
        random, way = self._random, self.on_its_way
        goes_wrong = random.random() < self.faults
        data = way.pop(random.randrange(len(way)) if goes_wrong else 0)
        match random.choice(("lost", "twice", "early", "later")) if goes_wrong else None:
            case "lost":
                pass
            case "later":
                way.insert(random.randint(0, len(way)), data)
            case "twice":
                self.write(data)
                way.insert(random.randint(0, len(way)), data)
            case _:
                self.write(data)

    def write(self, data: bytes) -> None:
        """Take an entry."""
        at = round((self._clock() - self._random.choice((0.0, 0.0, 0.0, 2.5))) * 1_000_000)
        self.entries.append(LogEntry(self.last + 1, at, data))


class FaultyConnection:
    """One server's connection; `open` and `deliver` are its steps."""

    def __init__(self, log: FaultyLog, random: Random) -> None:
        self._log = log
        self._random = random
        self._listener: LogListener | None = None
        self._position = 0
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether it is connected."""
        return self._is_open

    @property
    def missing(self) -> int:
        """How many entries were not reported yet."""
        return self._log.last - self._position

    def start(self, listener: LogListener, after: int) -> None:
        """Wait for `open`."""
        self._listener = listener
        self._position = after

    def append(self, data: bytes) -> None:
        """Send an entry on its way; without a connection it is lost."""
        if self._is_open:
            self._log.on_its_way.append(data)

    def ask_last(self, deliver: Callable[[int | None], None]) -> None:
        """Deliver the last position, if it is connected."""
        deliver(self._log.last if self._is_open else None)

    def close(self) -> None:
        """Report no more."""
        self._listener = None
        self._is_open = False

    def open(self) -> None:
        """Connect, and begin with some that were reported before."""
        assert self._listener is not None
        self._is_open = True
        self._position = max(self._position - self._random.randint(0, 3), 0)
        self._listener.opened(self._log.identity, 1, self._log.last, self._log.durability)

    def cut(self) -> None:
        """Lose the connection."""
        self._is_open = False

    def deliver(self, at_most: int) -> None:
        """Report the next entries."""
        assert self._listener is not None
        entries = self._log.entries[self._position : self._position + at_most]
        self._position += len(entries)
        self._listener.entries(entries)


_: type[Log] = FaultyConnection
