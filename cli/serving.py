"""A server that runs: what it says when it begins, what it loads again, and how it ends.

`cli.commands.server` has looked at the options before, and opened what is beside the hub.
"""

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chatcore import Hub, Limits, __version__
from chatcore.journal import Journal, JournalKind
from chatcore.transport import Listen, Server, Transport
from cli.console import Console
from cli.door import cannot_listen
from cli.listeners import LeftOut, why_not
from cli.logs import events
from cli.metrics.shared import watch_logs, watch_roster
from cli.page_address import invitation
from cli.settings.certificates import is_self_made, worries_about
from cli.settings.file import ConfigFile
from cli.stop import Stop
from cli.systemd import Systemd
from transports.certificates import Certificate

if TYPE_CHECKING:
    from chatcore import Accounts
    from chatcore.cluster import ReplicatedAccounts, SharedDirectory
    from cli.metrics.service import Metrics
    from cli.published import Published, SharedPublished

__all__ = ["Plan", "Serving"]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a server will be. Nothing of it is open yet."""

    transport: Transport
    listens: Sequence[Listen]
    left_out: Sequence[LeftOut]
    limits: Limits
    kind: JournalKind
    store: Journal
    directory: "SharedDirectory | None"
    accounts: "Accounts | ReplicatedAccounts | None"
    certificate: Certificate | None


class Serving:
    """A server from when clients can connect until it has drained."""

    def __init__(
        self,
        plan: Plan,
        hub: Hub,
        stop: Stop,
        systemd: Systemd,
        metrics: "Metrics | None",
        published: "Published | SharedPublished | None",
    ) -> None:
        """Listen; raises `OSError` if it cannot."""
        self._plan = plan
        self._hub = hub
        self._stop = stop
        self._systemd = systemd
        self._metrics = metrics
        self._published = published
        self._server = _start(plan, hub)

    def announce(self, output: Console) -> None:
        """Say to everybody who waits for it that clients can connect, and what is to be known."""
        if self._published is not None:
            self._published.begin(self._server.listening)
        if (certificate := self._plan.certificate) is not None:
            _warn_about(certificate)
            certificate.when_loaded(self._stop.wake)
        for listen in self._server.listening:
            output.say(f"listening on {listen} ({self._plan.transport.name}){self._invitation(listen)}")
        output.wait()
        self._log_start()
        if self._metrics is not None:
            plan = self._plan
            look_at_logs = watch_logs(plan.kind, plan.store, plan.accounts)
            self._metrics.serve(self._hub, self._server, look_at_logs, watch_roster(plan.directory))
        self._systemd.ready(f"listening on {self._urls}")

    def run(self, file: ConfigFile) -> float:
        """Serve until something stops the server, and drain it. Return the monotonic time when that began.

        ``file`` has the settings, which are not loaded again.
        """
        with self._systemd.watching(self._is_alive):
            self._stop.wait(lambda: self._reload(file), self._adapt)
            began = time.monotonic()
            self._stop.attempt(self._drain)
        return began

    def _drain(self) -> None:
        """Give clients what they are owed, and end."""
        self._systemd.stopping()
        if self._metrics is not None:
            self._metrics.note_closing()
        try:
            connections = self._hub.statistics().connections
            events.server_draining.log(signal=self._stop.reason, connections=connections)
        finally:
            self._close()

    @property
    def _urls(self) -> str:
        return " ".join(map(str, self._server.listening))

    def _invitation(self, listen: Listen) -> str:
        if not listen.is_for_browsers:
            return ""
        accounts = self._plan.accounts
        return f": {invitation(listen, None if accounts is None else [each.url for each in accounts.urls])}"

    def _is_alive(self, seconds: float) -> bool:
        return not self._stop.crashed and self._hub.is_alive(seconds)

    def _log_start(self) -> None:
        plan = self._plan
        for each in plan.left_out:
            events.listener_left_out.log(url=each.url, error=each.error.strerror or str(each.error))
        self._log_journal()
        if plan.accounts is not None:
            events.accounts_required.log(path=str(plan.accounts.path))
        if plan.certificate is not None and is_self_made(plan.certificate):
            events.certificate_self_made.log(fingerprint=plan.certificate.fingerprint)
        events.server_started.log(
            version=__version__, urls=self._urls, transport=plan.transport.name, process=os.getpid()
        )

    def _log_journal(self) -> None:
        """Log where messages are kept, and how safely: of a log that servers share, once it is connected."""
        store = self._plan.store
        path = str(getattr(store, "path", ""))  # a plug-in's may have none

        def log_opened() -> None:
            events.journal_opened.log(kind=self._plan.kind.name, path=path, durability=store.durability)

        if getattr(store, "is_connected", True):
            log_opened()
        else:
            events.journal_connecting.log(path=path)
            store.when_connected(log_opened)  # type: ignore[attr-defined]  # only the replicated journal waits

    def _reload(self, file: ConfigFile) -> None:
        """Load again what can be loaded while the server runs. What fails is logged, and stays as it was."""
        events.server_reloading.log(signal="SIGHUP")
        with self._systemd.reloading():
            if self._plan.certificate is not None:
                self._plan.certificate.reload()
            if file.changed:
                events.settings_changed.log(path=str(file.path))

    def _adapt(self) -> None:
        """See to what follows from a certificate that was loaded again."""
        if self._plan.certificate is not None:
            _warn_about(self._plan.certificate)
        if self._published is not None:
            self._published.adapt()

    def _close(self) -> None:
        try:
            self._server.close()
        finally:
            self._hub.close()


def _start(plan: Plan, hub: Hub) -> Server:
    try:
        return plan.transport.start(hub, plan.listens)
    except OSError as error:
        taken = [listen for listen in plan.listens if why_not(listen) is not None]
        raise cannot_listen(" ".join(map(str, taken or plan.listens)), error) from error


def _warn_about(certificate: Certificate) -> None:
    for worry in worries_about(certificate):
        events.certificate_doubtful.log(problem=worry)
