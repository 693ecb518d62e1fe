"""What a hub has counted, as its program may look at it.

Everything is a plain number that its owner adds to under the hub's lock, where it has the lock anyway. So
counting costs no call for a post and none for a delivery: one for a write at most (`Counters`).
"""

from collections.abc import Mapping
from dataclasses import dataclass

from chatcore.errors import ErrorCode
from chatcore.journal.statistics import JournalStatistics

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

    Of now: ``connections``, of which ``sessions`` have said hello; ``states``, how many connections there
    are by the name of their wire and their state (``handshake``, ``live``, ``ending``, ``lingering``,
    ``closed``); ``subscriptions`` of the program itself; and ``rooms``, those in use, in the order of their
    names. What waits: ``reads`` of the journal, ``searches``, which include those that are being answered,
    and ``turns``, connections that have sent more than their turn. ``draining`` says that a transport is
    about to end.

    Since the start of the hub: connections ``accepted``, ``turned_away`` because of a limit, and given up as
    ``stalled``, since their peer took nothing for `Limits.stall_seconds`; ``messages`` that were stored,
    whoever posted them; ``refusals``, how often something that a client asked was refused, by error code; and
    ``catch_ups``, pages that were read from the journal for members that joined with a position or had fallen
    behind. Numbers since the start never go down.

    Also since the start: ``deliveries``, each of which is one message of a room, handed to the transport for
    one member, from a live log or a catch-up. Pages of history and results of searches are none, nor are the
    poster's acknowledgements; a gap is none. A member that reads all that it is sent gets exactly these; one
    whose connection breaks may not have got the last of them. ``received_bytes`` and ``sent_bytes`` are all
    bytes of the wires, before encryption.

    ``journal`` is what the journal has counted, or ``None`` if it does not count.
    """

    connections: int
    sessions: int
    states: Mapping[tuple[str, str], int]
    subscriptions: int
    rooms: tuple[RoomStatistics, ...]
    reads: int
    searches: int
    turns: int
    draining: bool
    accepted: int
    turned_away: int
    stalled: int
    messages: int
    refusals: Mapping[ErrorCode, int]
    catch_ups: int
    deliveries: int
    received_bytes: int
    sent_bytes: int
    journal: JournalStatistics | None
