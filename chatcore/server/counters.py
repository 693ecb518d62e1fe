"""What a hub has counted since it began.

- All of it runs under the hub's lock, which whoever counts has anyway. A post is counted with its commit, and
  a delivery with the write that it is a part of: `Endpoint.fan_out` counts once for a slice of a room's
  members, `Session.data_to_send` once for a write.
- What is counted here never goes down, but for ``states``, which are of now.
- Programs that read rooms without a connection are counted nowhere in here.
"""

from collections import Counter
from typing import Final

from chatcore.errors import ErrorCode
from chatcore.server.states import State

__all__ = ["Counters"]

_NAMES: Final = {state: state.value for state in State}


class Counters:
    """The counts of one hub. `Statistics` says what each of them means."""

    __slots__ = (
        "_states",
        "accepted",
        "catch_ups",
        "deliveries",
        "messages",
        "received_bytes",
        "refusals",
        "sent_bytes",
        "stalled",
        "turned_away",
    )

    def __init__(self) -> None:
        self.accepted = 0
        self.turned_away = 0
        self.stalled = 0
        self.messages = 0
        self.deliveries = 0
        self.catch_ups = 0
        self.received_bytes = 0  # of connections that are gone; the others know their own
        self.sent_bytes = 0
        self.refusals: Counter[ErrorCode] = Counter()
        self._states: dict[str, Counter[State]] = {}  # by wire

    @property
    def states(self) -> dict[tuple[str, str], int]:
        """How many connections there are, by wire and state: all states of each wire that was ever used."""
        return {
            (wire, name): counted[state]
            for wire, counted in self._states.items()
            for state, name in _NAMES.items()
        }

    def note_accepted(self, wire: str) -> None:
        """Count a connection in, which begins to shake hands."""
        self.accepted += 1
        self._states.setdefault(wire, Counter())[State.HANDSHAKE] += 1

    def note_step(self, wire: str, before: State, after: State) -> None:
        """Note that a connection that was counted in is in another state now."""
        counted = self._states[wire]
        counted[before] -= 1
        counted[after] += 1

    def note_gone(self, wire: str) -> None:
        """Count a connection out, which is closed."""
        self._states[wire][State.CLOSED] -= 1

    def note_turned_away(self) -> None:
        """Note that a connection was turned away."""
        self.turned_away += 1

    def note_stalled(self) -> None:
        """Note that a connection is given up since its peer took nothing any more."""
        self.stalled += 1

    def note_committed(self, messages: int) -> None:
        """Note that messages are stored."""
        self.messages += messages

    def note_sent(self, messages: int, size: int) -> None:
        """Note what was handed to a transport: bytes, and the messages of rooms that are in them."""
        self.deliveries += messages
        self.sent_bytes += size

    def note_received(self, size: int) -> None:
        """Note what a connection has received that is gone now."""
        self.received_bytes += size

    def note_catch_up(self) -> None:
        """Note that a page of the journal was read for a member."""
        self.catch_ups += 1

    def note_refusal(self, code: ErrorCode) -> None:
        """Note that something that a client asked was refused."""
        self.refusals[code] += 1
