"""The reading half of the SQLite journal: a thread and a connection of its own."""

import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from chatcore.journal import Unavailable
from chatcore.journal.sqlite.log_events import answer_lost, journal_unreadable
from chatcore.journal.sqlite.statements import SqliteFile
from chatcore.sqlite.words import log_failure

__all__ = ["RETRY_SECONDS", "SqliteReader"]

RETRY_SECONDS = 1.0
"""Seconds after which a failed read may be tried again."""

T = TypeVar("T")


class SqliteReader:
    """Answers reads in order, one at a time; whoever asks waits for nothing.

    A hub asks for few at a time, and in turns for its sessions, so what waits here is little.

    A connection that failed is closed, and opened again for the next read.
    """

    def __init__(self, open_file: Callable[[], SqliteFile]) -> None:
        self._open_file = open_file
        self._file: SqliteFile | None = open_file()
        self._jobs: deque[Callable[[], None]] = deque()
        self._closing = False
        self._changed = threading.Condition()  # guards these two
        self._thread = threading.Thread(target=self._run, name="chat-journal-reader", daemon=True)
        self._thread.start()

    def submit(self, answer: Callable[[SqliteFile], T], deliver: Callable[[T | Unavailable], None]) -> None:
        """Have a question answered; ``deliver`` is called by the reader, or here after `close`."""
        if not self._add(partial(self._do, answer, deliver)):
            deliver(Unavailable(RETRY_SECONDS))

    def look_again(self) -> None:
        """Have a file that was moved or replaced let go, and wait for that."""
        done = threading.Event()

        def look() -> None:
            try:
                if self._file is not None:
                    self._file.check_identity()
            except Exception:  # it is opened again, and what is wrong with it is told then
                self._release()
            finally:
                done.set()

        if self._add(look):
            done.wait()

    def close(self) -> None:
        """Answer what was asked, and close the connection. Idempotent."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _add(self, job: Callable[[], None]) -> bool:
        with self._changed:
            if not self._closing:
                self._jobs.append(job)
                self._changed.notify()
            return not self._closing

    def _run(self) -> None:
        while (job := self._next()) is not None:
            try:
                job()
            except (
                Exception
            ) as error:  # a bug in what it answered: the next reader must get its answer all the same
                answer_lost.log_bug(error)
        self._release()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._jobs or self._closing)
            return self._jobs.popleft() if self._jobs else None

    def _do(self, answer: Callable[[SqliteFile], T], deliver: Callable[[T | Unavailable], None]) -> None:
        try:
            if self._file is None:
                self._file = self._open_file()
            with self._file.snapshot():
                result: T | Unavailable = answer(self._file)
        except Exception as error:  # SQLite's, or what a damaged file makes of our own code
            log_failure(journal_unreadable, error, error=str(error))
            self._release()
            result = Unavailable(RETRY_SECONDS)
        deliver(result)

    def _release(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None
