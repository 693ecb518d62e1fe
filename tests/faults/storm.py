"""A storm: talkers that never stop, and a server that is killed and started again under them.

Every other one of them is in a browser.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tests.cli.processes import ChatServer, chat_server
from tests.faults.history import Event, History, Log, logs_of
from tests.faults.talker import Talker, Talks
from tests.ports import fixed_port
from tests.transports.peers import DEADLINE, TypedPeer
from tests.transports.web import WebPeer

__all__ = ["Storm"]

TALKERS = 6

LIMITS = ("frames_per_second=none", "connections_per_address=none", "presence_seconds=0.01")


class Storm:
    """Talkers, and a server that does not last; ``env`` is what its processes find around them."""

    def __init__(self, path: Path, *, seed: int, synchronous: str = "FULL", **env: str) -> None:
        self.path = path
        self.history = History()
        self._journal = f"sqlite:{path}?synchronous={synchronous}"
        self._env = env
        self._rng = random.Random(seed)
        self._talks = Talks(self.history)
        self._ports = {"chat": fixed_port(), "http": fixed_port()}
        ways = (partial(TypedPeer, self._ports["chat"]), partial(WebPeer, self._ports["http"]))
        self._talkers = [Talker(self._talks, f"nick{n}", TALKERS, ways[n % 2]) for n in range(TALKERS)]

    def begin(self) -> None:
        """Start all talkers."""
        for talker in self._talkers:
            talker.start()

    def round(self, transport: str, meanwhile: Callable[[], None] | None = None) -> None:
        """Run a server until some posts were acknowledged, and kill it.

        What is done ``meanwhile`` is followed by so many acknowledgements again.
        """
        with self._server(transport) as running:
            self._talks.set_up(True)
            self._talks.wait_for_acks(self._rng.randint(1, 60))
            if meanwhile is not None:
                meanwhile()
                self._talks.wait_for_acks(self._rng.randint(60, 100))
            self._talks.set_up(False)
            running.process.kill()

    def end(self, transport: str) -> tuple[list[Event], dict[str, Log]]:
        """Let all talkers send the rest and read everything, and end the last server cleanly."""
        with self._server(transport) as running:
            self._talks.set_up(True)
            self._talks.wait_for_silence(TALKERS)
            for talker in self._talkers:
                talker.join(DEADLINE)
                assert not talker.is_alive(), f"{talker} still waits for something"
                if talker.error:
                    raise talker.error
            running.process.terminate()
            code, errors = running.wait()
            assert (code, "Traceback" in errors) == (0, False)
        return self.history.events(), logs_of(self.path)

    @contextmanager
    def _server(self, transport: str) -> Iterator[ChatServer]:
        limits = [word for limit in LIMITS for word in ("--limit", limit)]
        options = ("--transport", transport, "--journal", self._journal, *limits)
        listens = tuple(f"{scheme}://127.0.0.1:{port}" for scheme, port in self._ports.items())
        with chat_server(*options, listens=listens, **self._env) as running:
            yield running
