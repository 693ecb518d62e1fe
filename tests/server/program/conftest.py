"""What the tests of subscriptions share."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.server.driver import Host
from tests.server.program.reader import Reader, Subscribe


@pytest.fixture
def subscribed() -> Iterator[Subscribe]:
    """What subscribes to a room of a host, and closes at the end."""
    with ExitStack() as stack:

        def subscribe(host: Host, room: str = "lobby", **options: Any) -> Reader:
            return Reader(stack.enter_context(host.hub.subscribe(room, **options)))

        yield subscribe
