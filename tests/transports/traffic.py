"""What happens to the sessions of a server, as its hub learns of it. A test waits for that, not for time."""

import contextlib
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from chatcore.server.endpoint import Endpoint
from chatcore.server.session import Session
from tests.transports.peers import DEADLINE

__all__ = ["Traffic"]

CALLS: dict[str, tuple[type, str, Callable[..., bool]]] = {
    "opened": (Endpoint, "open", lambda *_: True),
    "asked": (Session, "receive_data", lambda *_: True),
    "live": (Session, "go_live", lambda *_: True),
    "entered": (Session, "enter", lambda *_: True),
    "unsent": (Session, "data_unsent", lambda _, size: size > 0),
    "ended": (Session, "receive_eof", lambda *_: True),
    "draining": (Session, "drain", lambda *_: True),
    "gone": (Endpoint, "forget", lambda *_: True),
}
"""What is counted: calls of a method, of those that its arguments tell."""


class Traffic:
    """Counts what happens in this process from now on. ``paused``: a session was found to leave too much."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._changed = threading.Condition()
        self._counts: Counter[str] = Counter()
        for what, (owner, method, counts) in CALLS.items():
            self._count(monkeypatch, owner, method, what, counts)
        self._count_pauses(monkeypatch)

    def __getitem__(self, what: str) -> int:
        with self._changed:
            return self._counts[what]

    @contextlib.contextmanager
    def expecting(self, what: str, number: int = 1) -> Iterator[None]:
        """Wait at the end of the block until something has happened so many times since its beginning."""
        before = self[what]
        yield
        self.wait_for(what, before + number)

    def wait_for(self, what: str, number: int = 1) -> None:
        """Wait until something has happened so many times in all."""
        self.wait(lambda counts: counts[what] >= number)

    def wait_until_gone(self, *, but: int = 0) -> None:
        """Wait until every session that was opened is gone, but for so many."""
        self.wait(lambda counts: counts["opened"] == counts["gone"] + but)

    def wait(self, until: Callable[[Mapping[str, int]], bool]) -> None:
        """Wait until that is true of the counts."""
        with self._changed:
            assert self._changed.wait_for(lambda: until(self._counts), DEADLINE), self._counts

    def _note(self, what: str) -> None:
        with self._changed:
            self._counts[what] += 1
            self._changed.notify_all()

    def _count(
        self,
        monkeypatch: pytest.MonkeyPatch,
        owner: type,
        method: str,
        what: str,
        counts: Callable[..., bool],
    ) -> None:
        working = getattr(owner, method)

        def counting(*args: Any, **options: Any) -> Any:
            result = working(*args, **options)
            if counts(*args):
                self._note(what)
            return result

        monkeypatch.setattr(owner, method, counting)

    def _count_pauses(self, monkeypatch: pytest.MonkeyPatch) -> None:
        working: property = vars(Session)["leaves_too_much"]

        def noting(session: Session) -> bool:
            too_much: bool = working.__get__(session)
            if too_much:
                self._note("paused")
            return too_much

        monkeypatch.setattr(Session, "leaves_too_much", property(noting))
