"""A session without a peer, which reads rooms for the program that embeds the hub.

It is live from its first room on, without a seat. So no room, no limit and no statistics count it, and
neither the gate nor the directory is asked about it.
"""

from typing import TYPE_CHECKING, ClassVar

from chatcore.address import Peer
from chatcore.messages import Join
from chatcore.server.session import Session
from chatcore.server.states import State
from chatcore.wire.ndjson import ndjson

if TYPE_CHECKING:
    from chatcore.server.endpoint import Endpoint

__all__ = ["Reading"]


class Reading(Session):
    """What stands in the rooms for a subscription. It shares the tail of the typed wire."""

    __slots__ = ()

    has_peer: ClassVar[bool] = False

    def __init__(self, endpoint: "Endpoint") -> None:
        super().__init__(endpoint, Peer("program", 0), ndjson)

    def enter_room(self, join: Join) -> None:
        """Begin to read a room; after a refusal, try again. Not under the lock."""
        with self._lock:
            if self.state is State.HANDSHAKE:
                self._step("welcomed")
            if self.state is State.LIVE:
                self.pending.join(join)
        self.hub.follow_up()
