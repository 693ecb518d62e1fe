"""The seam to logs: what several servers share, bytes in one order that all of them read.

A log orders and stores entries. It need not understand them, and it promises little: whoever appends an entry
knows what became of it only once it is read. So any engine fits that gives each entry a position. Whatever
depends on what was stored before is decided where entries are read, on each server alike.

`memory` is a log within one process: read it first. `fence` has the rules that all users of a log share:
which entries count, and whether two readers have read the same. `outbox` is what one of them has appended and
not read yet. Whoever has what a log comes to in a SQLite file builds on `state`, what is noted there of the
log; `machine`, what any entry does to it; `jobs`, what waits for its thread; and `follower`, which reads.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from chatcore.messages import DurabilityWord

__all__ = ["DurabilityWord", "Log", "LogEntry", "LogListener"]


class LogEntry(NamedTuple):
    """An entry: its position, when the log took it, and its bytes.

    Positions begin at 1 and follow each other. ``at`` is in microseconds since 1970, by the log's clock: it
    is the same for all readers, and it may go back.
    """

    position: int
    at: int
    data: bytes


class LogListener(Protocol):
    """Whom a log reports to: one call at a time, from any thread but never within `Log.append`.

    Either call may take a while, where much waits to be applied; so a log calls in a thread that can wait,
    and fetches no more meanwhile.
    """

    def opened(self, identity: str, first: int, last: int, durability: DurabilityWord) -> None:
        """The log is connected, or connected again; what follows is read from this log.

        ``identity`` was chosen by chance when the log was made, and never changes. ``first`` is the position
        of the oldest entry that it has, and ``last`` that of the newest, or ``first - 1`` if it has none.
        ``durability`` is how safe an entry is once it is read.
        """

    def entries(self, entries: Sequence[LogEntry]) -> None:
        """These entries are in the log: each follows the one before, and the first follows the last call's.

        After `opened`, entries that were reported before may come again. A reader compares them with what it
        has applied, so a log does well to begin with the last one that its listener has.
        """


class Log(Protocol):
    """One server's connection to a log."""

    def start(self, listener: LogListener, after: int) -> None:
        """Begin to connect, and to report entries after a position. Called once, before anything else.

        It returns without a connection, which may be there much later, or never.
        """

    def append(self, data: bytes) -> None:
        """Ask for an entry to be appended; callable from any thread, and it does not wait.

        Nothing is promised. The entry may be lost, come late, come twice, or come after one that was appended
        later. Whoever wants it in the log appends it again until it was read.
        """

    def ask_last(self, deliver: Callable[[int | None], None]) -> None:
        """Ask for the position of the newest entry, without appending one; callable from any thread.

        ``deliver`` is called with it, 0 if there never was an entry, or with ``None`` where the log cannot
        say: within this call or later, from any thread. It must not wait. Whoever had an entry read before
        the question has it at this position or an earlier one. Nothing is delivered after `close`.
        """

    def close(self) -> None:
        """Report no more: when this returns, no call of the listener is going on. Idempotent."""
