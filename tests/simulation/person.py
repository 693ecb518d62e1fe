"""Who sits at the clients: people come, talk, ask, leave, break off and come back."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Protocol

from chatcore.address import Peer
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson
from tests.protocol.frames import Act, Position, Time
from tests.simulation.client import Client
from tests.simulation.pages import ERA
from tests.simulation.papers import Papers
from tests.simulation.questions import Bounds
from tests.simulation.sender import Sender
from tests.simulation.step import Step
from tests.simulation.table import ACCOUNTS
from tests.simulation.transport import Pipe
from tests.simulation.world import ADDRESSES, ROOMS, World

__all__ = ["Connect", "Person", "TypedPerson"]

_ACTS: dict[Act, int] = {"close": 2, "open": 2, "admit": 3, "kick": 4, "mute": 8, "ban": 1, "lift": 5}
"""How often each is asked for."""

_TOO_LONG = 90  # characters more than any text may have

Connect = Callable[[Pipe, Peer, Wire], None]


class Person(Protocol):
    """What the simulation needs to know of somebody."""

    name: str

    @property
    def pipes(self) -> list[Pipe]:
        """The connections on which something may come."""

    def steps(self) -> Iterator[Step]:
        """Offer what this person could do now."""


class TypedPerson:
    """Has one client at a time, and remembers what a good client remembers: its papers, what was not
    acknowledged, and how far it has read.
    """

    def __init__(self, number: int, world: World, connect: Connect, papers: Papers) -> None:
        self.name = f"t{number}"
        self.clients: list[Client] = []  # the last one, and older ones to which something may come
        self.papers = papers
        self._came = 0  # how often
        self.sender = Sender(self.name, world.record)
        # Who is careful says nothing new after a refusal until all has been answered and sent again.
        # Only that keeps the order; whoever is not may find it changed, but must lose nothing.
        self.careful = world.random.random() < 0.7
        self._peer = Peer(f"10.0.0.{number % ADDRESSES}", 50_000 + number)
        self._world = world
        self._random = world.random
        self._connect = connect

    def __repr__(self) -> str:
        return self.name

    @property
    def client(self) -> Client | None:
        """The client of now, if any: an older one may outlive one that has failed."""
        for client in reversed(self.clients):
            if client.is_live:
                return client
            if client.is_waiting:
                return None
        return None

    @property
    def pipes(self) -> list[Pipe]:
        """The connections on which something may come."""
        return [client.pipe for client in self.clients if not client.gone]

    def steps(self) -> Iterator[Step]:
        """Offer what this person could do now."""
        client = self.client
        if client is None:
            if not self._world.calm and not (self.clients and self.clients[-1].is_waiting):
                yield Step(1, self._come)
        elif not self._world.calm:
            yield Step(2, lambda: self._act(client))
        elif duty := self._duty(client):
            yield Step(1, duty)
        for older in self.clients if self._world.calm else ():
            if older is not client and older.is_live:
                yield Step(1, partial(self._end, older))

    # --- what has to be done ---------------------------------------------------------------------

    def _duty(self, client: Client) -> Callable[[], str] | None:
        """Return what a good client does once all is quiet: complete what it began."""
        if client.retry_at > self._world.now:
            return None
        for room in client.readers:
            if self.sender.must_repeat(room) and not client.is_waiting_for_posts(room):
                return lambda: self._resume(client, room)
            if client.memberships.may_ask(room) and not client.rosters[room].sure:
                return lambda: self._who(client, room)
        return None

    def _end(self, client: Client) -> str:
        client.say_goodbye()
        return f"{client} is not needed any more"

    # --- what may be done ------------------------------------------------------------------------

    def _act(self, client: Client) -> str:
        actions = (
            *[self._post] * 4,
            *[self._join] * 3,
            *[self._ask] * 2,
            *[self._others] * 3,
            *[self._search] * 2,
        )
        strictness = self._world.strictness * (1.0 if client.account else 0.1)
        if self._random.random() < strictness:
            return self._moderate(client)
        return self._random.choice(actions)(client)

    def _come(self) -> str:
        """Connect, perhaps while an older connection is still open."""
        last = self.clients[-1] if self.clients else None
        for welcomed in self.clients:
            if welcomed.welcome:
                self.papers.remember(welcomed.welcome.session)
        self._came += 1
        hello = self.papers.hello(self._came, last.nick if last else "")
        client = Client(f"{self.name}/{self._came}", self.sender, self._world, self.papers.wishes, last)
        self.clients = [client for client in self.clients if not client.gone] + [client]
        self._connect(client.pipe, self._peer, ndjson)
        client.hello(hello, self.papers.account if hello.key else None)
        if self._random.random() < 0.5:
            self._rush(client)
        return f"{client} connects as {hello.nick} with {hello.session} and {hello.key}"

    def _rush(self, client: Client) -> None:
        """Ask for a number of things without waiting for the welcome."""
        for _ in range(self._random.randint(1, 4)):
            self._random.choice((self._join, self._join, self._post, self._ping, self._rename))(client)

    def _join(self, client: Client) -> str:
        late = client.memberships.late
        [room] = self._random.choices(ROOMS, (6, 3, 1))
        if late and self._random.random() < 0.7:
            room = late.pop()
        if room in client.readers and self._random.random() < 0.7:
            return self._ask(client)
        if not client.memberships.may_ask(room) or (room in client.readers and self._random.random() < 0.9):
            return self._leave(client, room)
        after, history = None, None
        how = self._random.choice(("plainly", "history", "after", "after", "both", "both"))
        if how in ("history", "both"):
            history = self._random.randint(0, 4)
        if how in ("after", "both"):
            after = self._place(room)
        client.join(room, after, history)
        if self._world.chance(0.5) and not (self.careful and client.is_waiting_for_posts(room)):
            client.resume(room)
        return f"{client} joins {room} after={after} history={history}"

    def _leave(self, client: Client, room: str) -> str:
        if not client.memberships.may_ask(room, leave=True):
            return f"{client} waits"
        client.memberships.leave(room)
        return f"{client} leaves {room}"

    def _place(self, room: str) -> Position:
        """Return where to resume: mostly where somebody could have been, sometimes nonsense."""
        record = self._world.record
        ahead = record.ahead(room)
        if ahead is not None and ahead > record.log(room).told and self._random.random() < 0.7:
            self._world.saw("a position of another hub")
            return Position(epoch=record.epoch, seq=ahead)
        epoch = self._random.choice([*record.lives, *[record.epoch] * 8, "no-such-life"])
        seq = 1_000_000
        if epoch in record.lives and self._random.random() < 0.9:
            log = record.log(room, epoch)
            seq = log.position(self._random.randint(0, log.index_after(log.told)))
        return Position(epoch=epoch, seq=seq)

    def _post(self, client: Client) -> str:
        rooms = list(client.readers) or [room for room, waiting in client.open.items() if waiting]
        if not rooms:
            return self._join(client)
        room = self._random.choice(rooms)
        if room in client.unresumed or self.sender.must_repeat(room):
            if self.careful and client.is_waiting_for_posts(room):
                return f"{client} waits for answers"
            if self.careful or self._random.random() < 0.5:
                return self._resume(client, room)
        for _ in range(self._random.choice((1, 1, 2, 4))):
            client.post(room, *self._draft(client, room))
        return f"{client} posts to {room}"

    def _draft(self, client: Client, room: str) -> tuple[str, str]:
        answered = [id_ for id_ in self.sender.answered(room) if not client.is_waiting_for(id_)]
        if answered and self._random.random() < 0.15:
            other = self._random.random() < 0.5
            return self.sender.repeat(self._random.choice(answered), client.name, other=other)
        size = _TOO_LONG if self._random.random() < 0.03 else self._random.choice((0, 10, 50))
        return self.sender.new(room, client.name, size, self._random.choice((1, 1, 2)))

    def _resume(self, client: Client, room: str) -> str:
        client.resume(room)
        return f"{client} sends again what {room} has not acknowledged"

    def _ask(self, client: Client) -> str:
        rooms = list(client.readers)
        if not rooms:
            return f"{client} has nothing to ask"
        room = self._random.choice(rooms)
        if self._random.random() < 0.4 and client.memberships.may_ask(room):
            return self._who(client, room)
        if self._random.random() < 0.2:
            return self._rooms(client)
        bounds = self._bounds(room)
        client.history(room, bounds, self._random.choice((None, 1, 2, 100)))
        return f"{client} asks for history of {room} within {bounds}"

    def _search(self, client: Client) -> str:
        name = self._random.choice(("t0", "t1", self.name))
        where, limit = self._random.choice((None, *client.readers)), self._random.choice((None, 1, 2))
        client.search(name, where, limit)
        return f"{client} searches {name} in {where}"

    def _rooms(self, client: Client) -> str:
        after, prefix = self._random.choice((None, None, *ROOMS)), self._random.choice((None, None, "l"))
        client.rooms(after, prefix, self._random.choice((None, 1, 2)))
        return f"{client} asks which rooms there are after {after}"

    def _bounds(self, room: str) -> Bounds:
        """Return bounds of a page: numbers, times, or one of each."""
        place = self._place(room).seq
        before, after = self._random.choice(((None, None), (place, None), (None, place)))
        before_at = self._time() if before is None and self._random.random() < 0.2 else None
        after_at = self._time() if after is None and self._random.random() < 0.2 else None
        return before, after, before_at, after_at

    def _time(self) -> Time:
        """Return a time at which something may have been said."""
        at = ERA + timedelta(seconds=self._random.choice((1_000.0, self._world.now, self._world.now - 5)))
        return Time(at.isoformat().replace("+00:00", "Z"))

    def _who(self, client: Client, room: str) -> str:
        client.memberships.who(room)
        return f"{client} asks who is in {room}"

    def _others(self, client: Client) -> str:
        match self._random.randrange(12):
            case 0:
                client.say_goodbye()
                return f"{client} says goodbye"
            case 1:
                client.pipe.vanish()
                return f"{client} vanishes"
            case 2:
                return self._come()
            case 3 | 4 | 5:
                return self._ping(client)
            case 6:
                return self._flood(client)
            case _:
                return self._rename(client)

    def _rename(self, client: Client) -> str:
        client.rename(nick := self.papers.wish())
        return f"{client} wants to be {nick}"

    def _moderate(self, client: Client) -> str:
        if self._random.random() < 0.1:
            client.invite()
            return f"{client} asks for an invite"
        [act] = self._random.choices(tuple(_ACTS), tuple(_ACTS.values()))
        others = [account for account in ACCOUNTS if account != client.account]
        [room] = self._random.choices(ROOMS, (6, 3, 1))
        nick = self._random.choice((*others * 4, *ACCOUNTS, "ADA-x", "cleo-ci", "ann"))
        needs_room = act not in ("mute", "ban", "lift")
        at = room if needs_room or self._random.random() < 0.6 else None
        client.moderate(act, at, None if act in ("close", "open") else nick)
        return f"{client} wants to {act} {nick} in {at}"

    def _ping(self, client: Client) -> str:
        client.ping()
        return f"{client} pings"

    def _flood(self, client: Client) -> str:
        """Ask so much of a room that is being entered that the socket is not read any more."""
        rooms = [room for room, asked in client.open.items() if asked and room not in client.readers]
        if not rooms:
            return self._join(client)
        for _ in range(self._random.randint(14, 20)):
            client.history(rooms[0], (None, None, None, None), 1)
        client.ping()
        return f"{client} floods {rooms[0]}"
