"""The signals that stop a server, or have it load its files again.

- The first SIGINT or SIGTERM stops it: it drains. A second one ends the process immediately.
- SIGHUP stops it too, if it was started in a terminal: that was closed. Without a terminal nothing is closed,
  and SIGHUP is what service managers send for "load your files again". For one that comes before a server has
  got here, see `cli.hangup`.
- An error in one of the server's threads stops it.
- All that may hang is done in a thread, since only who reads signals sees a second one: see `Stop.during`.
"""

import contextlib
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Self, TypeVar

from cli.hangup import has_terminal, ignore
from cli.logs.events import exception_ignored, server_crashed

__all__ = ["Stop"]

T = TypeVar("T")

SAME_SIGNAL = 0.2
"""Seconds in which signals count as one: some programs signal a process and then its group."""

_LOOK: Final = 0
_WOKEN: Final = 255
"""Bytes that stand for no signal: `Stop.wait` is to look, or whoever waits is to."""

_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none


class Stop:
    """Waits for a signal or a crash, and for signals that come while the server ends. A context manager.

    A second SIGINT or SIGTERM ends the process immediately. A second SIGHUP does not: when a terminal is
    closed, several come, from the system and from the shell. If SIGHUP is ignored from the start, as under
    ``nohup``, it stays so.

    The system may hand a signal to any thread, or to the main one right before it waits, so no wait of
    Python's is sure to end. Only what the system's own handler writes to a socket is sure to be read.
    """

    def __init__(self) -> None:
        self.crashed = False
        self.reason = "a bug"  # or the name of the first signal
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._since: float | None = None  # when the first signal came
        self._is_to_look = self._is_to_reload = False
        self._reload_on: int | None = None if _HANGUP is None or has_terminal() else _HANGUP

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, _HANGUP):
            if number is not None and (number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN):
                signal.signal(number, ignore)
        threading.excepthook = self._on_crash
        sys.unraisablehook = _on_ignored
        return self

    def __exit__(self, *exc_info: object) -> None:
        if _HANGUP is not None:
            signal.signal(_HANGUP, signal.SIG_IGN)  # Python's own end would let one that comes late kill it
        signal.set_wakeup_fd(-1)
        self._waker.close()
        self._wakee.close()

    def wait(self, reload: Callable[[], None], look: Callable[[], object]) -> None:
        """Wait until the server is to stop.

        `attempt` calls ``reload`` for SIGHUP, unless that stops it, and ``look`` after `wake`.
        """
        while self._since is None and not self.crashed:
            if self._is_to_reload:
                self._is_to_reload = False
                self.attempt(reload)
            elif self._is_to_look:
                self._is_to_look = False
                self.attempt(look)
            else:
                self._read()

    def during(self, work: Callable[[], T]) -> T:
        """Do something in a thread, and return what it returns, or end if there is a second signal."""
        with ThreadPoolExecutor(1) as pool:
            doing = pool.submit(work)
            doing.add_done_callback(lambda _: self._send(_WOKEN))
            while not doing.done():
                self._read()
        return doing.result()

    def attempt(self, work: Callable[[], object]) -> None:
        """Do something as `during` does. An error is a crash, or follows from the one before."""
        try:
            self.during(work)
        except Exception as bug:
            if not self.crashed:
                self._crash(bug)

    def wake(self) -> None:
        """Have `wait` look at what has changed. From any thread."""
        self._send(_LOOK)

    def _read(self) -> None:
        """Wait for a signal, or for something else that happens, and take it."""
        for number in self._wakee.recv(64):
            if number == _LOOK:
                self._is_to_look = True
            elif number == self._reload_on:
                self._is_to_reload = True
            elif number != _WOKEN:
                self._take(number)

    def _take(self, number: int) -> None:
        """Take the number of a signal."""
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self.reason = signal.Signals(number).name
        elif number in (signal.SIGINT, signal.SIGTERM) and self._since and now - self._since > SAME_SIGNAL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _send(self, number: int) -> None:
        with contextlib.suppress(OSError):  # it is full, or closed: nobody needs to be woken
            self._waker.send(bytes([number]))

    def _on_crash(self, args: threading.ExceptHookArgs) -> None:
        self._crash(args.exc_value or args.exc_type())

    def _crash(self, bug: BaseException) -> None:
        # A server without one of its parts serves nobody: better to stop and be restarted.
        self.crashed = True
        server_crashed.log_bug(bug)
        self._send(_WOKEN)


def _on_ignored(args: "sys.UnraisableHookArgs") -> None:
    exception_ignored.log_bug(args.exc_value or args.exc_type())
