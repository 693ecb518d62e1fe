"""The fixtures that run each test of the contract in its rows, and count what it leaves. See `tests.rows`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, Protocol

import pytest

from chatcore.transport import Transport
from tests import rows
from tests.transports.clients import CLIENTS, Visitor
from tests.transports.leftovers import Census
from tests.transports.servers import SERVERS, House, new_transport
from tests.transports.tls import authority_file
from transports import asyncio_tcp, threaded_tcp


class Serve(Protocol):
    """Opens a house that is closed after the test."""

    def __call__(self, **options: Any) -> House: ...


@pytest.fixture(scope="session", autouse=True)
def _every_loop_has_run() -> None:
    """Let each event loop open what it opens once a process: libuv has a pipe for signals."""
    for name in SERVERS:
        House(new_transport(name)).close()


@pytest.fixture(autouse=True)
def _nothing_is_left() -> Iterator[None]:
    census = Census()
    yield
    census.assert_unchanged()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run each test in its rows: on servers, with clients, or with both."""
    has = metafunc.fixturenames
    if "transport_name" in has and "client_name" in has:
        metafunc.parametrize(("transport_name", "client_name"), list(rows.PAIRS), indirect=True)
    elif "transport_name" in has:
        servers = rows.servers_for(metafunc.module.__name__, metafunc.function.__name__)
        metafunc.parametrize("transport_name", servers, indirect=True)
    elif "client_name" in has:
        metafunc.parametrize("client_name", list(rows.CLIENTS), indirect=True)


@pytest.fixture
def transport_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def client_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def transport(transport_name: str) -> Transport:
    """The transport of the row."""
    return new_transport(transport_name)


@pytest.fixture
def serve(transport: Transport) -> Iterator[Serve]:
    with ExitStack() as stack:

        def open_house(**options: Any) -> House:
            return stack.enter_context(closing(House(**{"transport": transport, **options})))

        yield open_house


@pytest.fixture
def house(serve: Serve) -> House:
    """A house without limits."""
    return serve()


@pytest.fixture
def connect(client_name: str) -> Iterator[Callable[..., Visitor]]:
    """The client of the row; what it connects is closed after the test."""
    with ExitStack() as stack:

        def open_client(url: str, **options: Any) -> Visitor:
            if url.startswith("chats://") and "pin" not in options:
                options.setdefault("ca", authority_file())
            return stack.enter_context(closing(CLIENTS[client_name](url, **options)))

        yield open_client


@pytest.fixture
def short_flush(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a client that is closed wait a moment only for the answers to its posts."""
    for client in (asyncio_tcp, threaded_tcp):
        monkeypatch.setattr(f"{client.__name__}.connection.FLUSH_SECONDS", 0.05)
