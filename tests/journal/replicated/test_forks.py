"""A log that loses what it had reported: servers that have read different logs do not go on in silence."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest

from chatcore.journal import Draft
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import Node
from tests.rows import CLUSTER_SEEDS
from tests.server.driver import Clock

STEPS = 120


class Broken:
    """Servers over a log whose end is lost now and then, after some of them have read it."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = random = Random(seed)
        self.clock = Clock(1_800_000_000.0)
        self.log = FaultyLog(random, self.clock)
        self.nodes = [Node(directory / f"node-{n}", self.log, self.clock, random) for n in range(3)]
        self._posts = 0
        for node in self.nodes:
            node.start()

    def chaos(self) -> None:
        """Let servers post and read, each in its own time, and the log lose its end."""
        lost_at = {self.random.randrange(STEPS) for _ in range(self.random.randint(0, 2))}
        for step in range(STEPS):
            node = self.random.choice(self.nodes)
            if step in lost_at:
                del self.log.entries[-self.random.randint(1, 3) :]
            if self.random.random() < 0.05:
                node.connection.cut()
            self._move(node)
            if self.log.on_its_way and self.random.random() < 0.5:
                self.log.take()

    def quiet(self) -> None:
        """Let all of them post, and read everything."""
        for n in range(30):
            for node in self.nodes:
                self._move(node, most=1_000, posts=n < 20)
            while self.log.on_its_way:
                self.log.take()
            self.clock.now += 1.0

    def _move(self, node: Node, *, most: int = 3, posts: bool = True) -> None:
        if not node.connection.is_open:
            node.connection.open()
        elif node.connection.missing > 0:
            node.connection.deliver(self.random.randint(1, most))
        if posts:
            self._posts += 1
            node.submit([Draft("a", str(self._posts), "ana", "hi")], lambda outcomes: None)
        node.step()

    def end(self) -> None:
        """Stop all servers."""
        for node in self.nodes:
            node.kill()


def state_of(node: Node) -> str:
    """Return what a server says of itself: that it has stopped, that the log is forked, or that it stores."""
    replica = node.running()
    if replica.follower.stopped is not None:
        return "stopped"
    return "forked" if replica.header.forked else "stores"


def test_servers_that_store_have_read_the_same_and_the_others_say_that_they_do_not(tmp_path: Path) -> None:
    seen = Counter[str]()
    for seed in range(CLUSTER_SEEDS):
        (directory := tmp_path / str(seed)).mkdir()
        broken = Broken(seed, directory)
        broken.chaos()
        broken.quiet()
        digests = {node.running().header.digest for node in broken.nodes if state_of(node) == "stores"}
        assert len(digests) <= 1, seed
        assert all(node.running().stores for node in broken.nodes if state_of(node) == "stores"), seed
        seen.update(map(state_of, broken.nodes))
        broken.end()
    assert min(seen["stores"], seen["forked"]) > 0, seen


@pytest.mark.parametrize("seed", range(3))
def test_a_log_that_loses_nothing_is_never_forked(seed: int, tmp_path: Path) -> None:
    broken = Broken(seed, tmp_path)
    broken.quiet()
    assert [state_of(node) for node in broken.nodes] == ["stores"] * 3
    broken.end()
