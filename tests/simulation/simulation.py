"""One seed: chaos, then quiet, then the end."""

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from unittest import mock

from chatcore.address import Peer
from chatcore.names import LOBBY
from chatcore.server.hub import Hub
from chatcore.server.session import Session
from chatcore.server.states import State
from chatcore.wire import Wire
from tests.simulation.client import Client
from tests.simulation.directory import SimDirectory
from tests.simulation.gate import SimGate
from tests.simulation.invariants import judge_deadlines
from tests.simulation.journal import SimJournal
from tests.simulation.moderator import Moderator
from tests.simulation.naming import Wishes
from tests.simulation.papers import Device, Papers, Stranger
from tests.simulation.person import Person, TypedPerson
from tests.simulation.plain_person import PlainPerson
from tests.simulation.step import Step, expect
from tests.simulation.table import ACCOUNTS
from tests.simulation.transport import Pipe, SimTransport
from tests.simulation.watch import LogReader, Watch
from tests.simulation.world import World

__all__ = ["STEPS", "Simulation", "simulate"]

STEPS = 400
"""Steps of chaos in one seed."""

_PATIENCE = 20.0  # seconds after which everything that waits for a time has ended
_MAX_STEPS = 20_000  # what is not quiet by then never will be


def simulate(seed: int, steps: int = STEPS) -> Counter[str]:
    """Run one seed to its end, and return what it saw; raises `Violation`, or whatever the core raised."""
    try:
        simulation = Simulation(seed)
        simulation.run(steps)
    except Exception as error:
        error.add_note(f"seed={seed}: to replay it, python -m tests.simulation {seed} --steps {steps}")
        raise
    return simulation.world.seen


