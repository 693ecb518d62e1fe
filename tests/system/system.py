"""The whole system in virtual time: a server that restarts, clients that reconnect, a bad network.

`System.run` takes steps at random until there are enough, then lets everything come to rest. What the
clients sent and received is a history, and the checker that judges real servers judges it. A seed
gives the same run each time.
"""

import random
from collections.abc import Callable
from itertools import count
from typing import Any

from chatcore import Ack, Backoff
from chatcore.client.requests import Request
from chatcore.client.session import ClientSession
from chatcore.journal import Page, Unavailable
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import HistoryLimits, Limits
from chatcore.server.hub import Hub
from chatcore.transport import Channel
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson
from chatcore.wire.websocket import WebSocket
from tests.faults.checker import Violation, check
from tests.faults.history import Finished, History, Log, log_of
from tests.server.driver import Clock
from tests.system.channels import Browser, Clear, encrypted
from tests.system.network import Connection

__all__ = ["System"]

ROOMS = ("lobby", "other")
_EVERYTHING = 2**62


class _Person:
    """One client, and what it wants."""

    def __init__(self, name: str, session: ClientSession) -> None:
        self.name = name
        self.session = session
        self.connection: Connection | None = None
        self.asked: Request[Any] | None = None  # the last thing, apart from posts
        self.said: list[Request[Ack]] = []


