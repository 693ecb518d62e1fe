"""The transports under test, and a house in which one of them serves a hub."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from chatcore.hub import Hub
from chatcore.limits import Limits
from chatcore.transport import Listen, Server, Transport, find_transports, load_transport
from tests.contract.peers import Peer, PlainPeer, TypedPeer
from transports.asyncio_tcp import AsyncioTransport

__all__ = ["OPEN", "SERVERS", "Clock", "House", "new_transport"]

SERVERS: dict[str, Callable[[], Transport]] = {
    **{name: lambda point=point: load_transport(point) for name, point in find_transports().items()},
    "asyncio-stdlib": lambda: AsyncioTransport(asyncio.new_event_loop),
}
"""Every transport that is installed, by name; asyncio also with the standard library's own loop."""

OPEN: dict[str, Any] = {
    "connections": None,
    "connections_per_address": None,
    "frames_per_second": None,
}
"""Limits under which tests that are about something else meet none."""

ANYWHERE = ("chat://127.0.0.1:0", "plain://127.0.0.1:0")


def new_transport(name: str) -> Transport:
    """Return the transport with a name of `SERVERS`."""
    return SERVERS[name]()


class Clock:
    """Time that passes only when a test says so.

    A transport computes real waits from it, so it looks at its deadlines again after about the
    shortest of the limits: tests use small ones.
    """

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class House:
    """A transport that serves a hub, and the peers that came to visit."""

    def __init__(
        self,
        transport: Transport,
        *,
        hub: Hub | None = None,
        clock: Clock | None = None,
        urls: Sequence[str] = ANYWHERE,
        **limits: Any,
    ) -> None:
        self.own_hub = hub is None
        if hub is None:
            options: dict[str, Any] = {} if clock is None else {"clock": clock}
            hub = Hub(limits=Limits(**{**OPEN, **limits}), **options)
        self.hub = hub
        self.visitors: list[Peer] = []
        self.server: Server = transport.start(hub, [Listen.parse(url) for url in urls])

    def port(self, scheme: str) -> int:
        """Return the port on which a wire is spoken."""
        return next(listen.port for listen in self.server.listening if listen.scheme == scheme)

    @property
    def url(self) -> str:
        """The address for clients."""
        return f"chat://127.0.0.1:{self.port('chat')}"

    def typed(self, nick: str | None = None, *rooms: str, **options: Any) -> TypedPeer:
        """Let a typed peer in; with a nick it says hello, and joins rooms."""
        return self._visit(TypedPeer(self.port("chat"), nick, *rooms, **options))

    def member(self, nick: str, **options: Any) -> TypedPeer:
        """Let a typed peer in that joins the lobby."""
        return self.typed(nick, "lobby", **options)

    def plain(self, **options: Any) -> PlainPeer:
        """Let a plain peer in, and wait until it is in the lobby."""
        peer = self._visit(PlainPeer(self.port("plain"), **options))
        peer.say("/who")
        while not peer.hear().startswith("* "):
            pass
        return peer

    def stranger(self, scheme: str, **options: Any) -> Peer:
        """Let somebody in who says nothing yet."""
        return self._visit(Peer(self.port(scheme), **options))

    def _visit(self, peer: Any) -> Any:
        self.visitors.append(peer)
        return peer

    def close(self) -> None:
        """Send the visitors away, and close. Idempotent."""
        for peer in self.visitors:
            peer.close()
        self.server.close()
        if self.own_hub:
            self.hub.close()
