"""``chat server``: a hub, a transport, and the signals that stop them.

The door is looked at before anything is opened: see `cli.door`. A signal drains: clients get what they are
owed and a ``closing`` frame; see `cli.stop`. An error in one of the server's threads stops it too: a
supervisor that restarts it helps more than a server with a missing part. Nothing that happens to its output
stops it.
"""

import contextlib
import gc
import sys
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from chatcore import Hub, UsageError
from chatcore.journal import JournalKind
from chatcore.transport import check_listens
from cli import connect_file
from cli.commands.transports import choose
from cli.console import Console
from cli.descriptors import require_descriptors
from cli.handed_over import HandedOver
from cli.listeners import Entrance, open_listeners
from cli.logs import events
from cli.logs.digest import Digest
from cli.logs.setup import LogOptions, log_to
from cli.report import FAILED
from cli.serving import Plan, Serving
from cli.settings.accounts import is_shared
from cli.settings.addresses import DEFAULT_URLS
from cli.settings.certificates import open_certificate
from cli.settings.file import ConfigFile
from cli.settings.journals import SHARED, directory_of, open_journal
from cli.settings.limits import default_limits, parse_limits
from cli.settings.web import site_for
from cli.stop import Stop
from cli.streams import write_text
from cli.systemd import Systemd
from transports.certificates import Certificate

if TYPE_CHECKING:
    from chatcore import Accounts
    from chatcore.cluster import ReplicatedAccounts
    from cli.metrics.service import Metrics
    from cli.published import Published, SharedPublished

__all__ = ["Options", "run"]

COLLECT_AFTER = 50_000
"""New objects after which the garbage collector looks for cycles. With Python's default of 700 it would scan
the objects of a burst several times during the burst, and find nothing: reference counting frees everything
except closed sessions."""

DESCRIPTORS = 32
"""Files that a server opens before anybody is connected, and some to spare."""


@dataclass(frozen=True, slots=True)
class Options:
    """What ``chat server`` was told."""

    transport: str
    listen: Sequence[str]
    journal: str | None
    limit: Sequence[str]
    search: bool
    cert: str | None
    cert_key: str | None
    accounts: str | None
    public_url: Sequence[str]
    metrics: str | None
    insecure: bool
    everybody: bool
    web_origin: Sequence[str]
    web_node: Sequence[str]
    web_host: Sequence[str]
    trust_proxy: Sequence[str]
    log_level: str
    log_format: str

    @property
    def urls(self) -> Sequence[str]:
        """Where to listen."""
        return self.listen or DEFAULT_URLS

    @property
    def extra_urls(self) -> Sequence[str]:
        """Those that nobody has asked for, and that the server can do without."""
        return () if self.listen or self.trust_proxy else DEFAULT_URLS[1:]


def run(options: Options, file: ConfigFile) -> int:
    """Serve until a signal; return the exit code. ``file`` has the settings, which are not loaded again.

    Raises `UsageError` for an invalid option and for a listener that the door refuses, `AccountsError` if the
    accounts cannot be used, `JournalError` if the journal cannot be opened, and `OSError` if it cannot listen
    on an address.
    """
    if "help" in options.limit:
        _list_limits()
        return 0
    systemd, handed_over = Systemd.from_environment(), HandedOver.from_environment()
    log_options = LogOptions(options.log_level, options.log_format)
    plan = _plan(options, handed_over)
    require_descriptors(DESCRIPTORS, "a server")  # with fewer, libuv's event loop would abort the process
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)
    with (
        _metrics(options) as metrics,
        _console(sys.stdout) as output,
        _console(sys.stderr) as errors,
        Stop() as stop,
    ):
        flood = log_to(errors, _descriptor(sys.stderr), log_options)
        handed_over.close_rest()
        published = _published(plan.accounts, options, plan.certificate)
        with (
            stop.during(lambda: _hub(plan)) as hub,
            Digest(hub.statistics, flood, plan.certificate),
        ):
            serving = stop.during(lambda: Serving(plan, hub, stop, systemd, metrics, published))
            stop.attempt(lambda: serving.announce(output))
            began = serving.run(file)
        events.server_stopped.log(seconds=round(time.monotonic() - began, 3))
    return FAILED if stop.crashed else 0


