"""What happens to a log on three servers when one of them, two of them, or the leader fail."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.jetstream.reader import Node
from tests.jetstream.servers import NatsServer, NatsServers, SharedLog, ask


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[NatsServers]:
    """Three servers of a test's own."""
    with NatsServers(tmp_path, 3) as servers:
        yield servers


class Pair:
    """Two nodes of one log, each of which first asks another server."""

    def __init__(self, servers: NatsServers) -> None:
        self.servers = servers
        self.log = SharedLog(servers)
        a, b, c = servers.addresses
        self.nodes = [Node(self.log.connect((a, b, c))), Node(self.log.connect((b, c, a)))]
        for node in self.nodes:
            assert node.wait_until_open()[3] == "replicated"

    def exchange(self, name: str) -> None:
        """Have each node append something, again and again until both have read both."""
        words = [f"{name}-{n}".encode() for n in range(2)]
        for _ in range(30):
            for node, data in zip(self.nodes, words, strict=True):
                node.log.append(data)
            if all(node.has_read(*words, within=1.0) for node in self.nodes):
                return
        raise AssertionError(name)

    @property
    def leader(self) -> NatsServer:
        """The server that leads the stream."""
        while not (leader := ask(self.servers, "stream_info", self.log.stream.name).cluster.leader):
            pass
        return self.servers.named(leader)

    def close(self) -> None:
        """Close both; they have read the same."""
        for node in self.nodes:
            node.log.close()
        one, other = (node.read for node in self.nodes)
        common = one.keys() & other.keys()
        assert {each: one[each] for each in common} == {each: other[each] for each in common}


@pytest.fixture
def pair(servers: NatsServers) -> Iterator[Pair]:
    """Two nodes, which have read the same in the end."""
    pair = Pair(servers)
    pair.exchange("before")
    yield pair
    pair.close()


FAULTS: dict[str, tuple[Callable[[NatsServer], None], Callable[[NatsServer], None]]] = {
    "killed": (NatsServer.kill, NatsServer.start),
    "stopped": (NatsServer.stop, NatsServer.start),
    "paused": (NatsServer.pause, NatsServer.resume),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_both_nodes_continue_without_the_leader_and_with_it_again(pair: Pair, fault: str) -> None:
    begin, end = FAULTS[fault]
    leader = pair.leader
    begin(leader)
    pair.exchange("without")
    end(leader)
    pair.exchange("with")


def test_nothing_is_read_without_a_majority_and_all_of_it_is_later(pair: Pair) -> None:
    _, second, third = pair.servers.servers
    second.kill()
    third.kill()
    for node in pair.nodes:
        node.log.append(b"meanwhile")
    second.start()
    third.start()
    for node in pair.nodes:
        node.wait_for(b"meanwhile")
    pair.exchange("after")
