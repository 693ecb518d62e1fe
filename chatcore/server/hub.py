"""The hub: all rooms, nicks and connections of one server, whatever transports serve them.

Locks, in the only order in which they may be taken:

1. a session's input lock: one thread at a time feeds a session;
2. the journal's own order, in which it calls `Hub.opened` and `Hub.committed`;
3. ``Hub.lock``: everything else in the core. It is plain, and held across no I/O, no await, no call
   of the journal and no callback. Whoever holds it notes which endpoints have something to do, and calls
   `Hub.wake_endpoints` when it is released.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv6Address, ip_address
from typing import Self

from chatcore.address import Peer
from chatcore.journal import Feed, Journal, Stored
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import Limits
from chatcore.server.directory import Directory
from chatcore.server.endpoint import Endpoint
from chatcore.server.room import Room

__all__ = ["Hub", "address_of"]


class Hub:
    """Where everyone meets. Thread-safe; one hub may be served by several transports at once.

    ``clock`` gives seconds that never go back. Without a journal, messages are kept in memory.
    The hub opens the journal and, on `close`, closes it.
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
        self.identities = Directory()
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
        """Return the place where one running transport holds its connections.

        ``wake`` is called from any thread when `Endpoint.ready` has something, or a deadline moved
        forward. It MUST be cheap, MUST NOT block and must not call into the hub.
        """
        return Endpoint(self, wake)

    def close(self) -> None:
        """Close the journal. The transports are to be closed before. Idempotent."""
        self.journal.close()

    # --- the feed of the journal -----------------------------------------------------------------

    def opened(self, epoch: str, heads: Mapping[str, int]) -> None:
        """A life of the record begins; members of an earlier one start anew."""
        with self.lock:
            self._epoch = epoch
            for name, room in list(self.rooms.items()):
                for member in room.reset(epoch, heads.get(name, 0)):
                    member.session.tell_joined(member)
                self.drop_if_unused(room)
            for name, head in heads.items():
                if name not in self.rooms:
                    self.rooms[name] = Room(name, epoch, head, self.limits)
        self.wake_endpoints()

    def committed(self, messages: Sequence[Stored]) -> None:
        """Messages are in the record: let the rooms show them."""
        with self.lock:
            by_room: dict[str, list[Stored]] = {}
            for kept in messages:
                by_room.setdefault(kept.message.room, []).append(kept)
            for name, news in by_room.items():
                room = self.rooms.get(name)
                if room is None:
                    room = self.rooms[name] = Room(name, self._epoch, 0, self.limits)
                room.commit(news)
                self.mark_room(room)
        self.wake_endpoints()

    # --- for sessions and endpoints, under the lock --------------------------------------------------

    def open_room(self, name_folded: str) -> Room | None:
        """Return a room, new if need be; ``None`` if there are too many."""
        room = self.rooms.get(name_folded)
        if room is None and (self.limits.rooms is None or len(self.rooms) < self.limits.rooms):
            room = self.rooms[name_folded] = Room(name_folded, self._epoch, 0, self.limits)
        return room

    def drop_if_unused(self, room: Room) -> None:
        """Forget a room that nobody is in and nobody ever spoke in."""
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
