"""Several servers over one log that has faults, and people who move between them, all of it from one seed.

First everything goes wrong: appends are lost, repeated and reordered, or all wait for long; servers are cut
off, killed, and started again with older copies of their files; commits fail. Then nothing goes wrong any
more, and all that was begun is completed. In the end every server's state has to be the same, and a checker
that knows nothing of servers judges what people have seen.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from random import Random
from unittest import mock

from chatcore.journal.replicated.state import StateFile
from tests.faults.checker import check
from tests.faults.history import History, logs_of
from tests.journal.replicated.entries import entry
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import Node, dump
from tests.journal.replicated.talker import Talker
from tests.logged import watched_log

__all__ = ["STEPS", "Cluster", "run"]

STEPS = 300
"""Steps in which things go wrong."""

QUIET = 800
"""Steps after which all should be complete."""

Step = tuple[float, Callable[[], object]]


class Cluster:
    """Servers, people and a log. Nothing moves but by `chaos` and `quiet`."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = random = Random(seed)
        self.now = 1_800_000_000.0
        self.seen: Counter[str] = Counter()
        self.log = FaultyLog(random, self.clock, random.choice((0.0, 0.2, 0.5)))
        self.log.write(
            entry({"limits": {"history_messages": random.choice((10, None)), "dedupe_seconds": 3_000}})
        )  # nobody sends again so late
        self.history = History()
        count = random.choice((2, 3))
        self.nodes = [Node(directory / f"node-{n}", self.log, self.clock, random) for n in range(count)]
        self.talkers = [Talker(f"t{n}", "ab"[n % 2], self.history, random) for n in range(4)]
        self._restlessness = random.choice((0.01, 0.05, 0.3))
        self._stalled_until = 0.0

    def clock(self) -> float:
        """Return the time, in seconds."""
        return self.now

    # --- when things go wrong --------------------------------------------------------------------

    def chaos(self, steps: int = STEPS) -> None:
        """Let anything happen."""
        for node in self.nodes:
            node.start()
        for _ in range(steps):
            self._take(list(self._steps()))

    def _take(self, steps: list[Step]) -> None:
        [(_, run)] = self.random.choices(steps, [weight for weight, _ in steps])
        self.seen[(run.func if isinstance(run, partial) else run).__name__] += 1
        run()

    def _steps(self) -> Iterator[Step]:
        rest = self._restlessness
        is_stalled = self.now < self._stalled_until
        yield 8 if is_stalled else 2, self._pass_time
        yield rest, self._stall
        if self.log.on_its_way and not is_stalled:
            yield 8, self.log.take
        for node in self.nodes:
            if not node.is_up:
                yield 0.5, node.start
                yield rest, node.put_back
            else:
                yield from self._steps_of(node)
        up = [node for node in self.nodes if node.is_up]
        for talker in self.talkers:
            if up and (talker.node is None or self.random.random() < 0.1):
                yield 1, partial(talker.move, self.random.choice(up))
            if talker.may_post:
                yield 2, talker.post
            if talker.may_join:
                yield 2, talker.join

    def _steps_of(self, node: Node) -> Iterator[Step]:
        random, rest = self.random, self._restlessness
        yield 4, node.step
        yield rest, partial(node.fail, random.choice(("before", "after")))
        yield rest, node.copy
        yield rest, node.kill
        yield rest * 0.3, partial(node.request, {"remove": random.choice("ab")})
        if node.connection.is_open:
            yield rest, node.connection.cut
            yield 4, partial(node.connection.deliver, random.randint(1, 4))
        else:
            yield 1, node.connection.open

    def _stall(self) -> None:
        """Let the log take nothing for a while, as in an election, but lose nothing."""
        self._stalled_until = self.now + self.random.choice((3.0, 8.0, 16.0, 30.0))

    def _pass_time(self) -> None:
        self.now += self.random.choice((0.01, 0.1, 0.5, 1.0, 3.0))

    # --- when all is well ------------------------------------------------------------------------

    def quiet(self) -> None:
        """Let everything complete."""
        self.log.faults = 0.0
        for node in self.nodes:
            if not node.is_up:
                node.start()
        for _ in range(QUIET):
            self._move_on()
            if self._is_complete():
                return
        raise AssertionError(f"it never becomes quiet: {self._state()}")

    def _state(self) -> list[object]:
        nodes = [node.running() for node in self.nodes]
        return [
            self.log.last,
            *((node.header.position, node.is_idle, node.stores, node.follower.stopped) for node in nodes),
            *((talker.name, talker.is_done, vars(talker)) for talker in self.talkers),
        ]

    def _move_on(self) -> None:
        for node in self.nodes:
            if not node.connection.is_open:
                node.connection.open()
            node.connection.deliver(100)
            node.step()
        for talker in self.talkers:
            if talker.node is None:
                talker.move(self.random.choice(self.nodes))
            talker.resend()
            if talker.may_join:
                talker.join()
        while self.log.on_its_way:
            self.log.take()
        self.now += 0.25

    def _is_complete(self) -> bool:
        last = self.log.last
        return all(talker.is_done for talker in self.talkers) and all(
            node.running().header.position == last and node.running().is_idle and node.running().stores
            for node in self.nodes
        )

    # --- the end ---------------------------------------------------------------------------------

    def judge(self) -> None:
        """Compare all states, and have the checker judge what people have seen."""
        for talker in self.talkers:
            talker.finish()
        for node in self.nodes:
            self.seen["a void entry"] += node.running().status.void
            self.seen["waited for a position"] += node.waits
            node.kill()
        self.seen["an entry"] += self.log.last
        first, *others = [dump(node.path) for node in self.nodes]
        assert all(other == first for other in others), "the states differ"
        for node in self.nodes:
            violations = check(self.history.events(), logs_of(node.path, StateFile))
            assert not violations, violations


def run(seed: int, directory: Path) -> Cluster:
    """Run a seed to its end; raises whatever is wrong, with the seed."""
    cluster = Cluster(seed, directory)
    try:
        with (
            watched_log() as logged,
            mock.patch(
                "secrets.token_hex", lambda size: f"{cluster.random.getrandbits(8 * size):0{2 * size}x}"
            ),
        ):
            cluster.chaos()
            cluster.quiet()
        cluster.judge()
        cluster.seen["was given up"] = logged.names.count("replica.unsettled")
        cluster.seen["was settled"] = logged.names.count("replica.settled")
    except Exception as error:
        error.add_note(f"seed={seed}")
        raise
    return cluster
