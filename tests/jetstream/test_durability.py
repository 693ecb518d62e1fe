"""What is promised of an entry, and what has to be known for that."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.jetstream.reader import Heard, Node
from tests.jetstream.servers import NatsServers
from tests.jetstream.shared import shared_servers
from transports.jetstream import JetStreamLog, Servers
from transports.jetstream.monitor import read_page


@pytest.fixture
def logged() -> Iterator[Heard]:
    """What is logged meanwhile."""
    heard = Heard()
    logger = logging.getLogger("chat.journal")
    logger.addHandler(heard)
    yield heard
    logger.removeHandler(heard)


def durability(servers: NatsServers, *monitors: str) -> str:
    """Connect to a new log; return how safe its entries are."""
    node = Node(JetStreamLog(Servers(servers.addresses, monitors=monitors), servers.new_stream()))
    word = node.wait_until_open()[3]
    node.log.close()
    return word


def test_one_server_is_synced_where_its_page_says_so(nats: NatsServers) -> None:
    assert durability(nats, nats.servers[0].monitor) == "synced"
    assert durability(nats) == "written"
    assert durability(nats, "http://127.0.0.1:1") == "written"
    assert durability(nats, f"http://{nats.addresses[0]}") == "written"


def test_a_server_that_syncs_now_and_then_is_not_synced(tmp_path: Path) -> None:
    with NatsServers(tmp_path, sync="2m") as servers:
        assert durability(servers, servers.servers[0].monitor) == "written"


@pytest.mark.parametrize(
    "page",
    ['{"server_id": "a", "config": []}', '{"server_id": "a", "config": {"max_storage": "much"}}', "[1]"],
)
def test_a_page_of_something_else_is_told_from_one_of_nats(page: str) -> None:
    with pytest.raises(ValueError, match="not the page"):
        read_page(json.loads(page))


@pytest.mark.logs("stream.unsynced")
def test_three_servers_of_which_that_is_not_known_are_warned_about(logged: Heard) -> None:
    servers = shared_servers(3)
    monitors = [server.monitor for server in servers.servers]
    for warnings, known in enumerate((monitors, monitors[:2], [])):
        node = Node(JetStreamLog(Servers(servers.addresses, monitors=tuple(known)), servers.new_stream()))
        assert node.wait_until_open()[3] == "replicated"
        node.wait(lambda: len(logged.of("stream.unsynced")) == warnings)  # noqa: B023  # it is called here
        node.log.close()
    reasons = [each["reason"] for each in logged.of("stream.unsynced")]
    assert ["2 of its 3 servers" in reasons[0], "cannot be told" in reasons[1]] == [True, True]
