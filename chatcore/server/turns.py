"""Who is next, where many want the same: addresses take turns, and what is of one address is in order.

This is a round-robin scheduler over addresses. So however many connections somebody opens, the others wait
for one of them at a time. Without a limit for each address, addresses do not tell peers apart, and each
connection has turns of its own.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

from chatcore.address import Peer, address_of
from chatcore.limits import Limits

__all__ = ["Turns", "turn_of"]

T = TypeVar("T")


class Turns(Generic[T]):
    """Things that wait, each once, by an address or whatever else has turns. Both are hashable."""

    __slots__ = ("_by_address",)

    def __init__(self) -> None:
        # Next first, in both. Ordered ones stay quick at their beginning, however much was taken there.
        self._by_address: OrderedDict[Hashable, OrderedDict[T, None]] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._by_address)

    def __len__(self) -> int:
        return sum(map(len, self._by_address.values()))

    def has(self, address: Hashable, thing: T) -> bool:
        """Tell whether something waits."""
        return thing in self._by_address.get(address, ())

    def add(self, address: Hashable, thing: T) -> None:
        """Let something wait, as the last of its address."""
        self._by_address.setdefault(address, OrderedDict())[thing] = None

    def discard(self, address: Hashable, thing: T) -> None:
        """Let something wait no longer."""
        things = self._by_address.get(address)
        if things is not None:
            things.pop(thing, None)
            if not things:
                del self._by_address[address]

    def take(self, may: Callable[[T], bool]) -> T | None:
        """Take the next thing that may have its turn; its address is last then."""
        for address, things in self._by_address.items():
            thing = next(filter(may, things), None)
            if thing is not None:
                del things[thing]
                self._end_turn(address)
                return thing
        return None

    def take_last(self, address: Hashable) -> T | None:
        """Take the last thing of an address, or return ``None`` if there is none."""
        things = self._by_address.get(address)
        if things is None:
            return None
        thing, _ = things.popitem()
        if not things:
            del self._by_address[address]
        return thing

    def take_many(self, of_each: int, limit: int) -> list[T]:
        """Take up to ``limit`` things, few of each address; each address is last then."""
        taken: list[T] = []
        for _ in range(len(self._by_address)):
            address = next(iter(self._by_address))
            things = self._by_address[address]
            few = min(of_each, len(things), limit - len(taken))
            taken += [things.popitem(last=False)[0] for _ in range(few)]
            self._end_turn(address)
            if len(taken) == limit:
                break
        return taken

    def _end_turn(self, address: Hashable) -> None:
        if self._by_address[address]:
            self._by_address.move_to_end(address)
        else:
            del self._by_address[address]


def turn_of(peer: Peer, limits: Limits) -> Hashable:
    """Return whose turn it is when a connection is served."""
    return peer if limits.connections_per_address is None else address_of(peer)
