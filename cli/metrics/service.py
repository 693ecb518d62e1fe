"""What a server shows of itself: ``/metrics`` for Prometheus, and ``/healthz`` for whoever restarts it.

The sockets are bound before anything else of a server is there, and closed after everything: so a port that
is taken costs nothing, and a server that is closing says so.
"""

import contextlib
import json
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING

from chatcore import Hub, UsageError
from chatcore.transport import Server, server_statistics
from cli.logs.events import metrics_served
from cli.metrics.families import Snapshot
from cli.metrics.http import Answer, HttpServer, Site
from cli.metrics.pages import Page
from cli.metrics.place import bind, url_of
from cli.metrics.shared import LogName, LogSnapshot

if TYPE_CHECKING:
    from chatcore.cluster import RosterStatus

__all__ = ["Metrics", "open_metrics"]

LOOK_SECONDS = 5.0
"""How long a page of metrics may take."""

HEALTH_SECONDS = 2.0
"""How long a server may take to say that it can store a post."""


class Metrics:
    """The metrics of one server, at ``url``."""

    def __init__(self, sockets: Sequence[socket.socket]) -> None:
        self._sockets = sockets
        self._http: HttpServer | None = None
        self._is_closing = False
        self.url = url_of(sockets)

    def serve(
        self,
        hub: Hub,
        server: Server,
        look_at_logs: Callable[[], Mapping[LogName, LogSnapshot]],
        look_at_roster: "Callable[[], RosterStatus | None]",
    ) -> None:
        """Begin to answer, and log where. What looks is called for each page, in a thread of its own."""
        from cli.metrics.exporter import CONTENT_TYPE, Exporter

        def look() -> Snapshot:
            return Snapshot(hub.statistics(), server_statistics(server), look_at_logs(), look_at_roster())

        exporter = Exporter(look)

        def trouble() -> str | None:
            if self._is_closing:
                return "the server is closing"
            if not hub.is_alive(HEALTH_SECONDS):
                return "the server is busy"
            return hub.why_unhealthy(HEALTH_SECONDS)

        def new_site() -> Site:
            return {
                "/metrics": _metrics(Page(exporter.print, LOOK_SECONDS), CONTENT_TYPE),
                "/healthz": _health(Page(trouble, 3 * HEALTH_SECONDS)),
            }

        self._http = HttpServer(self._sockets, new_site)
        metrics_served.log(url=self.url)

    def note_closing(self) -> None:
        """Note that the server is about to end."""
        self._is_closing = True

    def close(self) -> None:
        """Stop."""
        if self._http is not None:
            self._http.close()
        for sock in self._sockets:
            sock.close()


@contextlib.contextmanager
def open_metrics(place: str, *, insecure: bool) -> Iterator[Metrics]:
    """Listen at ``HOST:PORT``.

    Raises `UsageError` if that is not allowed or the extra is missing, and `OSError` if it cannot listen.
    """
    _require_extra()
    with contextlib.closing(Metrics(bind(place, insecure=insecure))) as metrics:
        yield metrics


def _require_extra() -> None:
    try:
        import prometheus_client  # noqa: F401  # it is used by the exporter, once there is a server
    except ImportError:
        raise UsageError(
            "for --metrics, chatcore needs its extra 'metrics': pip install 'chatcore[metrics]'"
        ) from None


def _metrics(page: Page[bytes], kind: str) -> Callable[[], Awaitable[Answer]]:
    async def answer() -> Answer:
        return Answer(HTTPStatus.OK, kind, await page.get())

    return answer


def _health(page: Page[str | None]) -> Callable[[], Awaitable[Answer]]:
    async def answer() -> Answer:
        try:
            trouble = await page.get()
        except TimeoutError:
            trouble = "the server does not answer"
        status = HTTPStatus.OK if trouble is None else HTTPStatus.SERVICE_UNAVAILABLE
        said = {"status": "ok"} if trouble is None else {"status": "unavailable", "reason": trouble}
        return Answer(status, "application/json", f"{json.dumps(said)}\n".encode())

    return answer