def _plan(options: Options, handed_over: HandedOver) -> Plan:
    transport = choose(options.transport)
    limits, history = parse_limits(options.limit)
    accounts = _accounts(options)
    certificate = open_certificate(options.cert, options.cert_key, options.urls)
    live = {connect_file.NAME: connect_file.connect_file(accounts, insecure=options.insecure)}
    site = site_for(
        options.urls,
        options.web_host,
        options.web_origin,
        options.trust_proxy,
        live,
        options.web_node,
        insecure=options.insecure,
    )
    entrance = _entrance(options, handed_over)
    listens, left_out = open_listeners(options.urls, certificate, site, entrance, options.extra_urls)
    check_listens(transport, listens)
    kind, store = open_journal(options.journal, history, search=options.search)
    if options.accounts is not None:
        _check_together(options.accounts, kind)
    directory = directory_of(options.journal, kind, limits)
    return Plan(transport, listens, left_out, limits, kind, store, directory, accounts, certificate)


def _check_together(accounts: str, kind: JournalKind) -> None:
    """Raise `UsageError` where either the journal or the accounts are shared, and the other is not."""
    shared = kind.name in SHARED
    if shared and not is_shared(accounts):
        raise UsageError(
            "servers that share a journal cannot have accounts in a file of one of them; "
            f"give --accounts the address of --journal, {kind.name}://..."
        )
    if is_shared(accounts) and not shared:
        raise UsageError(
            "accounts in a log are for servers that share a journal as well; name a file with --accounts PATH"
        )


def _hub(plan: Plan) -> Hub:
    return Hub(plan.store, plan.limits, gate=plan.accounts, directory=plan.directory)


def _entrance(options: Options, handed_over: HandedOver) -> Entrance:
    return Entrance(
        accounts=options.accounts is not None,
        insecure=options.insecure,
        everybody=options.everybody,
        proxied=bool(options.trust_proxy),
        handed_over=handed_over,
    )


def _accounts(options: Options) -> "Accounts | ReplicatedAccounts | None":
    """Return the gate to the accounts; raises `AccountsError` before anything is opened if it could not."""
    if options.accounts is None:
        if options.public_url:
            raise UsageError("--public-url is what links to accounts begin with; add --accounts PATH")
        return None
    from cli.published import check_public_urls

    check_public_urls(options.public_url, insecure=options.insecure)
    if is_shared(options.accounts):
        from cli.settings.nats_accounts import gate_of

        return gate_of(options.accounts)
    from chatcore import Accounts
    from chatcore.accounts import Administration

    path = Path(options.accounts)
    Administration(path, by="server", read_only=True).close()
    return Accounts(path)


def _metrics(options: Options) -> "AbstractContextManager[Metrics | None]":
    """Listen for whoever watches the server, if that is asked for."""
    if options.metrics is None:
        return contextlib.nullcontext()
    from cli.metrics.service import open_metrics

    return open_metrics(options.metrics, insecure=options.insecure)


def _published(
    accounts: "Accounts | ReplicatedAccounts | None", options: Options, certificate: Certificate | None
) -> "Published | SharedPublished | None":
    """Return the public URLs; those that were given are stored."""
    if accounts is None:
        return None
    from chatcore import Accounts
    from cli.published import Published, SharedPublished

    if not isinstance(accounts, Accounts):
        return SharedPublished(accounts, options.public_url, certificate)

    return Published(accounts.path, options.public_url, certificate)


def _descriptor(stream: TextIO) -> int | None:
    try:
        return stream.fileno()
    except (OSError, ValueError):
        return None


def _console(stream: TextIO) -> AbstractContextManager[Console]:
    return contextlib.closing(Console(stream))


def _list_limits() -> None:
    for name, default in default_limits().items():
        write_text(f"{name}={'none' if default is None else default}\n")
