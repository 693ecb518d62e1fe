"""What a server tells systemd, or whatever else has started it with ``NOTIFY_SOCKET``: a datagram for each.

- The variables are taken out of the environment, so that no child of ours speaks for us.
- Nothing that goes wrong here stops a server, or holds it up for longer than `SECONDS`. Once nobody listens,
  the log says so, since systemd would wait for us in vain.
- A state that was not taken, since the other end was full or away, is told again until it is: systemd waits
  for it. A thread does that, which there is only then.
- A watchdog is told that we live only after we were asked and have answered. Who does not answer is asked on,
  and systemd restarts us when it has heard nothing for as long as the unit says.
"""

import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, MutableMapping
from typing import Self

from cli.logs.events import systemd_unreachable

__all__ = ["Systemd"]

SECONDS = 1.0
"""How long a datagram may wait for room at the other end, and an answer to whether we live."""

AGAIN = 0.1
"""How soon we are asked again after we have not answered."""


class Systemd:
    """What has started us, if it wants to know how we are. Its methods do nothing otherwise.

    ``address`` is where it listens: a path, or ``@`` and a name that is no path. ``watchdog`` is after how
    many seconds without a word it takes us for dead.
    """

    def __init__(self, address: str | None = None, watchdog: float | None = None) -> None:
        self._address = address
        self._watchdog = watchdog
        self._status = ""
        self._is_lost = False
        self._untold: list[str] = []  # in their order; the last one is how we are
        self._noting = threading.Lock()
        self._sending = threading.Lock()
        self._is_retrying = False
        self._over = threading.Event()

    @classmethod
    def from_environment(cls, variables: MutableMapping[str, str] = os.environ) -> Self:
        """Take out of the environment what it says for us."""
        address = variables.pop("NOTIFY_SOCKET", None)
        period, process = variables.pop("WATCHDOG_USEC", ""), variables.pop("WATCHDOG_PID", "")
        is_ours = process in ("", str(os.getpid()))
        return cls(address or None, _seconds(period) if is_ours else None)

    def ready(self, status: str) -> None:
        """Tell that clients can connect. ``status`` is a line for people."""
        self._status = " ".join(status.split())
        self._tell(f"READY=1\nSTATUS={self._status}", after="RELOADING")

    @contextlib.contextmanager
    def reloading(self) -> Iterator[None]:
        """Tell that files are loaded again in this block, and that all is `ready` after it."""
        now = time.monotonic_ns() // 1_000
        self._tell(f"RELOADING=1\nMONOTONIC_USEC={now}\nSTATUS=loading files again")
        try:
            yield
        finally:
            self.ready(self._status)

    def stopping(self) -> None:
        """Tell that we are about to end."""
        self._tell("STOPPING=1\nSTATUS=answering what is left")

    @contextlib.contextmanager
    def watching(self, is_alive: Callable[[float], bool]) -> Iterator[None]:
        """Tell in this block, twice as often as we have to, that we live.

        ``is_alive`` is called in a thread of its own, with how many seconds it may take.
        """
        if self._address is None or self._watchdog is None:
            try:
                yield
            finally:
                self._over.set()
            return
        watch = threading.Thread(
            target=self._watch, args=(self._watchdog / 2, is_alive), name="chat-watchdog", daemon=True
        )
        watch.start()
        try:
            yield
        finally:
            self._over.set()
            watch.join(SECONDS)

    def _watch(self, period: float, is_alive: Callable[[float], bool]) -> None:
        wait = 0.0
        while not self._over.wait(min(wait, threading.TIMEOUT_MAX)):
            asked = time.monotonic()
            if not is_alive(min(period, SECONDS)):
                wait = min(period, AGAIN)
            elif self._deliver() and self._send("WATCHDOG=1", SECONDS):
                wait = max(asked + period - time.monotonic(), 0.0)
            else:
                wait = min(period, SECONDS)

    def _tell(self, state: str, after: str = "") -> None:
        """Tell a state, now or later. It stands for all before it that were not told, but ``after``."""
        if self._address is None:
            return
        with self._noting:
            self._untold = [each for each in self._untold if after and each.startswith(after)] + [state]
        if not self._deliver():
            self._retry()

    def _deliver(self) -> bool:
        """Tell what was not told yet; tell whether that is all."""
        end = time.monotonic() + SECONDS
        if not self._sending.acquire(timeout=SECONDS):
            return False
        try:
            while self._untold:
                state = self._untold[0]
                if not self._send(state, max(end - time.monotonic(), 0.0)):
                    return False
                with self._noting:
                    self._untold = [each for each in self._untold if each is not state]
            return True
        finally:
            self._sending.release()

    def _retry(self) -> None:
        with self._noting:
            if self._is_retrying or self._over.is_set():
                return
            self._is_retrying = True
        threading.Thread(target=self._tell_again, name="chat-notify", daemon=True).start()

    def _tell_again(self) -> None:
        while not self._over.wait(SECONDS):
            self._deliver()
            with self._noting:
                if not self._untold:
                    self._is_retrying = False
                    return

    def _send(self, text: str, seconds: float) -> bool:
        assert self._address is not None
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
                sock.settimeout(seconds)
                sock.sendto(text.encode(), _path(self._address))
        except (OSError, AttributeError) as error:  # some systems know no such sockets
            if not self._is_lost:
                self._is_lost = True
                systemd_unreachable.log(error=_reason(error))
            return False
        self._is_lost = False
        return True


def _path(address: str) -> str:
    """Return an address as sockets know it; there a name that is no path begins with a zero."""
    return f"\0{address[1:]}" if address.startswith("@") else address


def _seconds(microseconds: str) -> float | None:
    """Return a time that systemd has given; there 0, and what has more than 64 bits, is none."""
    is_number = microseconds.isascii() and microseconds.isdecimal() and len(microseconds) <= 20
    number = int(microseconds) if is_number else 0
    return number / 1_000_000 if 0 < number < 2**64 - 1 else None


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