class System:
    """A server, some clients, and the steps that can be taken next. Every other client may be a browser."""

    def __init__(self, seed: int, *, over_tls: bool = False, with_browsers: bool = False) -> None:
        self._over_tls = over_tls
        self._with_browsers = with_browsers
        self._rng = rng = random.Random(seed)
        self.history = History()
        self._clock = Clock()
        self._limits = Limits(
            connections_per_address=None,
            frames_per_second=rng.choice((None, 50.0)),
            frames_burst=rng.choice((5, 1_000)),
            posts_in_flight=rng.choice((1, 4, 64)),
            tail_bytes=rng.choice((1, 2_000, 100_000)),
        )
        self._history_limits = HistoryLimits(
            memory_history_bytes=rng.choice((3_000, 10_000_000)),
            dedupe_seconds=100_000,  # so that no client has to give a post up
        )
        self._journal = MemoryJournal(self._history_limits, clock=self._clock)
        self._forgets = rng.random() < 0.3  # whether a restart may lose the log
        self._numbers = count(1)
        self._hub: Hub | None = None
        self._connections: list[Connection] = []  # that the server knows of
        self._people = [self._person(f"nick{number}") for number in range(rng.randint(2, 5))]
        self._start_server()
        self._carry_everything()  # until all are welcome: before that, a client gives up immediately

    def run(self, steps: int) -> list[Violation]:
        """Take steps, come to rest, and return what the checker finds."""
        for _ in range(steps):
            self._step()
        self._come_to_rest()
        return check(self.history.events(), self._logs(), survives=())

    # --- steps -----------------------------------------------------------------------------------

    def _step(self) -> None:
        person = self._rng.choice(self._people)
        choices: list[tuple[float, Callable[[], object]]] = [
            (6, lambda: self._carry(person)),
            (3, lambda: self._say(person)),
            (3, self._serve),
            (1, lambda: self._ask(person)),
            (1, lambda: self._let_time_pass(self._rng.choice((0.01, 0.3, 5.0, 40.0)))),
            (0.3, lambda: self._cut(person)),
            (0.1, self._restart),
        ]
        weights, actions = zip(*choices, strict=True)
        self._rng.choices(actions, weights)[0]()

    def _carry(self, person: _Person) -> bool:
        connection = person.connection
        if connection is None or not connection.open:
            return self._dial(person)
        connection.client_writes()
        size = self._rng.choice((1, 50, 700, 100_000))
        moved = connection.carry_up(size) if self._rng.random() < 0.5 else connection.carry_down(size)
        self._check_up_on(person)
        return moved

    def _dial(self, person: _Person) -> bool:
        session = person.session
        if session.dial_at is None or session.dial_at > self._clock.now:
            return False
        if self._hub is None:
            session.connection_failed()
        else:
            self._connect(person)
        return True

    def _connect(self, person: _Person) -> None:
        channels: tuple[Channel, Channel] = encrypted() if self._over_tls else (Clear(), Clear())
        wire: Wire = ndjson
        if self._with_browsers and self._people.index(person) % 2:
            channels, wire = (Browser(self._rng), Clear()), WebSocket()
        person.connection = Connection(
            self._rng, person.name, person.session, self._endpoint, self.history, channels, wire
        )
        self._connections.append(person.connection)

    def _say(self, person: _Person) -> None:
        session = person.session
        leaving = person.asked is not None and not person.asked.done and person.asked.frame.type == "leave"
        if session.rooms and session.unacknowledged < 20 and not leaving:
            room, text = self._rng.choice(session.rooms), f"{person.name} says {next(self._numbers)}"
            person.said.append(session.post(room, text))

    def _ask(self, person: _Person) -> None:
        room, session = self._rng.choice(ROOMS), person.session
        if person.asked is not None and not person.asked.done:
            return
        if room not in session.rooms:
            person.asked = session.join(room, history=self._rng.choice((None, 1, 5)))
        elif self._rng.random() < 0.7:
            person.asked = session.history(room, limit=3) if self._rng.random() < 0.5 else session.who(room)
        elif not session.unacknowledged:
            person.asked = session.leave(room)

    def _serve(self) -> None:
        if self._hub is not None:
            by_session: dict[object, Connection] = {
                connection.session: connection for connection in self._connections
            }
            for session in self._endpoint.ready():
                if connection := by_session.get(session):
                    connection.server_writes()
            for session, data in self._endpoint.fan_out():
                if connection := by_session.get(session):
                    connection.server_writes_piece(data)
            self._connections = [each for each in self._connections if each.session is not None]

    def _let_time_pass(self, seconds: float) -> None:
        self._clock.now += seconds
        for person in self._people:
            person.session.handle_deadline(self._clock.now)
            self._check_up_on(person)
        if self._hub is not None:
            self._endpoint.handle_deadlines(self._clock.now)

    def _check_up_on(self, person: _Person) -> None:
        """A client that is not online any more closes its socket."""
        assert not person.session.closed, f"{person.name} has ended: {person.session.error}"
        connection = person.connection
        if connection is not None and connection.open and not person.session.online:
            connection.client_loses_it(at_once=self._rng.random() < 0.5)

    def _cut(self, person: _Person) -> None:
        connection = person.connection
        if connection is None or not connection.open:
            return
        match self._rng.randrange(3):
            case 0:
                connection.client_loses_it(at_once=self._rng.random() < 0.5)
            case 1:
                connection.server_loses_it()
            case _:
                connection.swallow()

    # --- the server ------------------------------------------------------------------------------

    def _restart(self) -> None:
        if self._hub is None:
            self._start_server()
        else:
            for connection in self._connections:
                connection.server_loses_it()
            self._endpoint.close()
            self._hub = None

    def _start_server(self) -> None:
        if self._forgets and self._rng.random() < 0.3:
            self._journal = MemoryJournal(self._history_limits, clock=self._clock)
        self._hub = Hub(self._journal, self._limits, clock=self._clock)
        self._endpoint = self._hub.endpoint(lambda: None)
        self._connections = []
        for person in self._people:
            if person.connection is None:
                self._connect(person)

    def _person(self, name: str) -> _Person:
        rng = random.Random(self._rng.random())
        return _Person(name, ClientSession(name, reconnect=True, clock=self._clock, backoff=Backoff(rng)))

    # --- the end ---------------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        if self._hub is None:
            self._start_server()
        for _ in range(2_000):
            self._let_time_pass(1.0)
            self._carry_everything()
            if all(self._is_at_rest(person) for person in self._people):
                break
        for person in self._people:
            assert self._is_at_rest(person), f"{person.name} does not come to rest: {person.session!r}"
            for post in person.said:
                post.result()  # nothing that was said was refused
            for room in person.session.rooms:
                self.history.note(Finished(person.name, room))

    def _carry_everything(self) -> None:
        moved = 1
        while moved:
            moved = sum(self._carry_all(person) for person in self._people) + self._give_turns()

    def _give_turns(self) -> int:
        """Let those decode who wait for that; return how many they were."""
        waiting = self._endpoint.turns if self._hub is not None else 0
        if waiting:
            self._endpoint.handle_deadlines(self._clock.now)
        return waiting

    def _carry_all(self, person: _Person) -> bool:
        self._serve()
        connection = person.connection
        if connection is None or not connection.open:
            return self._dial(person)
        connection.client_writes()
        moved = connection.carry_up(_EVERYTHING) or connection.carry_down(_EVERYTHING)
        self._check_up_on(person)
        return moved

    def _is_at_rest(self, person: _Person) -> bool:
        heads = self._hub.rooms if self._hub is not None else {}
        session = person.session
        return (
            session.online
            and not session.unanswered
            and all(session.position(room).seq == heads[room].head for room in person.session.rooms)
        )

    def _logs(self) -> dict[str, Log]:
        logs: dict[str, Log] = {}

        def deliver(page: Page | Unavailable, room: str) -> None:
            assert isinstance(page, Page)
            logs[room] = log_of(page.epoch, [stored.line for stored in page.messages], page.base)

        for room in ROOMS:
            self._journal.read(
                room,
                lambda page, room=room: deliver(page, room),  # type: ignore[misc]
                after=0,
                limit=_EVERYTHING,
                max_bytes=_EVERYTHING,
            )
        return logs
