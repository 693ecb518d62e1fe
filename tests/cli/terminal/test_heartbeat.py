"""Whether the server answers, as a user learns it."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from chatcore import DisconnectedError
from cli.terminal import heartbeat, waiting
from cli.terminal.heartbeat import Heartbeat

DEADLINE = 10.0


class Watched:
    """A heartbeat whose server answers when the test says so."""

    def __init__(self) -> None:
        self.pings = list[asyncio.Future[None]]()
        self.lines: asyncio.Queue[str] = asyncio.Queue()
        self.asked = asyncio.Event()
        self.heartbeat = Heartbeat(self._ping, lambda: None, self.lines.put_nowait)

    def _ping(self) -> "asyncio.Future[None]":
        self.pings.append(asyncio.get_running_loop().create_future())
        self.asked.set()
        return self.pings[-1]

    async def line(self) -> str:
        return await asyncio.wait_for(self.lines.get(), DEADLINE)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heartbeat, "QUIET_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "LATE_SECONDS", 0.0)
    monkeypatch.setattr(waiting, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(waiting, "STALLED_SECONDS", 0.0)
    # It is all late at once, and for no longer however slow the machine is.
    monkeypatch.setattr(heartbeat, "time", SimpleNamespace(monotonic=lambda: 5.0))


def run(steps: Any) -> None:
    async def watch() -> None:
        watched = Watched()
        await steps(watched)
        await watched.heartbeat.stop()

    asyncio.run(watch())


def test_a_key_asks_for_a_sign_of_life_and_its_absence_is_shown_until_it_comes() -> None:
    async def steps(watched: Watched) -> None:
        for _ in range(3):
            watched.heartbeat.take_key()
        assert (await watched.line()).startswith("the server has said nothing for 0 s; what you send waits")
        assert watched.heartbeat.notice == "lag 0 s"
        (ping,) = watched.pings  # one at a time
        ping.set_result(None)
        assert await watched.line() == "the server answers again"
        watched.asked.clear()
        watched.heartbeat.take_key()
        await asyncio.wait_for(watched.asked.wait(), DEADLINE)
        assert len(watched.pings) == 2

    run(steps)


def test_a_missing_answer_asks_whether_the_connection_is_alive() -> None:
    async def steps(watched: Watched) -> None:
        watched.heartbeat.begin("a post")
        await asyncio.wait_for(watched.asked.wait(), DEADLINE)
        watched.pings[0].set_exception(DisconnectedError("lost"))

    run(steps)


def test_without_a_connection_nobody_is_asked() -> None:
    async def steps(watched: Watched) -> None:
        watched.heartbeat.disconnect()
        watched.heartbeat.begin("a post")
        watched.heartbeat.take_key()
        assert watched.heartbeat.notice is None
        assert not watched.pings
        watched.heartbeat.connect()
        await watched.line()
        assert watched.pings

    run(steps)
