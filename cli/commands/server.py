"""``chat server``: a hub, a transport, and the signals that stop them.

The first SIGINT or SIGTERM drains: clients get what they are owed and a ``closing`` frame. A second one ends
the process immediately. An error in one of the server's threads stops it too: a supervisor that restarts it
helps more than a server with a missing part.
"""

import contextlib
import gc
import ipaddress
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue
from types import FrameType

import typer

from chatcore import DEFAULT_URL, Hub
from chatcore.transport import Listen
from cli.commands.transports import choose
from cli.descriptors import allow_descriptors
from cli.report import FAILED, complain
from cli.settings.journals import open_journal
from cli.settings.limits import default_limits, parse_limits

__all__ = ["run"]

COLLECT_AFTER = 50_000
"""New objects after which the garbage collector looks for cycles. With Python's default of 700 it would scan
the objects of a burst several times during the burst, and find nothing: reference counting frees everything
except closed sessions."""

SAME_SIGNAL = 0.2
"""Seconds in which signals count as one: some programs signal a process and then its group."""


def run(transport_name: str, urls: Sequence[str], journal: str | None, limits: Sequence[str]) -> int:
    """Serve until a signal; return the exit code.

    Raises `UsageError` for an invalid option, `JournalError` if the journal cannot be opened, and `OSError`
    if it cannot listen on an address.
    """
    if "help" in limits:
        _list_limits()
        return 0
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    transport = choose(transport_name)
    listens = [Listen.parse(url) for url in urls or [DEFAULT_URL]]
    settings, history = parse_limits(limits)
    allow_descriptors()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    kind, store = open_journal(journal, history)
    with Hub(store, settings) as hub:
        stop = _Stop()
        try:
            server = transport.start(hub, listens)
        except OSError as error:
            raise OSError(
                f"cannot listen on {' '.join(map(str, listens))}: {error.strerror or error}; "
                "choose another address with --listen"
            ) from error
        with contextlib.closing(server):
            for listen in server.listening:
                typer.echo(f"listening on {listen} ({transport.name})")
                _warn_if_open(listen)
            typer.echo(kind.describe(store), err=True)
            stop.wait()
    return FAILED if stop.crashed else 0


class _Stop:
    """Waits for a signal or a crash. A second signal ends the process immediately.

    A signal handler runs between any two steps of the main thread, so it must not take a lock that this
    thread may hold, as the one of an event that it waits for. A `SimpleQueue` is made for that.
    """

    def __init__(self) -> None:
        self.crashed = False
        self._now: SimpleQueue[None] = SimpleQueue()
        self._since: float | None = None  # when the first signal came
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        threading.excepthook = self._on_crash

    def wait(self) -> None:
        """Wait until the server is to stop."""
        self._now.get()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._since is None:
            self._since = now
            self._now.put(None)
        elif now - self._since > SAME_SIGNAL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _on_crash(self, args: threading.ExceptHookArgs) -> None:
        # A server without one of its threads serves nobody: better to stop and be restarted.
        sys.excepthook(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
        complain("this is a bug in the server, which stops now")
        self.crashed = True
        self._now.put(None)


def _list_limits() -> None:
    for name, default in default_limits().items():
        typer.echo(f"{name}={'none' if default is None else default}")


def _warn_if_open(listen: Listen) -> None:
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(listen.host).is_loopback:
            return
    if listen.host != "localhost":
        typer.echo(f"anyone who can reach {listen} can join, and the traffic is not encrypted", err=True)
