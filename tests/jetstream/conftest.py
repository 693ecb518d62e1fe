"""The servers of these tests."""

import pytest

from tests.jetstream.servers import NatsServers
from tests.jetstream.shared import shared_servers


@pytest.fixture
def nats() -> NatsServers:
    """One server, which tests leave as it is."""
    return shared_servers()
