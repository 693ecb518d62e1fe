"""Several hubs that share a directory, under a test's control: no sockets, no threads, and one clock."""

from random import Random

from chatcore.gate import Gate
from chatcore.journal import Journal
from chatcore.limits import Limits
from chatcore.roster.machine import LEASE
from chatcore.server.directory import Directory
from chatcore.server.shared_directory import SharedDirectory
from tests.journal.replicated.faulty_log import FaultyConnection, FaultyLog
from tests.server.driver import Clock, Host

__all__ = ["Machine", "Machines"]

STEP = 0.25


class Machine(Host):
    """One hub, and its connection to the log."""

    def __init__(
        self, machines: "Machines", gate: Gate | None, journal: Journal | None = None, **limits: object
    ) -> None:
        self.machines = machines
        self.connection: FaultyConnection = machines.log.connect()
        super().__init__(journal, clock=machines.clock, gate=gate, directory=self._make, **limits)
        self.connection.open()

    def _make(self, limits: Limits) -> Directory:
        self.directory = SharedDirectory(self.connection, limits, threaded=False)
        return self.directory

    def pump(self) -> None:
        """Do what there is to do, on all machines."""
        super().pump()
        if hasattr(self, "endpoint"):
            self.machines.run()

    def all_leave(self) -> None:
        """Break all connections."""
        for peer in list(self.peers.values()):
            if not peer.closed:
                peer.lose()
        self.machines.settle()

    def work(self) -> None:
        """Do what is due by time, and what a transport does."""
        with self.hub.lock:
            self.directory.step()
        for endpoint in self.endpoints:
            endpoint.handle_deadlines(self.clock.now)
        self.hub.follow_up()
        super().pump()

    def leftovers(self) -> dict[str, object]:
        """Return what it knows of people: nothing, once all are gone and nothing is reserved."""
        directory = self.directory
        _, replica, mirror = directory._running
        assert replica.state is not None
        return {
            "identities": replica.state.identities,
            "seats": replica.state.seats,
            "rooms of the log": replica.state.rooms(),
            "seats here": directory._seats,
            "reservations": len(directory._reservations),
            "seats that are announced": replica._mine,
            "rooms that are announced": replica._wanted,
            "what waits": replica._queue,
            "mirrored": mirror._identities,
            "shown": mirror._shown,
            "names": mirror._names,
            "rooms": dict(self.hub.rooms),
            "waiting": self.hub._waiting,
        }


class Machines:
    """Some hubs over one log, whose first lease is over."""

    def __init__(self, random: Random | None = None) -> None:
        self.clock = Clock()
        self.log = FaultyLog(random or Random(1), self.clock)
        self.log.write(b"nothing")
        self.clock.now += 2 * LEASE
        self.all: list[Machine] = []
        self.holds = False  # whether nothing arrives by itself
        self._running = False

    def add(self, gate: Gate | None = None, **limits: object) -> Machine:
        """Start another."""
        machine = Machine(self, gate, None, **limits)
        self.all.append(machine)
        self.run()
        return machine

    def run(self) -> None:
        """Let everything arrive that can, without any time passing."""
        if self._running or self.holds:
            return
        self._running = True
        try:
            for _ in range(3):
                for machine in self.all:
                    machine.work()
                while self.log.on_its_way:
                    self.log.take()
                for machine in self.all:
                    if machine.connection.is_open and machine.connection.missing:
                        machine.connection.deliver(99)
                        machine.work()
        finally:
            self._running = False

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        end = self.clock.now + seconds
        while self.clock.now < end:
            self.clock.now = min(self.clock.now + STEP, end)
            self.run()

    def settle(self) -> None:
        """Let it be told who came and who went, everywhere."""
        self.advance(4 * STEP)
