"""People who want one nick, at any server of a cluster; never may two of them have it at a time.

Whoever gets it keeps it for a moment, and lets it go by a goodbye. Whoever loses the connection comes back
with the secret. For how long somebody had it is noted a little too short: from when it was told until the
goodbye was begun, or until the connection was seen to be lost.
"""

import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from tests.faults.checker import Violation
from tests.protocol.frames import Closing, Error, Hello, Welcome
from tests.transports.peers import TypedPeer

__all__ = ["Heir", "Held", "two_at_a_time"]

NICK = "crown"


class Held(NamedTuple):
    """Somebody had a nick from a time to another, in seconds of one clock."""

    nick: str
    who: str
    since: float
    until: float


def two_at_a_time(holds: Iterable[Held]) -> list[Violation]:
    """Return where two had one nick at one time."""
    found = []
    latest: dict[str, Held] = {}
    for held in sorted(holds, key=lambda each: each.since):
        before = latest.get(held.nick)
        if before is not None and before.who != held.who and held.since < before.until:
            found.append(Violation("disagreement", f"{before} and {held} had one nick at one time"))
        if before is None or held.until > before.until:
            latest[held.nick] = held
    return found


class Heir(threading.Thread):
    """Somebody who wants the nick, in a thread, until `stop`. ``holds`` is when it was had."""

    def __init__(self, name: str, connect: Callable[[], TypedPeer], seed: int) -> None:
        super().__init__(name=f"heir-{name}", daemon=True)
        self.holds: list[Held] = []
        self.error: BaseException | None = None
        self._who = name
        self._connect = connect
        self._random = random.Random(f"{name} {seed}")
        self._stopped = threading.Event()
        self._secret: str | None = None

    def stop(self) -> None:
        """End it, soon."""
        self._stopped.set()

    def run(self) -> None:
        """Want it until the end."""
        try:
            while not self._stopped.is_set():
                self._try()
                self._stopped.wait(self._random.uniform(0.1, 0.3))
        except BaseException as error:
            self.error = error

    def _try(self) -> None:
        try:
            with self._connect() as peer:
                peer.send_frame(Hello(protocol=1, nick=NICK, session=self._secret))
                for frame in _frames(peer):
                    if isinstance(frame, Welcome) and frame.nick == NICK:
                        self._secret = frame.session
                        self._have(peer)
                        return
                    if isinstance(frame, Error) and frame.code == "nick_taken":
                        self._secret = None
                        return
        except (OSError, EOFError):
            return

    def _have(self, peer: TypedPeer) -> None:
        since = until = time.monotonic()
        let_go = since + self._random.uniform(0.05, 0.5)
        try:
            while (until := time.monotonic()) < let_go:
                peer.sock.settimeout(max(let_go - until, 0.001))
                try:
                    if isinstance(peer.receive_frame(), Closing):
                        return
                except TimeoutError:
                    pass
            self._secret = None
        finally:
            self.holds.append(Held(NICK, self._who, since, until))


def _frames(peer: TypedPeer) -> Iterator[object]:
    while True:
        yield peer.receive_frame()
