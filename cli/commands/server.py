"""``chat server``: a hub, a transport, and the signals that stop them.

The first SIGINT, SIGTERM or SIGHUP drains: clients get what they are owed and a ``closing`` frame. A second
SIGINT or SIGTERM ends the process immediately. An error in one of the server's threads stops it too: a
supervisor that restarts it helps more than a server with a missing part. Nothing that happens to its output
stops it.
"""

import contextlib
import errno
import gc
import ipaddress
import logging
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from types import FrameType
from typing import Self, TextIO

from chatcore import DEFAULT_URL, Hub
from chatcore.transport import Host, Listen, Server, Transport
from cli.commands.transports import choose
from cli.console import Console, ConsoleHandler
from cli.descriptors import require_descriptors
from cli.report import FAILED
from cli.settings.journals import open_journal
from cli.settings.limits import default_limits, parse_limits
from cli.streams import write_text

__all__ = ["run"]

COLLECT_AFTER = 50_000
"""New objects after which the garbage collector looks for cycles. With Python's default of 700 it would scan
the objects of a burst several times during the burst, and find nothing: reference counting frees everything
except closed sessions."""

DESCRIPTORS = 32
"""Files that a server opens before anybody is connected, and some to spare."""

SAME_SIGNAL = 0.2
"""Seconds in which signals count as one: some programs signal a process and then its group."""

_HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)  # Windows has none


def run(transport_name: str, urls: Sequence[str], journal: str | None, limits: Sequence[str]) -> int:
    """Serve until a signal; return the exit code.

    Raises `UsageError` for an invalid option, `JournalError` if the journal cannot be opened, and `OSError`
    if it cannot listen on an address.
    """
    if "help" in limits:
        _list_limits()
        return 0
    transport = choose(transport_name)
    listens = [Listen.parse(url) for url in urls or [DEFAULT_URL]]
    settings, history = parse_limits(limits)
    require_descriptors(DESCRIPTORS, "a server")  # with fewer, libuv's event loop would abort the process
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    kind, store = open_journal(journal, history)
    with _console(sys.stdout) as output, _console(sys.stderr) as errors, _Stop(errors) as stop:
        _log_to(errors)
        with Hub(store, settings) as hub:
            server = _start(transport, hub, listens)
            for listen in server.listening:
                output.say(f"listening on {listen} ({transport.name})")
                output.wait()
                _warn_if_open(listen, errors)
            errors.say(kind.describe(store))
            stop.wait()
            stop.during(lambda: _close(server, hub, stop))
    return FAILED if stop.crashed else 0


def _console(stream: TextIO) -> AbstractContextManager[Console]:
    return contextlib.closing(Console(stream))


def _log_to(errors: Console) -> None:
    logging.basicConfig(
        level=logging.WARNING,
        format="%(asctime)s %(name)s: %(message)s",
        handlers=[ConsoleHandler(errors)],
        force=True,
    )


def _start(transport: Transport, hub: Host, listens: Sequence[Listen]) -> Server:
    try:
        return transport.start(hub, listens)
    except OSError as error:
        advice = "choose another address with --listen"
        if error.errno in (errno.EMFILE, errno.ENFILE):
            advice = "raise the limit of open files with ulimit -n"
        where = " ".join(map(str, listens))
        raise OSError(f"cannot listen on {where}: {error.strerror or error}; {advice}") from error


def _close(server: Server, hub: Hub, stop: "_Stop") -> None:
    try:
        server.close()
        hub.close()
    except Exception:
        if not stop.crashed:  # else this is what has crashed, and was reported
            raise


class _Stop:
    """Waits for a signal or a crash, and for signals that come while the server ends. A context manager.

    A second SIGINT or SIGTERM ends the process immediately. A second SIGHUP does not: when a terminal is
    closed, several come, from the system and from the shell. If SIGHUP is ignored from the start, as under
    ``nohup``, it stays so.

    The system may hand a signal to any thread, or to the main one right before it waits, so no wait of
    Python's is sure to end. Only what the system's own handler writes to a socket is sure to be read.
    """

    def __init__(self, errors: Console) -> None:
        self.crashed = False
        self._errors = errors
        self._waker, self._wakee = socket.socketpair()
        self._waker.setblocking(False)
        self._since: float | None = None  # when the first signal came

    def __enter__(self) -> Self:
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, _HANGUP):
            if number is not None and (number != _HANGUP or signal.getsignal(number) != signal.SIG_IGN):
                signal.signal(number, _ignore)
        threading.excepthook = self._on_crash
        return self

    def __exit__(self, *exc_info: object) -> None:
        if _HANGUP is not None:
            signal.signal(_HANGUP, signal.SIG_IGN)  # Python's own end would let one that comes late kill it
        signal.set_wakeup_fd(-1)
        self._waker.close()
        self._wakee.close()

    def wait(self) -> None:
        """Wait until the server is to stop."""
        while self._since is None and not self.crashed:
            self._receive()

    def during(self, work: Callable[[], None]) -> None:
        """Do something in a thread, and wait for that, or end if there is a second signal."""
        with ThreadPoolExecutor(1) as pool:
            doing = pool.submit(work)
            doing.add_done_callback(lambda _: self._wake())
            while not doing.done():
                self._receive()
        doing.result()

    def _receive(self) -> None:
        for number in self._wakee.recv(64):  # the signals, and 0 for everything else
            self._take(number)

    def _take(self, number: int) -> None:
        now = time.monotonic()
        if number and self._since is None:
            self._since = now
        elif number in (signal.SIGINT, signal.SIGTERM) and self._since and now - self._since > SAME_SIGNAL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # it is full, or closed: nobody needs to be woken
            self._waker.send(b"\0")

    def _on_crash(self, args: threading.ExceptHookArgs) -> None:
        # A server without one of its threads serves nobody: better to stop and be restarted.
        self.crashed = True
        lines = traceback.format_exception(args.exc_type, args.exc_value, args.exc_traceback)
        self._errors.say("".join(lines).rstrip("\n"))
        self._errors.say("chat: this is a bug in the server, which stops now")
        self._wake()


def _ignore(number: int, frame: FrameType | None) -> None:
    """Let a signal do nothing but what the system's handler does for it."""


def _list_limits() -> None:
    for name, default in default_limits().items():
        write_text(f"{name}={'none' if default is None else default}\n")


def _warn_if_open(listen: Listen, errors: Console) -> None:
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(listen.host).is_loopback:
            return
    if listen.host != "localhost":
        errors.say(f"anyone who can reach {listen} can join, and the traffic is not encrypted")
