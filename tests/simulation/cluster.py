"""Several hubs over one log: simulations of their own, whose journals are replicas, in random turns.

Each hub has its own people, gate, directory, limits and clock. What the people of one post, all of them read.
"""

from collections import Counter
from pathlib import Path
from random import Random

from chatcore.limits import HistoryLimits
from tests.journal.replicated.entries import limits_entry
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import dump
from tests.simulation.pages import ERA
from tests.simulation.replica import SimReplica
from tests.simulation.simulation import STEPS, Simulation
from tests.simulation.step import expect
from tests.simulation.world import World

__all__ = ["HubCluster", "simulate_cluster"]

_ROUNDS = 50  # what is not quiet by then never will be


class HubCluster:
    """Two hubs or three."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = random = Random(seed)
        self.replicas: list[SimReplica] = []
        self._log = FaultyLog(random, self._time, random.choice((0.0, 0.1, 0.3)))
        limits = HistoryLimits(history_messages=random.choice((4, 20, None)), dedupe_seconds=100_000)
        self._log.write(limits_entry(limits))
        self._directory = directory
        self.hubs = [
            Simulation(random.getrandbits(32), journal=self._join, first=100 * number)
            for number in range(random.choice((2, 2, 3)))
        ]

        for hub in self.hubs:
            hub.world.record.know([other.world.record for other in self.hubs if other is not hub])

    def _time(self) -> float:
        now = self.hubs[0].world.now if hasattr(self, "hubs") else 0.0
        return ERA.timestamp() + now

    def _join(self, world: World) -> SimReplica:
        self.replicas.append(SimReplica(world, self._log, self._directory / f"hub-{len(self.replicas)}"))
        return self.replicas[-1]

    def run(self, steps: int) -> None:
        """Run chaos, quiet and the end."""
        left = steps * len(self.hubs)
        while left > 0:
            hub, turn = self.random.choice(self.hubs), self.random.randint(1, 8)
            left -= turn
            with hub.patched():
                hub.chaos(turn)
        self._log.faults = 0.0
        for replica in self.replicas:
            replica.heal()
        self._settle()
        for hub in self.hubs:
            with hub.patched():
                hub.quiet()
        for hub in self.hubs:
            with hub.patched():
                hub.end(steps)
        self._judge_states()

    def _settle(self) -> None:
        """Let each hub complete what it has begun, until nothing of that is news to another."""
        for _ in range(_ROUNDS):
            for hub in self.hubs:
                with hub.patched():
                    hub.settle()
            if all(replica.idle for replica in self.replicas):
                return
        expect(False, "it never becomes quiet")

    def _judge_states(self) -> None:
        for replica in self.replicas:
            replica.replica.end()
        first, *others = [dump(replica.path) for replica in self.replicas]
        expect(all(other == first for other in others), "the states differ")
        for replica in self.replicas:
            expect(replica.replica.header.position == self._log.last, replica.path, "has not read all")


def simulate_cluster(seed: int, directory: Path, steps: int = STEPS) -> Counter[str]:
    """Run one seed to its end, and return what all hubs saw; raises `Violation`, or whatever was raised."""
    try:
        cluster = HubCluster(seed, directory)
        cluster.run(steps)
    except Exception as error:
        error.add_note(
            f"seed={seed}: to replay it, python -m tests.simulation --cluster {seed} --steps {steps}"
        )
        raise
    seen = Counter[str]()
    for hub in cluster.hubs:
        seen += hub.world.seen
    for replica in cluster.replicas:
        seen["a void entry"] += replica.replica.status.void
    return seen
