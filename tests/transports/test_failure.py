"""A bug that is no single peer's ends the server: nobody stays with one that has lost a part of its work."""

import contextlib
import threading

import pytest

from chatcore.server.endpoint import Endpoint
from chatcore.transport import Transport
from tests.transports.leftovers import Census
from tests.transports.peers import DEADLINE, Peer
from tests.transports.servers import House
from transports.acceptor import Acceptor


class Bug(Exception):
    """What no test expects."""


class Crashes:
    """The threads that ended with an exception."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.found: list[object] = []
        self._one = threading.Event()
        monkeypatch.setattr(threading, "excepthook", self._note)

    def wait(self) -> None:
        """Wait until there is one."""
        assert self._one.wait(DEADLINE)

    def _note(self, crash: threading.ExceptHookArgs) -> None:
        self.found.append(crash.exc_value)
        self._one.set()


@pytest.fixture
def crashes(monkeypatch: pytest.MonkeyPatch) -> Crashes:
    return Crashes(monkeypatch)


FAILING = {
    "ready": (Endpoint, "ready"),
    "fan_out": (Endpoint, "fan_out"),
    "next_deadline": (Endpoint, "next_deadline"),
    "accept": (Acceptor, "accept"),
}


@pytest.mark.logs("transport.failed")
@pytest.mark.parametrize(("owner", "method"), FAILING.values(), ids=FAILING)
def test_a_server_that_fails_leaves_nobody_connected_and_says_why(
    transport: Transport,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    crashes: Crashes,
    owner: type,
    method: str,
) -> None:
    census = Census()
    house = House(transport)
    peers = [house.member("ann"), house.plain(), house.stranger("chat"), house.member("bob")]
    bug = Bug("no peer's own")

    def broken(*args: object) -> None:
        raise bug

    monkeypatch.setattr(owner, method, broken)
    # Any work of its own may make it fail before this one is in.
    with contextlib.suppress(ConnectionError):
        peers.append(Peer(house.port("chat")))
    for peer in peers:
        peer.wait_for_end()
        peer.close()
    crashes.wait()
    assert crashes.found == [bug]
    assert "the server has failed and ends: Bug" in caplog.text
    with pytest.raises(Bug):
        house.server.close()
    with pytest.raises(ConnectionRefusedError):
        Peer(house.port("chat"))
    assert "connections=0" in repr(house.hub)
    house.hub.close()
    census.assert_unchanged()


@pytest.mark.logs("transport.failed", "transport.not_ended")
def test_a_server_that_cannot_end_cleanly_either_says_so_and_reports_the_first_bug(
    transport: Transport, monkeypatch: pytest.MonkeyPatch, crashes: Crashes
) -> None:
    house, close = House(transport), Endpoint.close
    first, second = Bug("the first"), Bug("the second")

    def broken(*args: object) -> None:
        raise first

    def broken_end(endpoint: Endpoint) -> None:
        close(endpoint)
        raise second

    monkeypatch.setattr(Endpoint, "close", broken_end)
    monkeypatch.setattr(Endpoint, "next_deadline", broken)
    with contextlib.suppress(ConnectionError), contextlib.closing(Peer(house.port("chat"))) as peer:
        peer.wait_for_end()
    crashes.wait()
    assert crashes.found == [first]
    with pytest.raises(Bug, match="the first"):
        house.server.close()
