"""Who sits at the clients: people come, talk, ask, leave, break off and come back."""

from collections.abc import Callable, Iterator
from typing import Protocol

from chatcore.address import Peer
from chatcore.wire import Wire
from chatcore.wire.ndjson import ndjson
from chatcore.wire.plain import plain
from tests.protocol.frames import Position
from tests.simulation.client import Client
from tests.simulation.plain import PlainClient
from tests.simulation.sender import Sender
from tests.simulation.step import Step
from tests.simulation.transport import Pipe
from tests.simulation.world import ROOMS, World

__all__ = ["Person", "PlainPerson", "TypedPerson"]

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
    """Has one client at a time, and remembers what a good client remembers: the secret of its
    session, what was not acknowledged, and how far it has read.
    """

    def __init__(self, number: int, world: World, connect: Connect) -> None:
        self.name = f"t{number}"
        self.clients: list[Client] = []  # the last one, and older ones to which something may come
        self._came = 0  # how often
        self._secret: str | None = None
        self.sender = Sender(self.name, world.record)
        # Who is careful says nothing new after a refusal until all has been answered and sent again.
        # Only that keeps the order; whoever is not may find it changed, but must lose nothing.
        self.careful = world.random.random() < 0.7
        self._peer = Peer(f"10.0.0.{number % 3}", 50_000 + number)
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

    # --- what has to be done ---------------------------------------------------------------------

    def _duty(self, client: Client) -> Callable[[], str] | None:
        """Return what a good client does once all is quiet: complete what it began."""
        if client.retry_at > self._world.now:
            return None
        for room in client.readers:
            if self.sender.must_repeat(room) and not client.is_waiting_for_posts(room):
                return lambda: self._resume(client, room)
            if client.may_ask(room) and not client.rosters[room].sure:
                return lambda: self._who(client, room)
        return None

    # --- what may be done ------------------------------------------------------------------------

    def _act(self, client: Client) -> str:
        actions = (*[self._post] * 4, *[self._join] * 3, *[self._ask] * 2, *[self._others] * 2)
        return self._random.choice(actions)(client)

    def _come(self) -> str:
        """Connect, perhaps while an older connection is still open."""
        last = self.clients[-1] if self.clients else None
        for welcomed in self.clients:
            self._secret = welcomed.welcome.session if welcomed.welcome else self._secret
        self._came += 1
        nick = last.nick if last and last.nick else f"{self.name}-{self._came}"
        client = Client(f"{self.name}/{self._came}", self.sender, self._world, last)
        self.clients = [client for client in self.clients if not client.gone] + [client]
        self._connect(client.pipe, self._peer, ndjson)
        client.hello(nick, self._secret)
        if self._random.random() < 0.3:
            self._join(client)  # without waiting for the welcome
        return f"{client} connects as {nick}"

    def _join(self, client: Client) -> str:
        [room] = self._random.choices(ROOMS, (6, 3, 1))
        if room in client.readers and self._random.random() < 0.7:
            return self._ask(client)
        if not client.may_ask(room) or (room in client.readers and self._random.random() < 0.9):
            return self._leave(client, room)
        after, history = None, None
        how = self._random.choice(("plainly", "history", "after", "after"))
        if how == "history":
            history = self._random.randint(0, 4)
        elif how == "after":
            after = self._place(room)
        client.join(room, after, history)
        if self._world.chance(0.5) and not (self.careful and client.is_waiting_for_posts(room)):
            client.resume(room)
        return f"{client} joins {room} after={after} history={history}"

    def _leave(self, client: Client, room: str) -> str:
        if not client.may_ask(room, leave=True):
            return f"{client} waits"
        client.leave(room)
        return f"{client} leaves {room}"

    def _place(self, room: str) -> Position:
        """Return where to resume: mostly where somebody could have been, sometimes nonsense."""
        record = self._world.record
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
        if self._random.random() < 0.4 and client.may_ask(room):
            return self._who(client, room)
        place = self._place(room).seq
        before, after = self._random.choice(((None, None), (place, None), (None, place)))
        client.history(room, before, after, self._random.choice((None, 1, 2, 100)))
        return f"{client} asks for history of {room} before={before} after={after}"

    def _who(self, client: Client, room: str) -> str:
        client.who(room)
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
            case _:
                client.rename(nick := self._random.choice(("ann", "Ann", "bob", "cid", self.name)))
                return f"{client} wants to be {nick}"


class PlainPerson:
    """Has one plain client at a time and remembers nothing."""

    def __init__(self, number: int, world: World, connect: Connect) -> None:
        self.name = f"p{number}"
        self.clients: list[PlainClient] = []  # the last one, and older ones to which something may come
        self._came = 0  # how often
        self._peer = Peer(f"10.0.0.{number % 3}", 60_000 + number)
        self._world = world
        self._random = world.random
        self._connect = connect

    def __repr__(self) -> str:
        return self.name

    @property
    def client(self) -> PlainClient | None:
        """The client of now, if there is somebody at its other end."""
        return self.clients[-1] if self.clients and self.clients[-1].is_live else None

    @property
    def pipes(self) -> list[Pipe]:
        """The connections on which something may come."""
        return [client.pipe for client in self.clients if not client.gone]

    def steps(self) -> Iterator[Step]:
        """Offer what this person could do now."""
        if self._world.calm:
            return
        if client := self.client:
            yield Step(1, lambda: self._act(client))
        else:
            yield Step(0.2, self._come)

    def _come(self) -> str:
        self._came += 1
        client = PlainClient(f"{self.name}-{self._came}", self._world)
        self.clients = [client for client in self.clients if not client.gone] + [client]
        self._connect(client.pipe, self._peer, plain)
        return f"{client} connects"

    def _act(self, client: PlainClient) -> str:
        match self._random.randrange(30):
            case 0:
                client.say_goodbye()
                return f"{client} says goodbye"
            case 1:
                client.pipe.vanish()
                return f"{client} vanishes"
            case 2:
                client.command("/quit")
                client.said_goodbye = True
                return f"{client} quits"
            case 3 | 4:
                client.command(self._random.choice(("/who", "/help", "/nick ann", "/nick Bob")))
                return f"{client} asks for something"
            case _:
                client.say(self._random.choice((0, 10, 50)))
                return f"{client} says its line {client.said}"
