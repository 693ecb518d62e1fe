"""A transport without sockets: it follows every rule of `Endpoint`, and takes every liberty they leave."""

from collections.abc import Iterator
from functools import partial
from random import Random
from typing import Protocol

from chatcore.address import Peer
from chatcore.server.endpoint import Served
from chatcore.server.hub import Hub
from chatcore.server.session import Session
from chatcore.wire import Wire
from tests.simulation.step import Step, expect
from tests.simulation.world import World

__all__ = ["Pipe", "Receiver", "SimTransport"]

_PATIENCE = 1.0  # seconds: more than any answer has to wait for a time


class Receiver(Protocol):
    """The far end of a connection."""

    def receive(self, data: bytes) -> None:
        """Take bytes from the server."""

    def ended(self, *, in_order: bool) -> None:
        """Learn that no more will come: the server ended its stream, or the connection broke."""


class Pipe:
    """One connection: the bytes in flight, and which side still has its end open."""

    def __init__(self, name: str, receiver: Receiver, random: Random) -> None:
        self.name = name
        self.receiver = receiver
        self.capacity = random.choice((60, 150, 400, 2_000))  # bytes that wait to be read
        self.inward = bytearray()  # written by the client, not yet read by the server
        self.outward = bytearray()  # written by the server, not yet read by the client
        self.unsent = b""  # what the server's socket refused
        self.refusals = 0  # writes that it has not taken whole
        self.client_ended = False  # it has ended its side cleanly
        self.vanished = False  # the connection broke, and the server does not know it yet
        self.server_ended = False
        self.lost_at: float | None = None  # when the server lost it
        self.pace = random.choice((0.1, 1, 3))  # how eagerly the client reads
        self.over = False  # the client knows that nothing more will come

    def __repr__(self) -> str:
        return self.name

    def write(self, data: bytes) -> None:
        """Write from the client's side."""
        self.inward += data

    def vanish(self) -> None:
        """Break the connection from the client's side."""
        self.vanished = self.over = True
        self.receiver.ended(in_order=False)

    def accept(self, data: bytes) -> bytes:
        """Write from the server's side; return what the socket refuses."""
        room = max(self.capacity - len(self.outward), 0)
        self.outward += data[:room]
        return data[room:]

    def read(self, random: Random) -> str:
        """Let the client read some of what has come, or notice the end of it."""
        if self.outward:
            data = bytes(self.outward[: some_of(random, len(self.outward))])
            del self.outward[: len(data)]
            self.receiver.receive(data)
            return f"{self} reads {len(data)} bytes"
        self.over = True
        self.receiver.ended(in_order=True)
        return f"{self} reads the end"


