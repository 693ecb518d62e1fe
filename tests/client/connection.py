"""Both ends of the protocol, joined without a socket: client sessions, and a hub that they talk to.

A `Line` lies between one client and the server. It carries everything immediately, until a test has it lose
what it carries, or cuts it at the point where the resume is of interest.
"""

import random
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from chatcore import Ack, Backoff, Event, Gap, Joined, Message, Offline
from chatcore.address import Peer
from chatcore.client.requests import Request
from chatcore.client.session import ClientSession
from chatcore.journal import Journal
from chatcore.journal.memory import MemoryJournal
from chatcore.server.hub import Hub
from chatcore.server.session import Session
from tests.limits import split_limits
from tests.server.driver import Clock

__all__ = ["Line", "Server"]

A = TypeVar("A")


class Server:
    """A hub that can be restarted, with an empty log or with the journal of before."""

    def __init__(self, clock: Clock | None = None, **limits: object) -> None:
        self.clock = clock or Clock()
        self.limits, self.history = split_limits({"frames_per_second": None, **limits})
        self.lines: list[Line] = []
        self.start()

    def start(self, journal: Journal | None = None) -> None:
        """Start over, with an empty log unless a journal is given."""
        journal = journal or MemoryJournal(self.history, clock=self.clock)
        self.hub = Hub(journal, self.limits, clock=self.clock)
        self.endpoint = self.hub.endpoint(lambda: None)

    def stop(self) -> None:
        """End as a killed process does: every connection is gone without a word."""
        for line in self.lines:
            line.cut()
        self.endpoint.close()

    def client(self, nick: str, *rooms: str, history: int | None = None, **options: Any) -> "Line":
        """Return a connected client that has joined these rooms; ``options`` are those of its session."""
        given: dict[str, Any] = {"reconnect": True, "backoff": Backoff(random.Random(1)), **options}
        line = Line(self, ClientSession(nick, clock=self.clock, **given))
        line.dial()
        for room in rooms:
            line.join(room, history=history)
        return line

    def pass_time(self, seconds: float) -> None:
        """Let time pass, and do what is due."""
        self.clock.now += seconds
        for line in self.lines:
            line.session.handle_deadline(self.clock.now)
        self.endpoint.handle_deadlines(self.clock.now)
        self.settle()

    def settle(self) -> None:
        """Carry everything that can be carried."""
        busy = True
        while busy:
            busy = any(line.carry() for line in self.lines)


class Line:
    """One client, and its way to the server."""

    def __init__(self, server: Server, session: ClientSession) -> None:
        self.server = server
        self.session = session
        self.events: list[Event] = []
        self.loses_answers = False  # what the server says is lost from now on
        self.is_idle = False  # whether its user takes no events
        self._far: Session | None = None
        server.lines.append(self)

    def dial(self) -> None:
        """Connect."""
        self._far = self.server.endpoint.open(Peer("10.0.0.1", 1024 + len(self.server.lines)))
        self.session.connection_made()
        self.server.settle()

    def dial_when_due(self) -> None:
        """Connect again when the client wants to."""
        assert self.session.dial_at is not None
        self.server.clock.now = max(self.server.clock.now, self.session.dial_at)
        self.dial()

    def cut(self, *, server_knows: bool = True) -> None:
        """Lose the connection; the server may not notice."""
        far, self._far = self._far, None
        if far is not None and server_knows:
            far.connection_lost()
        self.session.receive_eof()
        if not self.is_idle:
            self.take()

    def take(self, most: int | None = None) -> None:
        """Take the events that there are, or so many at most; idle users only do that here."""
        count = len(self.session.events) if most is None else min(most, len(self.session.events))
        self.events += filter(None, (self.session.next_event() for _ in range(count)))

    def ask(self, make: Callable[[ClientSession], Request[A]]) -> Request[A]:
        """Ask something and carry what comes of it."""
        request = make(self.session)
        self.server.settle()
        return request

    def join(self, room: str, history: int | None = None) -> Request[Joined]:
        """Join a room."""
        return self.ask(lambda session: session.join(room, history=history))

    def say(self, *texts: str, room: str = "lobby") -> list[Request[Ack]]:
        """Post texts."""
        requests: list[Request[Ack]] = [self.session.post(room, text) for text in texts]
        self.server.settle()
        return requests

    def carry(self) -> bool:
        """Carry what there is, both ways; return whether there was anything."""
        far, session = self._far, self.session
        if not self.is_idle:
            self.take()
        if far is None:
            return False
        sent = session.data_to_send()
        if sent:
            far.receive_data(sent)
        answered = far.data_to_send()
        if answered and not self.loses_answers:
            session.receive_data(answered)
        if not self.is_idle:
            self.take()
        if far.closed or (far.closing and not answered) or not session.online:
            self.cut()
        return bool(sent or answered)

    def texts(self) -> list[str]:
        """Return all that was read so far."""
        return [event.text for event in self.events if isinstance(event, Message)]

    def gaps(self) -> list[tuple[int, int, str]]:
        """Return all gaps so far."""
        return [(event.after, event.through, event.reason) for event in self.events if isinstance(event, Gap)]

    def offline(self) -> Iterator[str]:
        """Yield why the connection was lost, each time."""
        return (event.reason for event in self.events if isinstance(event, Offline))
