"""Connecting to a server: a socket, then TLS where the address asks for it, then the connection proper.

The connection hears of its socket once everything is done that must come before its first byte.
"""

import asyncio
import contextlib
import os
import re
from collections.abc import Iterator
from typing import cast

from chatcore.errors import UsageError
from transports.asyncio_tcp.secured import Secured
from transports.destination import Destination
from transports.sockets import CONNECT_SECONDS

__all__ = ["dial"]

_NUMBERS = re.compile(r"\[Errno (\d+)\]")


async def dial(destination: Destination, connection: asyncio.Protocol, *, shows_key: bool) -> None:
    """Connect, and give the transport to ``connection``.

    Raises `OSError` if the server is not reached or not trusted, which is a `TimeoutError` after
    `CONNECT_SECONDS`, and `UsageError` if it would get a key that it must not get. Then there is no socket,
    and the server has heard nothing of ``connection``.
    """
    loop = asyncio.get_running_loop()
    entrance = _Entrance(destination, connection, shows_key=shows_key)
    with destination.dialling():
        async with asyncio.timeout(CONNECT_SECONDS):
            with _one_error():
                transport, _ = await loop.create_connection(lambda: entrance, *destination.address)
            try:
                await entrance.passed
            except BaseException:
                transport.abort()
                await entrance.lost
                raise


@contextlib.contextmanager
def _one_error() -> Iterator[None]:
    """Raise what the last address of a host gave, as the system does, where asyncio puts all in one text."""
    try:
        yield
    except OSError as error:
        numbers = _NUMBERS.findall(str(error)) if error.errno is None else []
        if not numbers:
            raise
        number = int(numbers[-1])
        raise OSError(number, os.strerror(number)) from None


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
