"""Connecting to a server: a socket, then TLS where the address asks for it, then the connection proper.

The connection hears of its socket once everything is done that must come before its first byte.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import cast

from chatcore.errors import UsageError
from transports.asyncio_tcp.secured import Secured
from transports.destination import Destination
from transports.nodes import Nodes
from transports.sockets import CONNECT_SECONDS

__all__ = ["dial"]


async def dial(nodes: Nodes, connection: asyncio.Protocol, *, shows_key: bool) -> None:
    """Connect to the current node, and give the transport to ``connection``.

    Raises `OSError` if the server is not reached or not trusted, which is a `TimeoutError` after
    `CONNECT_SECONDS`, and `UsageError` if it would get a key that it must not get. Then there is no socket,
    and the server has heard nothing of ``connection``.
    """
    destination = nodes.current
    with destination.dialling():
        async with asyncio.timeout(CONNECT_SECONDS):
            transport, entrance = await _reach(
                nodes, lambda: _Entrance(destination, connection, shows_key=shows_key)
            )
            try:
                await entrance.passed
            except BaseException:
                transport.abort()
                await entrance.lost
                raise


async def _reach(nodes: Nodes, make: Callable[[], "_Entrance"]) -> "tuple[asyncio.Transport, _Entrance]":
    """Return a transport that is connected to one of the machines of a name, and what it talks to.

    Each gets its share of what is left of the time, so one that is silent leaves some to the others.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + CONNECT_SECONDS
    places = nodes.route.untried(await _look_up(*nodes.current.address))
    error: OSError = OSError(f"{nodes.current.address[0]} has no address")
    try:
        for left, place in zip(range(len(places), 0, -1), places, strict=True):
            try:
                async with asyncio.timeout((end - loop.time()) / left):
                    transport, entrance = await loop.create_connection(make, *place)
            except OSError as failure:
                error = failure
            else:
                nodes.reach(place)
                return transport, entrance
        raise error
    finally:
        del error  # it holds this frame, which would hold it


async def _look_up(host: str, port: int) -> list[tuple[str, int]]:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys((str(place[0]), int(place[1])) for *_, place in found))


class _Entrance(asyncio.Protocol):
    """What a transport talks to until the server may hear from the connection."""

    _transport: asyncio.Transport

    def __init__(self, destination: Destination, connection: asyncio.Protocol, *, shows_key: bool) -> None:
        loop = asyncio.get_running_loop()
        self.passed: asyncio.Future[None] = loop.create_future()
        self.lost: asyncio.Future[None] = loop.create_future()
        self._destination = destination
        self._connection = connection
        self._shows_key = shows_key
        self._handshake = destination.handshake()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is not one by type
        try:
            self._check_place()
        except (OSError, UsageError) as error:
            self._fail(error)
            return
        if self._handshake is None:
            self._pass(self._connection)
        else:
            self._transport.write(self._handshake.data_to_send())

    def _check_place(self) -> None:
        """Raise `UsageError` if our key must not go where the socket leads."""
        place = self._transport.get_extra_info("peername")
        if place is None:
            raise ConnectionResetError("the server has ended the connection")
        if self._shows_key:
            self._destination.check_may_show_key(place[0])

    def data_received(self, data: bytes) -> None:
        handshake = self._handshake
        if handshake is None or self.passed.done():
            return
        handshake.receive(data)
        if output := handshake.data_to_send():
            self._transport.write(output)
        if (failure := handshake.failure) is not None:
            self._fail(failure)
        elif handshake.done:
            self._pass(Secured(handshake.tls, self._connection))
            self._connection.data_received(handshake.early)

    def eof_received(self) -> None:
        self.data_received(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(exc or ConnectionResetError("the server has ended the connection"))
        if not self.lost.done():
            self.lost.set_result(None)

    def _fail(self, error: Exception) -> None:
        if not self.passed.done():
            self.passed.set_exception(error)
            self.passed.exception()  # whoever connects may have given up

    def _pass(self, protocol: asyncio.Protocol) -> None:
        self.passed.set_result(None)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