class SimTransport:
    """Drives one endpoint of a hub. One session is served at a time, and between any two of them, or
    two pieces for the same one, anything else may happen.
    """

    def __init__(self, name: str, hub: Hub, world: World) -> None:
        self.name = name
        self.endpoint = hub.endpoint(self._wake)
        self.pipes: dict[Session, Pipe] = {}
        self.sessions: list[Session] = []  # all that ever existed
        self.timer: float | None = None  # set when the endpoint was last served, as in a real transport
        self._hub = hub
        self._world = world
        self._random = world.random
        self._woken = False
        self._serving: list[Session] = []  # taken from `ready`, and not served yet
        self._pieces: list[tuple[Served, bytes]] = []  # taken from `fan_out`, and not written yet
        self._reading: dict[Session, bool] = {}

    def __repr__(self) -> str:
        return self.name

    def connect(self, pipe: Pipe, peer: Peer, wire: Wire) -> Session:
        """Accept a connection."""
        session = self.endpoint.open(peer, wire)
        self.sessions.append(session)
        self.pipes[session] = pipe
        self._reading[session] = session.want_data
        return session

    def steps(self) -> Iterator[Step]:
        """Offer what could happen now."""
        if self._woken and not self._serving and not self._pieces:
            yield Step(4, self._take)
        if self.timer is not None and self.timer <= self._hub.clock():
            yield Step(2, self.handle_deadlines)
        for session in self._serving:
            yield Step(2, partial(self._serve, session))
        for piece in self._pieces:
            yield Step(2, partial(self._write_piece, piece))
        for session, pipe in self.pipes.items():
            if pipe.vanished:
                yield Step(1, partial(self._lose, session))
            elif self._reading[session] and (pipe.inward or pipe.client_ended):
                yield Step(1, partial(self._receive, session, pipe))
            if pipe.unsent and len(pipe.outward) < pipe.capacity:
                yield Step(1, partial(self._drain, session, pipe))

    def handle_deadlines(self) -> str:
        """Do what a timer of the transport does."""
        now = self._hub.clock()
        for session, pipe in self.pipes.items():
            if pipe.unsent:
                session.data_unsent(len(pipe.unsent))
        self.endpoint.handle_deadlines(now)
        self.timer = self.endpoint.next_deadline()
        return f"{self} handles what is due at {now:.2f}"

    def judge_quiet(self) -> None:
        """Check, when nothing is pending, that nothing was forgotten either."""
        due = self.endpoint.next_deadline()
        expect(due is None or (self.timer is not None and self.timer <= due), self, "sleeps beyond", due)
        for session in self.pipes:
            expect(session.want_data == self._reading[session], session, "is not read from again")
            expect(
                not session.data_to_send(), session, "had something to write and its transport was not woken"
            )

    def judge_end(self) -> None:
        """Check that a closed endpoint holds nothing."""
        expect(len(self.endpoint) == 0, self, "still has connections")
        expect(len(self.endpoint.timers) == 0, self, "still has timers")
        expect(not self.endpoint.busy, self, "still has something to do")
        for session in self.sessions:
            expect(session.posts.in_flight == 0 and not session.members, session, "was not cleared away")
            pending = session.pending
            expect(not pending.says_hello and not pending.joins, session, "still asks")
            expect(not session.intake.inbox.holds and not session.intake.has_tasks, session, "still has work")

    # --- the endpoint's side -------------------------------------------------------------------------

    def _wake(self) -> None:
        self._woken = True

    def _take(self) -> str:
        self._woken = False
        limit = self._random.choice((1, 2, 256))
        if self._random.random() < 0.5:
            self._serving = [session for session in self.endpoint.ready(limit) if session in self.pipes]
        else:
            self._pieces = list(self.endpoint.fan_out(limit))
        self._woken = self._woken or self.endpoint.busy
        self.timer = self.endpoint.next_deadline()
        taken = f"is to serve {len(self._serving)} and to write {len(self._pieces)}"
        return f"{self} {taken}, next at {self.timer}"

    # --- the sockets' side -----------------------------------------------------------------------

    def _serve(self, session: Session) -> str:
        pipe = self.pipes[session]
        self._serving.remove(session)
        if data := session.data_to_send():
            self._write(session, data)
        self._reading[session] = session.want_data
        if session.closed:
            self._hang_up(session)
        elif session.closing and not pipe.unsent:
            pipe.server_ended = True
        return f"{self} serves {pipe}: {len(data)} bytes, {len(pipe.unsent)} unsent"

    def _write_piece(self, piece: tuple[Served, bytes]) -> str:
        session, data = piece
        self._pieces.remove(piece)
        if session not in self.pipes:
            return f"{self} has lost {session} and writes it nothing"
        self._write(session, data)
        return f"{self} writes to {self.pipes[session]}: {len(data)} bytes"

    def _write(self, session: Session, data: bytes) -> None:
        pipe = self.pipes[session]
        expect(not pipe.unsent, pipe, "is given more than it asked for")
        pipe.unsent = pipe.accept(data)
        if pipe.unsent:
            pipe.refusals += 1
            session.data_unsent(len(pipe.unsent))

    def _drain(self, session: Session, pipe: Pipe) -> str:
        taken = some_of(self._random, len(pipe.unsent))
        pipe.unsent = pipe.accept(pipe.unsent[:taken]) + pipe.unsent[taken:]
        session.data_unsent(len(pipe.unsent))
        if not pipe.unsent:
            self._serving.append(session)
        return f"{self} drains {pipe}: {len(pipe.unsent)} unsent"

    def _receive(self, session: Session, pipe: Pipe) -> str:
        if not pipe.inward:
            pipe.client_ended = False  # report it once
            session.receive_eof()
            return f"{self} gets the end of {pipe}"
        data = bytes(pipe.inward[: some_of(self._random, len(pipe.inward))])
        del pipe.inward[: len(data)]
        session.receive_data(data)
        self._reading[session] = self._reading[session] and session.want_data
        return f"{self} gets {len(data)} bytes of {pipe}"

    def _hang_up(self, session: Session) -> None:
        pipe = self.pipes[session]
        in_order = pipe.server_ended or (session.closing and not pipe.unsent)
        # Once it is calm, nothing that a session owes takes long, so it need not be cut off.
        begun, due = self._world.calm_since, session._end_by
        if not in_order and begun is not None and due is not None:
            expect(not begun + _PATIENCE < due <= self._world.now, session, "was cut off")
        self._lose(session)
        if in_order:
            pipe.server_ended = True  # it reads the rest, then the end
        elif not pipe.over:
            pipe.over = True
            pipe.receiver.ended(in_order=False)

    def _lose(self, session: Session) -> str:
        pipe = self.pipes.pop(session)
        pipe.lost_at = self._world.now
        self._serving = [other for other in self._serving if other is not session]
        del self._reading[session]
        session.connection_lost()
        return f"{self} loses {pipe}"


def some_of(random: Random, size: int) -> int:
    """Draw how many bytes go through in one step: often all, sometimes any number."""
    return size if random.random() < 0.6 else random.randint(1, size)
