"""How long `connect` may take, of both clients: all of it has one end."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from threading import Event
from typing import Any, ClassVar

import pytest

from chatcore import UsageError
from tests.transports.clients import Visitor
from tests.transports.conftest import Serve
from tests.transports.hostile import Guest, HostileServer
from tests.transports.peers import DEADLINE
from transports import threaded_tcp

Connect = Callable[..., Visitor]
SOON = 0.1


@pytest.fixture(autouse=True)
def _short_goodbye(monkeypatch: pytest.MonkeyPatch) -> None:
    for client in ("asyncio_tcp", "threaded_tcp"):
        monkeypatch.setattr(f"transports.{client}.connection.GOODBYE_SECONDS", SOON)


def _say_nothing(guest: Guest) -> None:
    guest.asked("hello")


def _welcome_and_no_more(guest: Guest) -> None:
    guest.welcome()
    guest.asked("join")


def _let_in_one_room_of_two(guest: Guest) -> None:
    guest.serve_until_joined()
    guest.asked("join")


@contextlib.contextmanager
def _serving(script: Callable[[Guest], None]) -> Iterator[HostileServer]:
    left = Event()

    def serve(guest: Guest) -> None:
        with contextlib.suppress(ValueError, OSError):  # its time may be over earlier
            script(guest)
        assert left.wait(DEADLINE)

    with HostileServer(serve) as server:
        try:
            yield server
        finally:
            left.set()


@pytest.mark.parametrize("script", [_say_nothing, _welcome_and_no_more, _let_in_one_room_of_two])
def test_a_server_that_does_not_answer_costs_as_long_as_the_caller_says(
    connect: Connect, script: Callable[[Guest], None]
) -> None:
    with _serving(script) as server:
        with pytest.raises(TimeoutError) as failed:
            connect(server.url, nick="ann", rooms=["lobby", "ops"], timeout=SOON)
        assert str(failed.value) == f"{server.url} did not let us in within 0.1 s"


@pytest.mark.parametrize("timeout", [0, -1.0])
def test_no_time_is_over_immediately(connect: Connect, timeout: float) -> None:
    with pytest.raises(TimeoutError):
        connect("chat://127.0.0.1:9", nick="ann", timeout=timeout)


def test_what_is_not_a_time_is_refused(connect: Connect) -> None:
    with pytest.raises(UsageError, match="inf or None, not nan"):
        connect("chat://127.0.0.1:9", nick="ann", timeout=float("nan"))


@pytest.mark.parametrize("timeout", [None, float("inf"), 1e300])
def test_any_time_may_be_given(serve: Serve, connect: Connect, timeout: Any) -> None:
    with contextlib.closing(connect(serve().url, nick="ann", timeout=timeout)) as ann:
        assert ann.who() == ("ann",)


class Silent(socket.socket):
    """A socket that no address answers; it notes how long it would have waited, and that time has passed."""

    now = 1_000.0
    waits: ClassVar[list[float]] = []

    def connect(self, address: object, /) -> None:
        wait = self.gettimeout()
        assert wait is not None
        self.waits.append(wait)
        Silent.now += wait if len(self.waits) > 1 else wait / 4
        raise TimeoutError("timed out")


@pytest.mark.parametrize(("timeout", "most"), [(1.0, 1.0), (None, 10.0), (60.0, 10.0)])
def test_all_addresses_of_a_name_share_one_time(
    monkeypatch: pytest.MonkeyPatch, timeout: float | None, most: float
) -> None:
    """Each gets its share of what is left, so a machine that is gone does not take that of the others."""
    places = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (f"192.0.2.{n}", 7024)) for n in range(3)]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: places)
    monkeypatch.setattr(socket, "socket", Silent)
    monkeypatch.setattr(Silent, "waits", [])
    monkeypatch.setattr(time, "monotonic", lambda: Silent.now)
    with pytest.raises(TimeoutError):
        threaded_tcp.connect("chat://many.example", nick="ann", timeout=timeout)
    assert Silent.waits == pytest.approx([most / 3, 11 / 24 * most, 11 / 24 * most])


def test_a_name_of_which_no_address_answers_is_refused_as_one_is(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        places = [one.getsockname(), other.getsockname()]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    with pytest.raises(ConnectionRefusedError):
        connect("chat://many.example", nick="ann")


def test_a_name_is_reached_at_the_address_that_answers(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        refused = gone.getsockname()
    places = [refused, ("127.0.0.1", serve().port("chat"))]
    found = [(socket.AF_INET, socket.SOCK_STREAM, 0, "", place) for place in places]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: found)
    with threaded_tcp.connect("chat://many.example", nick="ann") as ann:
        assert ann.nick == "ann"
    found.pop()
    with pytest.raises(ConnectionRefusedError):
        threaded_tcp.connect("chat://many.example", nick="ann")
