"""What a test reads of a subscription, without waiting: every event is judged by the law of reading."""

from collections.abc import Callable

from chatcore.messages import encode
from chatcore.server.room_reader import RoomEvent
from chatcore.server.subscription import Subscription
from tests.protocol import frames
from tests.protocol.codec import encode as encode_frame
from tests.protocol.reader import FrameReader

__all__ = ["Reader", "Subscribe"]

_WELCOME = frames.Welcome(
    protocol=1, server="chatcore", session="s", nick="program", limits={"line_bytes": 65_536}
)


class Reader:
    """A subscription whose events pass the judge that every typed connection of the tests has."""

    def __init__(self, subscription: Subscription) -> None:
        self.subscription = subscription
        self._judge = FrameReader()
        self._judge.receive_line(encode_frame(_WELCOME))

    def receive(self) -> RoomEvent:
        """Take the next event, which must be here; raises `TimeoutError` if it is not."""
        event = self.subscription.receive(timeout=0.0)
        self._judge.receive_line(encode(event))
        return event

    def events(self) -> list[RoomEvent]:
        """Take all events that are here."""
        events: list[RoomEvent] = []
        while True:
            try:
                events.append(self.receive())
            except TimeoutError:
                return events

    def texts(self) -> list[str]:
        """Take all events that are here; return the texts of the messages."""
        return [event.text for event in self.events() if event.type == "message"]


Subscribe = Callable[..., Reader]
"""What subscribes to a room of a host, by the fixture ``subscribed``."""