class Simulation:
    """A hub with its neighbours, two transports and some people, and a clock that only this moves.

    The people are numbered from ``first`` on.
    """

    def __init__(
        self, seed: int, *, journal: Callable[[World], SimJournal] = SimJournal, first: int = 0
    ) -> None:
        self.world = world = World.from_seed(seed)
        self.log: list[str] = []  # a line for every step
        self.journal = journal(world)
        self.gate = SimGate(world)
        self.directory = SimDirectory(world, self.gate)
        papers = _papers(world)
        self.moderator = Moderator(world, self.gate, [each for each in papers if isinstance(each, Device)])
        self.hub = Hub(
            self.journal, world.limits, clock=world.clock, gate=self.gate, directory=self.directory
        )
        self.directory.serve(self.hub)
        self.moderator.serve(self.hub)
        self.transports = [SimTransport(name, self.hub, world) for name in ("north", "south")]
        self.typed = [
            TypedPerson(number, world, self._connect, each) for number, each in enumerate(papers, first)
        ]
        self.plain = [
            PlainPerson(first + number, world, self._connect) for number in range(world.random.randint(0, 2))
        ]
        self._people: list[Person] = [*self.typed, *self.plain]
        self._watch = Watch(
            self.hub, self.transports, self.journal, self.directory, self.gate, self.typed, world
        )

    def run(self, steps: int) -> None:
        """Run chaos, mostly quiet, and the end."""
        with self.patched():
            self.chaos(steps)
            if self.world.random.random() < 0.7:  # otherwise the end comes in the middle of it
                self.quiet()
            self.end(steps)

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        """Have the core use the limits and the chance of this simulation within."""
        random = self.world.random
        log = logging.getLogger("chat.core")
        with (
            mock.patch("chatcore.server.session.PIECE", self.world.piece),
            mock.patch("chatcore.server.member.PAGE_BYTES", self.world.page_bytes),
            mock.patch("secrets.token_hex", lambda size: f"{random.getrandbits(8 * size):032x}"),
            mock.patch("secrets.token_urlsafe", lambda size: f"{random.getrandbits(8 * size):048x}"),
            mock.patch.multiple(log, handlers=[LogReader()], propagate=False),
        ):
            yield

    # --- one step --------------------------------------------------------------------------------

    def _steps(self) -> Iterator[Step]:
        for neighbour in (self.journal, self.gate.answers, self.directory.answers, self.moderator):
            yield from neighbour.steps()
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
        self.world.table.advance()
        [step] = self.world.random.choices(steps, [step.weight for step in steps])
        self.log.append(f"{self.world.now:9.2f}  {step.run()}")
        self._watch.judge_step()
        return True

    def _next_time(self) -> float | None:
        """Return when something is due that is not due yet."""
        times = [transport.timer for transport in self.transports]
        times += [person.client.retry_at for person in self.typed if person.client]
        times.append(self.journal.timer)
        return min((time for time in times if time is not None and time > self.world.now), default=None)

    def _advance(self) -> str:
        self.world.now = self._next_time() or self.world.now
        return f"it is {self.world.now:.2f}"

    def _connect(self, pipe: Pipe, peer: Peer, wire: Wire) -> None:
        self.world.random.choice(self.transports).connect(pipe, peer, wire)

    # --- chaos -----------------------------------------------------------------------------------

    def chaos(self, steps: int) -> None:
        """Let anything happen."""
        self._chaos(steps, self.world.haste)

    def _chaos(self, steps: int, clock: float) -> None:
        for _ in range(steps):
            self._step(clock=clock)

    # --- quiet -----------------------------------------------------------------------------------

    def quiet(self) -> None:
        """Let everything that has begun complete, and check that nothing is missing."""
        self.settle()
        self._judge_idle()
        self.moderator.judge_quiet()
        for transport in self.transports:
            transport.judge_quiet()
        for person in self.typed:
            if person.careful:
                person.sender.judge_order()
            if person.client:
                self._judge_reader(person, person.client)
        for plain in self.plain:
            if plain.client:
                expect(plain.client.let_in, plain, "was never let in")
                plain.client.judge_through()
                plain.client.judge_answered()
        self._judge_rooms()

    def settle(self) -> None:
        """Let everything that has begun complete."""
        self.world.calm_since = self.world.now
        until = self.world.now + _PATIENCE
        for _ in range(_MAX_STEPS):
            if not self._step():
                when = self._next_time()
                if when is None or when > until:
                    return
                judge_deadlines(self._sessions(), self.world.now)
                self.log.append(f"{self.world.now:9.2f}  {self._advance()}")
        expect(False, "it never becomes quiet")

    def _judge_idle(self) -> None:
        expect(self.journal.idle, "the journal is not idle")
        expect(not self.hub._waiting, self.hub, "has not let go on", self.hub._waiting)
        expect(self.gate.answers.idle and self.directory.answers.idle, "a neighbour owes an answer")
        entries = {(each.seat, room) for each in self._sessions() for room in each.members}
        expect(self.directory.entries.keys() == entries, self.directory.entries, "are not", entries)

    def _judge_reader(self, person: TypedPerson, client: Client) -> None:
        client.judge_answered()
        for room, reader in client.readers.items():
            expect(reader.epoch == self.journal.record.epoch, reader, "was not notified of a new epoch")
            expect(reader.is_through, reader, "has not read all of", self.hub.rooms[room])
            expect(person.sender.is_done(room), client, "still waits for posts to", room)

    def _judge_rooms(self) -> None:
        """Check that each room has exactly the people that believe they are in it, each counted once."""
        served = {pipe.receiver: session for each in self.transports for session, pipe in each.pipes.items()}
        typed = [person.client for person in self.typed if person.client]
        plain = [person.client for person in self.plain if person.client]
        for client in typed:
            expect(client in served, client, "is not served any more, and does not know")
            nick = served[client].nick
            expect(client.nick == nick, client, "believes to be", client.nick, "and is", nick)
        for name, room in self.hub.rooms.items():
            nicks = {client.nick for client in typed if name in client.readers}
            nicks |= {
                served[each].nick for each in plain if name == LOBBY and each.entered and not each.put_out
            }
            listed, _ = room.nicks(None, 1_000)
            expect(set(listed) == nicks and len(listed) == len(nicks), room, "lists", listed, "not", nicks)
            expect(room.count == len(nicks), room, "does not count", nicks)
            expect(room.head == self.journal.record.log(name).head, room, "is not where the journal is")
            for client in typed:
                if name in client.readers:
                    client.rosters[name].judge(client, nicks)
        readers = {name for client in typed for name in client.readers}
        expect(readers <= self.hub.rooms.keys(), "there is no room for readers of", readers)

    # --- the end ---------------------------------------------------------------------------------

    def end(self, steps: int) -> None:
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
        self.settle()
        for client in drained:
            expect(client.closing is not None or client.pipe.vanished, client, "was not notified of the end")
        for person in self.typed:
            if person.careful:
                person.sender.judge_order()
        for transport in self.transports:
            expect(not transport.pipes, transport, "still serves", transport.pipes)
            transport.endpoint.close()
            transport.judge_end()
        self._judge_idle()
        self._judge_hub()
        self._judge_nothing_comes_back()

    def _is_served(self, client: Client) -> bool:
        """Return whether the server has a live session for a client, which may not know about it."""
        served = (pipes for transport in self.transports for pipes in transport.pipes.items())
        return any(pipe is client.pipe and session.state is State.LIVE for session, pipe in served)

    def _judge_hub(self) -> None:
        hub = self.hub
        expect(repr(hub) == "<Hub connections=0 rooms=0>", hub, "has lost count")
        expect(not hub._addresses, hub, "remembers addresses:", hub._addresses)
        expect(not hub.rooms._loading, hub, "still loads", hub.rooms._loading)
        expect(not hub._waiting and not hub._awake, hub, "has work left")
        self.directory.judge_end()

    def _judge_nothing_comes_back(self) -> None:
        """Let the answers come that never came, when everybody is gone: nothing is there afterwards."""
        self.gate.answers.answer_at_last()
        self.directory.answers.answer_at_last()
        while self._step():
            pass
        for transport in self.transports:
            transport.judge_end()
        self._judge_hub()

    def _sessions(self) -> list[Session]:
        return [session for transport in self.transports for session in transport.pipes]


def _papers(world: World) -> list[Papers]:
    """Return who comes: strangers, and in most simulations the devices of some accounts."""
    random = world.random
    papers = list[Papers]()
    if random.random() < 0.6:
        for account, devices in ACCOUNTS.items():
            wishes = Wishes()
            papers += [Device(f"{account}{number}", world, wishes, account) for number in range(devices)]
    strangers = random.randint(0, 3) if papers else random.randint(2, 6)
    return papers + [Stranger(f"t{len(papers) + number}", world, Wishes()) for number in range(strangers)]
