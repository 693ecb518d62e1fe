"""The transports under test, and a house in which one of them serves a hub."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from chatcore.gate import Gate
from chatcore.journal import Journal
from chatcore.journal.memory import MemoryJournal
from chatcore.server.hub import Hub
from chatcore.transport import Listen, Server, Transport, find_transports, load_transport
from tests.limits import split_limits
from tests.transports.peers import DEADLINE, Peer, PlainPeer, TypedPeer, hello
from tests.transports.tls import OverTls, note_scheme
from tests.transports.web import OverWeb, WebPeer
from transports.asyncio_tcp import AsyncioTransport

__all__ = ["OPEN", "SERVERS", "TLS", "WEB", "Clock", "Door", "House", "new_transport", "spoken_as"]

SERVERS: dict[str, Callable[[], Transport]] = {
    **{name: partial(load_transport, point) for name, point in find_transports().items()},
    "asyncio-stdlib": lambda: AsyncioTransport(asyncio.new_event_loop),
}
"""Every transport that is installed, by name; asyncio also with the standard library's own loop."""

TLS = "-tls"
WEB = "-web"

OPEN: dict[str, Any] = {
    "connections": None,
    "connections_per_address": None,
    "frames_per_second": None,
    "presence_seconds": 0.02,
}
"""Limits under which tests that are about something else meet none, and wait for nothing."""

P = TypeVar("P", bound=Peer)

_ALSO = {"chat": ("chats", "http", "https")}

ANYWHERE = ("chat://127.0.0.1:0", "plain://127.0.0.1:0")


def new_transport(name: str) -> Transport:
    """Return the transport with a name of `SERVERS`.

    If ``-web`` follows, it serves browsers, and if ``-tls`` does after that, over TLS.
    """
    clear = name.removesuffix(TLS)
    transport = SERVERS[clear.removesuffix(WEB)]()
    if clear != name:
        transport = OverTls(transport)
    return OverWeb(transport) if clear.endswith(WEB) else transport


def spoken_as(scheme: str) -> tuple[str, ...]:
    """Return the schemes under which a server of a row may speak a wire; first is its own."""
    return (scheme, *_ALSO.get(scheme, (f"{scheme}s",)))


class Clock:
    """Time that passes only when a test says so, until it is released.

    A transport computes real waits from it, so it looks at its deadlines again after about the
    shortest of the limits: tests use small ones.
    """

    def __init__(self) -> None:
        self.now = 1_000.0
        self._released: float | None = None

    def __call__(self) -> float:
        return self.now if self._released is None else self.now + time.monotonic() - self._released

    def release(self) -> None:
        """Let time pass by itself from now on."""
        self._released = time.monotonic()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class Door:
    """Where peers connect; `close` closes all of them."""

    def __init__(self) -> None:
        self.visitors: list[Peer] = []

    def port(self, scheme: str) -> int:
        """Return the port on which a wire is spoken."""
        raise NotImplementedError

    def typed(
        self, nick: str | None = None, *rooms: str, port: int | None = None, **options: Any
    ) -> TypedPeer:
        """Connect a typed peer; with a nick it says hello, and joins rooms."""
        port = port or self.port("chat")
        kind = WebPeer if self.is_for_browsers(port) else TypedPeer
        return self._welcome(kind(port, nick, *rooms, **options))

    def is_for_browsers(self, port: int) -> bool:
        """Tell whether a WebSocket has to be opened there."""
        return False

    def member(self, nick: str, **options: Any) -> TypedPeer:
        """Connect a typed peer that joins the lobby."""
        return self.typed(nick, "lobby", **options)

    def plain(self, **options: Any) -> PlainPeer:
        """Connect a plain peer, and wait until it is in the lobby."""
        peer = self._welcome(PlainPeer(self.port("plain"), **options))
        peer.say("/who")
        while not peer.hear().startswith("* "):
            pass
        return peer

    def stranger(self, scheme: str, **options: Any) -> Peer:
        """Connect a peer that sends nothing yet."""
        port = self.port(scheme)
        if self.is_for_browsers(port):
            return self._welcome(WebPeer(port, waits=False, **options))
        return self._welcome(Peer(port, **options))

    def come_again(self, nick: str) -> None:
        """Connect until there is room: a peer that left is counted until the server has seen it."""
        give_up = time.monotonic() + DEADLINE
        while time.monotonic() < give_up:
            with contextlib.suppress(ConnectionError), self.stranger("chat") as peer:
                peer.send(hello(nick))
                if b'"welcome"' in peer.receive_line():
                    return
        raise AssertionError("there was never room")

    def close(self) -> None:
        """Close the peers."""
        for peer in self.visitors:
            peer.close()

    def _welcome(self, peer: P) -> P:
        self.visitors.append(peer)
        return peer


class House(Door):
    """A transport that serves a hub, and the peers that connected."""

    def __init__(
        self,
        transport: Transport,
        *,
        hub: Hub | None = None,
        journal: Journal | None = None,
        clock: Clock | None = None,
        gate: Gate | None = None,
        urls: Sequence[str] = ANYWHERE,
        listens: Sequence[Listen] = (),
        **limits: Any,
    ) -> None:
        super().__init__()
        self._clock = clock
        self._owned: Hub | None = None
        if hub is None:
            options: dict[str, Any] = {} if clock is None else {"clock": clock}
            own, history = split_limits({**OPEN, **limits})
            journal = journal or MemoryJournal(history, **options)
            hub = self._owned = Hub(journal, own, gate=gate, **options)
        self.hub = hub
        self.server: Server = transport.start(hub, [*map(Listen.parse, urls), *listens])
        for listen in self.server.listening:
            note_scheme(listen.scheme, listen.port)

    def port(self, scheme: str) -> int:
        return self._listen(scheme).port

    def is_for_browsers(self, port: int) -> bool:
        return any(each.is_for_browsers for each in self.server.listening if each.port == port)

    @property
    def url(self) -> str:
        """The address for clients."""
        listen = self._listen("chat")
        return f"{listen.scheme}://127.0.0.1:{listen.port}"

    def _listen(self, scheme: str) -> Listen:
        found = [each for each in self.server.listening if each.scheme in spoken_as(scheme)]
        return min(found, key=lambda each: spoken_as(scheme).index(each.scheme))

    def close(self) -> None:
        """Close the peers and the server, then its hub. Idempotent."""
        super().close()
        if self._clock is not None:
            self._clock.release()
        self.server.close()
        for listen in self.server.listening:
            note_scheme("", listen.port)  # whoever gets this port next may speak something else
        if self._owned:
            self._owned.close()
