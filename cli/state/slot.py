"""A slot that this program owns: what is remembered, and its file.

Everything is written by one thread, in order, so that a slow disk stops no key. What it could not write is
reported once, and nothing is written any more: the client goes on without.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path

from cli.state.file import SlotFile
from cli.state.lock import SlotLock
from cli.state.records import Record
from cli.state.remembered import Remembered

__all__ = ["Slot"]


class Slot:
    """What we remember, which `write` changes. Call it from one thread, and `close` at the end.

    ``failed`` says that something could not be written, and nothing is written any more. ``set_aside`` are
    files that were too long to be read, when we took it.
    """

    def __init__(
        self, lock: SlotLock, file: SlotFile, remembered: Remembered, set_aside: Sequence[Path] = ()
    ) -> None:
        self.remembered = remembered
        self.set_aside = set_aside
        self._lock = lock
        self._file = file
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="chat-state")
        self.failed = False
        self._fail: Callable[[OSError], None] = lambda _: None

    def on_failure(self, report: Callable[[OSError], None]) -> None:
        """Have a failure reported, once, in the thread that writes."""
        self._fail = report

    def write(self, *records: Record, sync: bool = False) -> "Future[None]":
        """Remember something; the future is done, without an error, when that is tried.

        With ``sync`` it is on the disk then.
        """
        self.remembered.apply(records)
        if self._file.is_long:
            return self._writer.submit(self._try, self._file.rewrite, list(self.remembered.records()))
        return self._writer.submit(self._try, partial(self._file.append, sync=sync), records)

    def close(self) -> None:
        """Write what is not written yet, and give up the slot."""
        self._writer.shutdown()
        self._file.close()
        self._lock.release()

    def remove(self) -> None:
        """Give up the slot, and leave no files behind."""
        self._writer.shutdown()
        self._file.remove()
        self._lock.remove()

    def _try(self, write: Callable[[Sequence[Record]], None], records: Sequence[Record]) -> None:
        if self.failed:
            return
        try:
            write(records)
        except OSError as error:
            self.failed = True
            self._fail(error)
