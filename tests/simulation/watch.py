"""What is looked at after every step: the `invariants`, and what takes a memory of earlier steps."""

import logging
from collections.abc import Sequence

from chatcore.server.hub import Hub
from chatcore.server.room import Room
from chatcore.server.session import Session
from chatcore.server.states import State
from tests.simulation.client import Client
from tests.simulation.directory import SimDirectory
from tests.simulation.gate import SimGate
from tests.simulation.invariants import judge_step
from tests.simulation.journal import SimJournal
from tests.simulation.manners import Failure
from tests.simulation.person import TypedPerson
from tests.simulation.plain import PlainClient
from tests.simulation.step import Violation, expect
from tests.simulation.transport import SimTransport
from tests.simulation.world import ADDRESSES, World

__all__ = ["LogReader", "Watch"]


class LogReader(logging.Handler):
    """Reads the log of the core: it may report what a neighbour raised, and nothing else."""

    def emit(self, record: logging.LogRecord) -> None:
        """Raise what the core has caught, unless a neighbour was told to raise it."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, Failure):
            raise Violation(f"the core has caught {error!r}") from error


class Watch:
    """Sees both ends of each connection."""

    def __init__(
        self,
        hub: Hub,
        transports: Sequence[SimTransport],
        journal: SimJournal,
        directory: SimDirectory,
        gate: SimGate,
        people: Sequence[TypedPerson],
        world: World,
    ) -> None:
        self._hub = hub
        self._transports = transports
        self._journal = journal
        self._directory = directory
        self._gate = gate
        self._people = people
        self._world = world
        self._known_rooms: set[Room] = set()
        self._new_rooms = 0  # entered so far

    def judge_step(self) -> None:
        """Check what must hold between two steps."""
        served = [(session, pipe) for each in self._transports for session, pipe in each.pipes.items()]
        for session, pipe in served:
            if isinstance(pipe.receiver, PlainClient):
                pipe.receiver.watch(session)
            elif isinstance(pipe.receiver, Client):
                self._watch(pipe.receiver, session)
            if session.pending.joins and session.intake.inbox.blocked:
                self._world.saw("steps in which much waits for a room")
        sessions = [session for session, _ in served]
        judge_step(self._hub, sessions, self._journal, self._directory, self._gate)
        self._judge_goodbyes()
        self._judge_new_rooms()

    def _watch(self, client: Client, session: Session) -> None:
        if session.seat is not None:
            client.memberships.watch(session.identity, self._hub.rooms)
        good = client.has_good_key or session.state is not State.LIVE
        expect(good, client, "is still here, and its key is revoked")

    def _judge_new_rooms(self) -> None:
        """Check that not more new rooms are entered than all addresses together may enter."""
        new = {room for room in self._hub.rooms.values() if not room.head}
        self._new_rooms += len(new - self._known_rooms)
        self._known_rooms = set(self._hub.rooms.values())
        limits, seconds = self._world.limits, self._world.now - self._world.began
        rate = limits.new_rooms_per_minute or 0
        most = ADDRESSES * (limits.new_rooms_burst + rate / 60 * seconds)
        expect(self._new_rooms <= most, self._hub, "has had more new rooms than", most)

    def _judge_goodbyes(self) -> None:
        """Check that nothing is reserved for those who said goodbye, once they have seen the end."""
        away = {seat.secret for seat in self._directory.seats() if seat.session is None}
        for person in self._people if away else ():
            last = person.clients[-1] if person.clients else None
            if last and last.welcome and last.was_dismissed:
                secret = last.welcome.session
                expect(secret not in away - self._world.stolen, last, "has said goodbye, and is expected")
