"""One seed: chaos, then quiet, then the end."""

from collections.abc import Iterator
from functools import partial
from unittest import mock

from chatcore.address import Peer
from chatcore.names import fold
from chatcore.server.hub import Hub
from chatcore.server.room import Room
from chatcore.server.session import State
from chatcore.wire import Wire
from tests.simulation.client import Client
from tests.simulation.journal import SimJournal
from tests.simulation.person import Person, PlainPerson, TypedPerson
from tests.simulation.step import Step, expect
from tests.simulation.transport import Pipe, SimTransport
from tests.simulation.world import World

__all__ = ["STEPS", "Simulation", "simulate"]

STEPS = 400
"""Steps of chaos in one seed."""

_PATIENCE = 20.0  # seconds after which everything that waits for a time has ended
_MAX_STEPS = 20_000  # what is not quiet by then never will be


def simulate(seed: int, steps: int = STEPS) -> None:
    """Run one seed to its end; raises `Violation`, or whatever the core raised."""
    try:
        Simulation(seed).run(steps)
    except Exception as error:
        error.add_note(f"seed={seed}: to replay it, python -m tests.simulation {seed} --steps {steps}")
        raise


class Simulation:
    """A hub, a journal, two transports and some people, and a clock that only this moves."""

    def __init__(self, seed: int) -> None:
        self.world = world = World.from_seed(seed)
        self.log: list[str] = []  # a line for every step
        self.journal = SimJournal(world)
        self.hub = Hub(self.journal, world.limits, clock=world.clock)
        self.transports = [SimTransport(name, self.hub, world) for name in ("north", "south")]
        self.typed = [
            TypedPerson(number, world, self._connect) for number in range(world.random.randint(2, 6))
        ]
        self.plain = [
            PlainPerson(number, world, self._connect) for number in range(world.random.randint(0, 2))
        ]
        self._people: list[Person] = [*self.typed, *self.plain]

    def run(self, steps: int) -> None:
        """Run chaos, mostly quiet, and the end."""
        with (
            mock.patch("chatcore.server.session.PIECE", self.world.piece),
            mock.patch("chatcore.server.member.PAGE_BYTES", self.world.page_bytes),
            mock.patch("secrets.token_hex", lambda size: f"{self.world.random.getrandbits(8 * size):032x}"),
        ):
            self._chaos(steps)
            if self.world.random.random() < 0.7:  # otherwise the end comes in the middle of it
                self._quiet()
            self._end(steps)

    # --- one step --------------------------------------------------------------------------------

    def _steps(self) -> Iterator[Step]:
        yield from self.journal.steps()
        for transport in self.transports:
            yield from transport.steps()
        for person in self._people:
            yield from person.steps()
            for pipe in person.pipes:
                if pipe.outward or pipe.server_ended:
                    yield Step(1 if self.world.calm else pipe.pace, partial(pipe.read, self.world.random))

    def _step(self, *, clock: float = 0.0) -> bool:
        """Take one step; return whether there was any."""
        steps = list(self._steps())
        if clock:
            steps.append(Step(clock, self._advance))
        if not steps:
            return False
        [step] = self.world.random.choices(steps, [step.weight for step in steps])
        self.log.append(f"{self.world.now:9.2f}  {step.run()}")
        return True

    def _next_time(self) -> float | None:
        """Return when something is due that is not due yet."""
        times = [transport.timer for transport in self.transports]
        times += [person.client.retry_at for person in self.typed if person.client]
        return min((time for time in times if time is not None and time > self.world.now), default=None)

    def _advance(self) -> str:
        self.world.now = self._next_time() or self.world.now
        return f"it is {self.world.now:.2f}"

    def _connect(self, pipe: Pipe, peer: Peer, wire: Wire) -> None:
        self.world.random.choice(self.transports).connect(pipe, peer, wire)

    # --- chaos -----------------------------------------------------------------------------------

    def _chaos(self, steps: int, clock: float = 0.15) -> None:
        for _ in range(steps):
            self._step(clock=clock)

    # --- quiet -----------------------------------------------------------------------------------

    def _quiet(self) -> None:
        """Let everything that has begun complete, and check that nothing is missing."""
        self._settle()
        expect(self.journal.idle, "the journal is not idle")
        for transport in self.transports:
            transport.judge_quiet()
        for person in self.typed:
            if person.careful:
                person.sender.judge_order()
            if person.client:
                self._judge_reader(person, person.client)
        for plain in self.plain:
            if plain.client:
                plain.client.judge_through()
                plain.client.judge_answered()
        self._judge_rooms()

    def _settle(self) -> None:
        self.world.calm_since = self.world.now
        until = self.world.now + _PATIENCE
        for _ in range(_MAX_STEPS):
            if not self._step():
                when = self._next_time()
                if when is None or when > until:
                    return
                self.log.append(f"{self.world.now:9.2f}  {self._advance()}")
        expect(False, "it never becomes quiet")

    def _judge_reader(self, person: TypedPerson, client: Client) -> None:
        client.judge_answered()
        for room, reader in client.readers.items():
            expect(reader.epoch == self.journal.record.epoch, reader, "was not notified of a new epoch")
            expect(reader.is_through, reader, "has not read all of", self.hub.rooms[room])
            expect(person.sender.is_done(room), client, "still waits for posts to", room)
            here, taken = _nicks(self.hub.rooms[room]), client.rosters[room].nicks_folded
            expect(taken == set(map(fold, here)), client, "takes", taken, "for", here)

    def _judge_rooms(self) -> None:
        """Check that each room has exactly the members that believe they are in it."""
        for name, room in self.hub.rooms.items():
            here = _nicks(room)
            expect(len(here) == room.count == len(set(map(fold, here))), room, "has counted wrongly:", here)
            typed = {p.client.nick for p in self.typed if p.client and name in p.client.readers}
            plain = {nick for nick in here if nick not in typed}
            expect(typed <= set(here), room, "lacks some of", typed, "and has", here)
            expect(len(plain) <= sum(p.client is not None for p in self.plain), room, "has strangers:", here)
            expect(room.head == self.journal.record.log(name).head, room, "is not where the journal is")

    # --- the end ---------------------------------------------------------------------------------

    def _end(self, steps: int) -> None:
        """Drain both endpoints, and check that all clients got what was due and that nothing is left."""
        for transport in self.transports:
            transport.handle_deadlines()  # overdue sessions get no `closing`
        drained = [client for person in self.typed if (client := person.client) and self._is_served(client)]
        for client in drained:
            rooms = [self.hub.rooms[name] for name in client.readers if name in self.hub.rooms]
            client.must_reach = {room.name: (room.epoch, room.head) for room in rooms}
        for transport in self.transports:
            transport.endpoint.drain()
            self.log.append(f"{self.world.now:9.2f}  {transport} drains")
        if not self.world.calm:
            self._chaos(steps // 4, clock=0)
        self._settle()
        for client in drained:
            expect(client.closing is not None or client.pipe.vanished, client, "was not notified of the end")
        for person in self.typed:
            if person.careful:
                person.sender.judge_order()
        for transport in self.transports:
            expect(not transport.pipes, transport, "still serves", transport.pipes)
            transport.judge_end()
        expect(self.journal.idle, "the journal is not idle")
        self._judge_hub()

    def _is_served(self, client: Client) -> bool:
        """Return whether the server has a live session for a client, which may not know about it."""
        served = (pipes for transport in self.transports for pipes in transport.pipes.items())
        return any(pipe is client.pipe and session.state is State.LIVE for session, pipe in served)

    def _judge_hub(self) -> None:
        hub = self.hub
        expect(repr(hub).startswith("<Hub connections=0 "), hub, "has lost count")
        expect(not hub._addresses, hub, "remembers addresses:", hub._addresses)
        expect(not hub.directory._by_nick_folded, hub, "remembers nicks:", hub.directory._by_nick_folded)
        expect(not hub.directory._by_secret, hub, "remembers secrets")
        for room in hub.rooms.values():
            expect(not room.members and not room.count, room, "is not empty")
            expect(room.head > 0, room, "still exists although it never had a message")


def _nicks(room: Room) -> list[str]:
    return [session.nick for members in room.members.values() for session in members]
