"""The hub: all rooms, nicks and connections of one server, whatever transports serve them.

Locks, in the only order in which they may be taken:

1. a session's input lock: one thread at a time feeds a session;
2. the journal's own order, in which it calls `Hub.opened` and `Hub.committed`;
3. ``Hub.lock``: everything else in the core. It is plain, and held across no I/O, no await, no call of the
   journal and no callback. What is to be done after it is noted under it: posts as drafts of their `Posts`,
   questions to the journal as tasks of their session, and transports to be woken in the hub. Whoever held it
   does that once it is released.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address, ip_address
from typing import Self

from chatcore import transport
from chatcore.address import Peer
from chatcore.journal import Feed, Journal, Stored
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import Limits
from chatcore.server.directory import Directory
from chatcore.server.endpoint import Endpoint
from chatcore.server.room import Room
from chatcore.server.session import Session

__all__ = ["Hub", "address_of"]


class Hub:
    """Where everyone meets. Thread-safe; several transports may serve one hub together.

    ``journal`` stores the messages; without one they are stored in memory, and end with the process. The
    hub opens it here, which raises `JournalError` where that fails, may read files and may start threads.
    `close` closes it, and so does the end of a ``with`` block. ``limits`` bound what peers may do, and
    ``clock`` gives seconds that never go back. ::

        with Hub(SqliteJournal(Path("chat.db"))) as hub, serve("chat://127.0.0.1:0", hub=hub) as server:
            ...

    End the servers first, then the hub. Its users may look at ``limits`` and ``clock``, and call `close`;
    transports call `endpoint`. Everything else is for the core.
    """

    def __init__(
        self,
        journal: Journal | None = None,
        limits: Limits | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.limits = limits or Limits()
        self.limits_for_client = self.limits.for_client()
        self.clock = clock
        self.journal = journal or MemoryJournal(self.limits, clock=clock)
        self.lock = threading.Lock()
        self.directory: Directory[Session] = Directory()
        self.rooms: dict[str, Room] = {}  # by folded name
        self._epoch = ""
        self._connections = 0
        self._addresses: Counter[str] = Counter()
        self._awake: set[Endpoint] = set()
        self.journal.start(self)

    def __repr__(self) -> str:
        return f"<Hub connections={self._connections} rooms={len(self.rooms)}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def endpoint(self, wake: Callable[[], None]) -> Endpoint:
        """Return an endpoint for one running transport.

        `chatcore.transport.Host` says what ``wake`` and the transport owe.
        """
        return Endpoint(self, wake)

    def close(self) -> None:
        """Close the journal, once everything that was posted is stored or refused. Idempotent.

        Blocks until that is done. Close the servers first.
        """
        self.journal.close()

    # --- the feed of the journal -----------------------------------------------------------------

    def opened(self, epoch: str, heads: Mapping[str, int]) -> None:
        """An epoch of the log begins; members of an earlier one begin again."""
        with self.lock:
            self._epoch = epoch
            for name, room in list(self.rooms.items()):
                room.reset(epoch, heads.get(name, 0))
                self.drop_if_unused(room)
            for name, head in heads.items():
                if name not in self.rooms:
                    self.rooms[name] = Room(name, epoch, head, self.limits)
        self.wake_endpoints()

    def committed(self, messages: Sequence[Stored]) -> None:
        """Messages are in the log: let the rooms show them."""
        with self.lock:
            by_room: dict[str, list[Stored]] = {}
            for stored in messages:
                by_room.setdefault(stored.room, []).append(stored)
            for name, news in by_room.items():
                room = self.rooms.get(name)
                if room is None:
                    room = self.rooms[name] = Room(name, self._epoch, 0, self.limits)
                room.commit(news)
                self.mark_room(room)
        self.wake_endpoints()

    # --- for sessions and endpoints, under the lock --------------------------------------------------

    def open_room(self, name_folded: str) -> Room | None:
        """Return a room, a new one if need be; ``None`` if there are too many."""
        room = self.rooms.get(name_folded)
        if room is None and (self.limits.rooms is None or len(self.rooms) < self.limits.rooms):
            room = self.rooms[name_folded] = Room(name_folded, self._epoch, 0, self.limits)
        return room

    def drop_if_unused(self, room: Room) -> None:
        """Forget a room that is empty, in itself and in the log."""
        if not room.count and not room.head:
            self.rooms.pop(room.name, None)

    def mark_room(self, room: Room) -> None:
        """Note that every member of a room may have something to read."""
        for endpoint in room.members:
            endpoint.mark_room(room)

    def note_awake(self, endpoint: Endpoint) -> None:
        """Note that an endpoint's transport is to be woken once the lock is released."""
        self._awake.add(endpoint)

    def admit(self, peer: Peer) -> str | None:
        """Count a connection in; return what forbids it, if anything does."""
        limits = self.limits
        address = address_of(peer)
        if limits.connections is not None and self._connections >= limits.connections:
            return "the server is full"
        per_address = limits.connections_per_address
        if per_address is not None and self._addresses[address] >= per_address:
            return "there are too many connections from your address"
        self._connections += 1
        self._addresses[address] += 1
        return None

    def dismiss(self, peer: Peer) -> None:
        """Count a connection out."""
        address = address_of(peer)
        self._connections -= 1
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]

    # --- without the lock ------------------------------------------------------------------------

    def wake_endpoints(self) -> None:
        """Wake the transports that have something to do. Not to be called under the lock."""
        if not self._awake:
            return
        with self.lock:
            awake, self._awake = self._awake, set()
        for endpoint in awake:
            endpoint.wake()


def address_of(peer: Peer) -> str:
    """Return what counts as one address: of IPv6 the /64 that any one site has for itself."""
    try:
        address = ip_address(peer.host.partition("%")[0])
    except ValueError:
        return peer.host
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(IPv6Address(int(address) >> 64 << 64))


_: type[Feed] = Hub
__: type[transport.Host] = Hub
