"""A server that can be replaced under its clients, a proxy before it, and clients that reconnect quickly."""

import random
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from chatcore import Backoff, Event, Gap, Message, Offline
from chatcore.journal.memory import MemoryJournal
from chatcore.journal.sqlite import SqliteJournal
from chatcore.server.hub import Hub
from tests.faults.proxy import FaultProxy
from tests.limits import split_limits
from tests.transports.clients import CLIENTS, Visitor
from tests.transports.servers import OPEN, House, new_transport
from tests.transports.tls import trust

__all__ = ["Reader", "Scene"]


class Reader:
    """A client that reconnects within milliseconds, and the events that it has had so far."""

    def __init__(self, visitor: Visitor) -> None:
        self.visitor = visitor
        self.events: list[Event] = []

    def close(self) -> None:
        """Close the client. Idempotent."""
        self.visitor.close()

    def next(self) -> Event:
        """Return the next event."""
        event = self.visitor.next_event()
        assert event is not None, "the client was closed"
        self.events.append(event)
        return event

    def until(self, kind: type[Event]) -> Event:
        """Read up to the next event of a kind."""
        while not isinstance(event := self.next(), kind):
            pass
        return event

    def read_to(self, seq: int, room: str = "lobby") -> None:
        """Read a room up to a message, unless that has come already."""
        while not any(message.seq == seq for message in self.messages(room)):
            self.until(Message)

    def messages(self, room: str = "lobby") -> Iterator[Message]:
        """Yield the messages of a room that came so far."""
        return (each for each in self.events if isinstance(each, Message) and each.room == room)

    def texts(self, room: str = "lobby") -> list[str]:
        """Return what was said in a room, as far as it came."""
        return [message.text for message in self.messages(room)]

    def gaps(self) -> list[tuple[int, int, str]]:
        """Return the gaps so far."""
        return [(each.after, each.through, each.reason) for each in self.events if isinstance(each, Gap)]

    def losses(self) -> list[str]:
        """Return why the connection was lost, each time."""
        return [each.reason for each in self.events if isinstance(each, Offline)]


class Scene:
    """A context manager. With a journal's ``path`` its server keeps its log over `restart`."""

    def __init__(self, server: str, client: str, *, path: Path | None = None, **limits: Any) -> None:
        self._client = client
        self._path = path
        self._limits, self._history = split_limits({**OPEN, **limits})
        self._stack = ExitStack()
        self._running = ExitStack()
        self.proxies: list[FaultProxy] = []
        self.start(server)

    def __enter__(self) -> "Scene":
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._stack.close()
        self.stop()

    def start(self, server: str) -> None:
        """Start a server."""
        journal = SqliteJournal(self._path, self._history) if self._path else MemoryJournal(self._history)
        self.hub = self._running.enter_context(closing(Hub(journal, self._limits)))
        self.house = self.open_house(server)

    def stop(self) -> None:
        """End every server. Idempotent."""
        self._running.close()

    def restart(self, server: str) -> None:
        """Cut everybody off, and start a new server."""
        for proxy in self.proxies:
            proxy.refusing = True
            proxy.end_all("reset")
        self.stop()
        self.start(server)
        self.move_to(self.house)
        for proxy in self.proxies:
            proxy.refusing = False

    def open_house(self, server: str) -> House:
        """Serve the hub with one more transport."""
        return self._running.enter_context(closing(House(new_transport(server), hub=self.hub)))

    def move_to(self, house: House) -> None:
        """Lead new connections to another server."""
        for proxy in self.proxies:
            proxy.server_port = house.port("chat")

    def proxy(self, **options: Any) -> FaultProxy:
        """Return a way to the server on which things can go wrong."""
        proxy = self._stack.enter_context(FaultProxy(self.house.port("chat"), **options))
        self.proxies.append(proxy)
        return proxy

    def client(self, nick: str, url: str, *, kind: str | None = None, **options: Any) -> Reader:
        """Connect a client."""
        backoff = Backoff(random.Random(nick), first=0.001, longest=0.004)
        options = {"nick": nick, "reconnect": True, "backoff": backoff, **trust(url), **options}
        visitor = CLIENTS[kind or self._client](url, **options)
        return self._stack.enter_context(closing(Reader(visitor)))

    def bystander(self, nick: str = "bob", **options: Any) -> Reader:
        """Connect a client that nothing happens to."""
        return self.client(nick, self.house.url, **options)
