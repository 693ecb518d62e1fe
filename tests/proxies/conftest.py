"""Fixtures for tests of the server behind proxies."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.ports import fixed_port
from tests.proxies.proxies import Change, proxy, unchanged
from tests.proxies.site import Site
from tests.rows import PROXIED


@pytest.fixture(params=PROXIED, ids="-".join)
def row(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A proxy, and the transport of the server behind it."""
    name, transport = request.param
    return name, transport


@pytest.fixture
def site(row: tuple[str, str], tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Open sites."""
    name, transport = row
    with ExitStack() as stack:

        def open_site(*limits: str, change: Change = unchanged) -> Site:
            port = fixed_port()
            running = stack.enter_context(proxy(name, tmp_path, fixed_port(), port, change))
            return Site(running, transport, port, stack, limits)

        yield open_site
