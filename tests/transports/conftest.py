"""The fixtures that run every test of the contract on every transport, and count what it leaves."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from typing import Any, Protocol

import pytest

from chatcore.transport import Transport
from tests.transports.clients import CLIENTS, Visitor
from tests.transports.leftovers import Census
from tests.transports.servers import SERVERS, House, new_transport


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


@pytest.fixture(params=list(SERVERS))
def transport_name(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def transport(transport_name: str) -> Transport:
    """Every transport in turn."""
    return new_transport(transport_name)


@pytest.fixture
def serve(transport: Transport) -> Iterator[Serve]:
    with ExitStack() as stack:

        def open_house(**options: Any) -> House:
            return stack.enter_context(closing(House(**{"transport": transport, **options})))

        yield open_house


@pytest.fixture
def house(serve: Serve) -> House:
    """A house that sets nobody a limit."""
    return serve()


@pytest.fixture(params=list(CLIENTS))
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Visitor]]:
    """Each client in turn; what it connects is closed after the test."""
    with ExitStack() as stack:

        def open_client(*args: Any, **options: Any) -> Visitor:
            return stack.enter_context(closing(CLIENTS[request.param](*args, **options)))

        yield open_client
