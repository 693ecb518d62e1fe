"""What a server holds of its connections, looked at from inside and at one moment."""

import asyncio
import gc
import threading
from collections import Counter
from dataclasses import dataclass

from chatcore.server.directory import LocalDirectory
from chatcore.server.hub import Hub
from chatcore.server.member import Member
from chatcore.server.session import Session
from transports.asyncio_tcp import server as asyncio_server
from transports.threaded_tcp.server_connection import ServerConnection

__all__ = ["Holdings", "objects"]

KINDS = (
    Session,
    Member,
    asyncio_server._Connection,
    ServerConnection,
    asyncio.BaseTransport,
    asyncio.Task,
    threading.Thread,
)
UVLOOP = "TCPTransport"
"""What uvloop keeps of a connection, by name: its type is not to be imported."""


@dataclass(frozen=True)
class Holdings:
    """What a hub counts. ``timers`` are sessions with a deadline, ``waiting`` those with work to do."""

    sessions: int = 0
    timers: int = 0
    connections: int = 0
    addresses: int = 0
    rooms: int = 0
    waiting: int = 0
    in_use: tuple[str, ...] = ()
    reserved: tuple[str, ...] = ()
    seats: int = 0

    @classmethod
    def of(cls, hub: Hub) -> "Holdings":
        """Look at a hub whose directory is its own."""
        with hub.lock:
            directory = hub.directory
            assert isinstance(directory, LocalDirectory)
            identities = set(directory._by_nick_folded.values())
            return cls(
                sessions=sum(len(endpoint) for endpoint in hub._endpoints),
                timers=sum(
                    isinstance(key, Session) for endpoint in hub._endpoints for key in endpoint.timers._due
                ),
                connections=hub._connections,
                addresses=len(hub._addresses),
                rooms=len(hub.rooms),
                waiting=len(hub._waiting),
                in_use=tuple(sorted(each.nick for each in identities if each.in_use)),
                reserved=tuple(sorted(each.nick for each in identities if not each.in_use)),
                seats=len(directory._by_secret),
            )


def objects() -> Counter[str]:
    """Return how many objects of a connection are in memory, by kind; those of the threads that run, too."""
    gc.collect()
    return Counter(type(each).__qualname__ for each in gc.get_objects() if _is_counted(each))


def _is_counted(thing: object) -> bool:
    kind = type(thing)  # not its `__class__`, which may do anything
    return issubclass(kind, KINDS) or kind.__qualname__ == UVLOOP
