"""What peers were refused, and how slow the disk was, in a few lines a minute: by what is counted anyway.

Nothing of it is logged when it happens. So a peer that floods a server does not flood its log, and to log
costs nothing where a server has most to do.
"""

import threading
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Self

from chatcore import Statistics
from cli.logs.events import (
    connections_stalled,
    connections_turned_away,
    journal_slow,
    requests_refused,
    tls_failed,
)
from cli.logs.flood import Flood
from transports.certificates import Certificate

__all__ = ["Digest"]

SECONDS: Final = 60.0
"""How often there are such lines, and so the most that they come late."""

CLOSING_SECONDS: Final = 1.0
"""How long the last look may take: whoever counts may hang."""

SLOW: Final = 2.5
"""Seconds after which a write of the journal is slow; one of the bounds of `Durations`."""


@dataclass(frozen=True, slots=True)
class _Counted:
    """What was counted since the start."""

    refusals: Counter[str]
    turned_away: int
    stalled: int
    tls_failures: int
    slow_commits: int

    def __sub__(self, before: "_Counted") -> "_Counted":
        return _Counted(
            self.refusals - before.refusals,
            self.turned_away - before.turned_away,
            self.stalled - before.stalled,
            self.tls_failures - before.tls_failures,
            self.slow_commits - before.slow_commits,
        )


_NOTHING: Final = _Counted(Counter(), 0, 0, 0, 0)


class Digest:
    """Logs once a minute, and at the end, what was counted, in a thread of its own. A context manager.

    ``certificate`` is what a server shows that serves over TLS.
    """

    def __init__(
        self, statistics: Callable[[], Statistics], flood: Flood, certificate: Certificate | None = None
    ) -> None:
        self._statistics = statistics
        self._flood = flood
        self._certificate = certificate
        self._before = _NOTHING
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="chat-digest", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        self._thread.join(CLOSING_SECONDS)

    def look(self) -> None:
        """Log what was counted since the last look."""
        now = self._statistics()
        counted = _Counted(
            Counter(dict[str, int](now.refusals.items())),
            now.turned_away,
            now.stalled,
            self._tls_failures,
            0 if now.journal is None else now.journal.commits.longer_than(SLOW),
        )
        since, self._before = counted - self._before, counted
        late = 0.0 if now.journal is None else now.journal.late
        if since.slow_commits or late > SLOW:
            journal_slow.log(count=since.slow_commits, seconds=round(late, 1))
        if since.refusals:
            requests_refused.log(count=since.refusals.total(), codes=dict(since.refusals))
        if since.turned_away:
            connections_turned_away.log(count=since.turned_away, connections=now.connections)
        if since.stalled:
            connections_stalled.log(count=since.stalled)
        if since.tls_failures:
            tls_failed.log(count=since.tls_failures)
        self._flood.report()

    @property
    def _tls_failures(self) -> int:
        return 0 if self._certificate is None else self._certificate.failures

    def _run(self) -> None:
        while not self._over.wait(SECONDS):
            self.look()
        self.look()
