"""What is promised of an entry, and what has to be known for that."""

import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue

import pytest

from tests.jetstream.reader import Heard, Node
from tests.jetstream.servers import NatsServers
from tests.jetstream.shared import shared_servers
from transports.jetstream import JetStreamLog, Servers, syncing
from transports.jetstream import log as log_module
from transports.jetstream.monitor import MonitorPage, read_page, sync_problem
from transports.jetstream.stream import StreamState


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
    "text",
    [
        '{"server_id": "a", "server_name": "n", "jetstream": []}',
        '{"server_id": "a", "server_name": "n", "jetstream": {"config": [1]}}',
        '{"server_id": "a", "server_name": "n", "jetstream": {"config": {"max_storage": "much"}}}',
        '{"server_id": "a", "jetstream": {}}',
        "[1]",
    ],
)
def test_a_page_of_something_else_is_told_from_one_of_nats(text: str) -> None:
    with pytest.raises(ValueError, match="not the page"):
        read_page(json.loads(text))


def page(name: str, *, syncs: bool = True) -> MonitorPage:
    """Return what a server says on its page."""
    return MonitorPage(f"id of {name}", name, syncs, 0, None, None)


STATE = StreamState("i", 1, 0, 0, -1, replicas=3, leader="n0", current=("n0", "n1"), others=("n2",))


@pytest.mark.parametrize(
    ("state", "names", "problem"),
    [
        (STATE, "n0 n1 n2", None),
        (STATE, "n0 n1 n2 n3 n4", None),
        (STATE, "n2 n3 n4", "1 of its 3 servers are known to sync always, not n0, n1"),
        (STATE._replace(others=()), "n0 n1", "2 of its 3 servers are known to sync always"),
        (STATE._replace(replicas=1, leader="", current=(), others=()), "n0", None),
    ],
)
def test_it_is_known_of_those_servers_that_have_the_stream(
    state: StreamState, names: str, problem: str | None
) -> None:
    assert sync_problem({f"http://{name}:8222": page(name) for name in names.split()}, state) == problem


@pytest.mark.logs("stream.unsynced")
def test_a_server_that_comes_back_otherwise_is_warned_about_and_one_that_is_down_is_not(
    logged: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages: dict[str, MonitorPage | str] = {f"http://n{n}:8222": page(f"n{n}") for n in range(3)}
    asked: SimpleQueue[MonitorPage | str] = SimpleQueue()

    async def read_pages(urls: Sequence[str]) -> dict[str, MonitorPage | str]:
        asked.put(pages["http://n2:8222"])
        return dict(pages)

    monkeypatch.setattr(syncing, "read_pages", read_pages)
    monkeypatch.setattr(syncing, "SYNC_LOOK", 0.1)
    monkeypatch.setattr(log_module, "LOOK", 0.05)
    servers = shared_servers(3)
    node = Node(JetStreamLog(Servers(servers.addresses, monitors=tuple(pages)), servers.new_stream()))
    assert node.wait_until_open()[3] == "replicated"
    for said in (page("n2"), "refused", "no answer", page("n2", syncs=False)):
        pages["http://n2:8222"] = said
        while asked.get(timeout=20.0) != said:
            pass
    node.wait(lambda: logged.of("stream.unsynced"))
    node.log.close()
    [warning] = logged.of("stream.unsynced")
    assert warning["reason"] == "the server at http://n2:8222 has no sync_interval: always"


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
