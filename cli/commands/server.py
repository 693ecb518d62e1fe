"""``chat server``: a hub, a transport, and the signals that end them."""

import contextlib
import gc
import ipaddress
import logging
import signal
import sys
import threading
import time
from collections.abc import Sequence
from types import FrameType

import typer

from chatcore import DEFAULT_URL
from chatcore.limits import Limits
from chatcore.server.hub import Hub
from chatcore.transport import Listen
from cli.commands.transports import choose
from cli.descriptors import allow_descriptors
from cli.report import FAILED, complain
from cli.settings.journals import describe, open_journal
from cli.settings.limits import parse_limits

__all__ = ["run"]

COLLECT_AFTER = 50_000
"""Objects that came and did not go, after which the collector looks for cycles. By its default of 700 it
goes through whatever a burst is made of, several times a burst, and finds nothing: counting references
frees all but the sessions that are gone."""

SAME_SIGNAL = 0.2
"""Seconds in which signals count as one: some programs signal us, and then the group that we are in."""


def run(transport_name: str, urls: Sequence[str], journal: str | None, limits: Sequence[str]) -> int:
    """Serve until a signal; return the exit code."""
    if "help" in limits:
        _list_limits()
        return 0
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    transport = choose(transport_name)
    listens = [Listen.parse(url) for url in urls or [DEFAULT_URL]]
    settings = parse_limits(limits)
    allow_descriptors()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    record = open_journal(journal, settings)
    with contextlib.closing(Hub(record, settings)) as hub:
        ending = _Ending()
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
            typer.echo(describe(record), err=True)
            ending.wait()
    return FAILED if ending.crashed else 0


class _Ending:
    """Waits for a first signal; a second one ends the process at once."""

    def __init__(self) -> None:
        self.crashed = False
        self._now = threading.Event()
        self._since = 0.0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)
        threading.excepthook = self._on_crash

    def wait(self) -> None:
        """Wait until it is time to end."""
        self._now.wait()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if not self._now.is_set():
            self._since = now
            self._now.set()
        elif now - self._since > SAME_SIGNAL:
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)

    def _on_crash(self, args: threading.ExceptHookArgs) -> None:
        # A server without one of its threads is none: better to end, and be started again.
        sys.excepthook(args.exc_type, args.exc_value or args.exc_type(), args.exc_traceback)
        complain("this is a bug in the server; it ends now")
        self.crashed = True
        self._now.set()


def _list_limits() -> None:
    for name, field in Limits.model_fields.items():
        typer.echo(f"{name}={'none' if field.default is None else field.default}")


def _warn_if_open(listen: Listen) -> None:
    with contextlib.suppress(ValueError):
        if ipaddress.ip_address(listen.host).is_loopback:
            return
    if listen.host != "localhost":
        typer.echo(f"anyone who reaches {listen} can join, and read what passes on the way", err=True)
