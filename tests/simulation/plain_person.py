"""Who sits at the plain clients: they remember nothing."""

from collections.abc import Iterator

from chatcore.address import Peer
from chatcore.wire.plain import plain
from tests.simulation.person import Connect
from tests.simulation.plain import PlainClient
from tests.simulation.step import Step
from tests.simulation.transport import Pipe
from tests.simulation.world import ADDRESSES, World

__all__ = ["PlainPerson"]


class PlainPerson:
    """Has one plain client at a time and remembers nothing."""

    def __init__(self, number: int, world: World, connect: Connect) -> None:
        self.name = f"p{number}"
        self.clients: list[PlainClient] = []  # the last one, and older ones to which something may come
        self._came = 0  # how often
        self._peer = Peer(f"10.0.0.{number % ADDRESSES}", 60_000 + number)
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
