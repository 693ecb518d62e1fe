"""What a hub has counted, as its program may look at it.

Everything is a plain number that its owner adds to under the hub's lock, where it has the lock anyway. So
counting costs no call for a post and none for a delivery.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chatcore.errors import ErrorCode

__all__ = ["RoomStatistics", "Statistics"]


@dataclass(frozen=True, slots=True)
class RoomStatistics:
    """One room that is in use: ``count`` members, and ``head``, the number of its last message in ``epoch``.

    ``room`` is its name in lower case. ``head`` is 0 for a room without messages.
    """

    room: str
    epoch: str
    head: int
    count: int


@dataclass(frozen=True, slots=True)
class Statistics:
    """A hub at one moment, by `Hub.statistics`.

    Of now: ``connections``, of which ``sessions`` have said hello; ``subscriptions`` of the program itself;
    and ``rooms``, those in use, in the order of their names.

    Since the start of the hub: connections ``accepted``, and ``turned_away`` because of a limit; ``messages``
    that were stored, whoever posted them; and ``refusals``, how often something that a client asked was
    refused, by error code. Numbers since the start never go down.
    """

    connections: int
    sessions: int
    subscriptions: int
    rooms: tuple[RoomStatistics, ...]
    accepted: int
    turned_away: int
    messages: int
    refusals: Mapping[ErrorCode, int]
