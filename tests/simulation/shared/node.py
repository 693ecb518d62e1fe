"""One node of a cluster: a hub whose journal is a replica and whose directory is shared."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from chatcore.gate import Gate
from chatcore.journal import Stored
from chatcore.limits import Limits
from chatcore.roster.replica import RosterReplica
from tests.journal.replicated.faulty_log import FaultyLog
from tests.journal.replicated.node import Copies
from tests.server.shared.machines import Machine, Machines
from tests.simulation.replica import SimReplica
from tests.simulation.shared.ledger import Ledger
from tests.simulation.step import Step
from tests.simulation.world import World

__all__ = ["LIMITS", "Node", "NodeReplica"]

LIMITS = {
    "keepalive_seconds": None,
    "idle_seconds": None,
    "session_seconds": 20.0,
    "new_rooms_per_minute": None,
    "new_connections_per_second": None,
    "refusals_per_minute": None,
    "connections_per_address": None,
    "frames_per_second": None,
}

_PROMPT = 2.0  # seconds: more than a file takes


class NodeReplica(SimReplica):
    """The journal of a node. It is cut off and connected again together with the directory, or by itself."""

    def __init__(self, world: World, log: FaultyLog, path: Path, ledger: Ledger) -> None:
        super().__init__(world, log, path)
        self.is_cut = False
        self._ledger = ledger
        self._asked_at = world.now  # since when its file may be asked something

    def opened(self, epoch: str, head: object) -> None:
        """Note the epoch for all."""
        self._ledger.opened(epoch)
        super().opened(epoch, head)  # type: ignore[arg-type]

    def committed(self, messages: Sequence[Stored]) -> None:
        """Note the messages for all."""
        self._ledger.note(messages)
        super().committed(messages)

    def steps(self) -> Iterator[Step]:
        """Offer what could happen now; a node that is cut off connects when it is let."""
        return (step for step in super().steps() if not (self.is_cut and step.run == self._connect))

    def prompt_steps(self) -> Iterator[Step]:
        """Offer what does not take long where nothing fails, one after the other."""
        if self._connection.is_open and self._connection.missing:
            yield Step(1, self._hear)
        if self._has_work:
            yield Step(1, self._work)
        while any(True for _ in self._steps_of_questions()):
            yield from self._steps_of_questions()

    def work(self) -> None:
        """Do what is due by time, and answer what was asked of the file a while ago."""
        if self._has_work:
            self._work()
        questions, now = list(self._steps_of_questions()), self._world.now
        if not questions:
            self._asked_at = now
        elif now >= self._asked_at + _PROMPT:
            for step in questions:
                step.run()

    def cut(self) -> None:
        """Lose the connection, until `let_connect`."""
        self.is_cut = True
        self._connection.cut()

    def let_connect(self) -> None:
        """Connect again in a step."""
        self.is_cut = False

    def kill(self) -> None:
        """End without a word."""
        self.replica.follower.close()
        self._connection.close()


class Node(Machine):
    """A hub, from its start until it is killed. Its file outlives it."""

    def __init__(
        self, machines: Machines, log: FaultyLog, path: Path, copies: Copies, ledger: Ledger, gate: Gate
    ) -> None:
        random = copies.random
        self.world = World(random, Limits(), piece=0, page_bytes=0, arrivals=0, haste=0.0, strictness=0.0)
        self.world.now = machines.clock.now
        self.path = path
        self.copies = copies
        self.journal = NodeReplica(self.world, log, path, ledger)
        self.cut_at: float | None = None  # since when it has no connection to any log
        self.connects_at = 0.0
        self.paused_until = 0.0
        self.resumed_at = machines.clock.now
        super().__init__(machines, gate, self.journal, **LIMITS)

    def __repr__(self) -> str:
        return self.path.name

    @property
    def roster(self) -> RosterReplica:
        """What it knows of who is here."""
        return self.directory._running[1]

    @property
    def position(self) -> int:
        """How far it has read of who is here."""
        return 0 if self.roster.state is None else self.roster.state.position

    @property
    def is_paused(self) -> bool:
        """Whether its process stands still."""
        return self.paused_until > self.clock.now

    def pass_time(self) -> None:
        """Do what is due by now."""
        self.world.now = self.clock.now
        self.journal.work()
        self.work()

    def carry_on(self) -> None:
        """Do what follows from what was done: answers go to those who wait."""
        self.hub.follow_up()
        super(Machine, self).pump()

    def cut(self, seconds: float) -> None:
        """Lose the connections to both logs for some time."""
        now = self.clock.now
        self.connects_at = max(self.connects_at, now + seconds)
        if self.connection.is_open:
            self.cut_at = now
            self.connection.cut()
        self.journal.cut()

    def connect_logs(self) -> None:
        """Have the connections to both logs again."""
        self.cut_at = None
        self.journal.let_connect()
        self.connection.open()
        self.carry_on()

    def kill(self) -> None:
        """End without a word."""
        self.connection.close()
        self.journal.kill()
