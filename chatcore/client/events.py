"""What a user is given of a session: its events, in sequence, each to one consumer."""

from collections import deque

from chatcore.client.backoff import Offline, Online
from chatcore.errors import MisuseError
from chatcore.messages import ServerFrame

__all__ = ["Event", "EventQueue"]

Event = ServerFrame | Offline | Online
"""What a user is given: every message, and whatever else concerns the rooms that one is in.

That is `Message`, `Gap`, `Joined`, `Left`, `Presence`, `NickFrame`, `Error` (one that refuses nothing
that was asked), `Closing`, `Offline` and `Online`; with ``every_frame`` all other frames of the server
too. Each has a ``type``, so ``match`` works by class and by word.
"""


class EventQueue:
    """Events that wait to be taken, first to last. Its length is their number."""

    __slots__ = ("_claimed", "_events")

    def __init__(self) -> None:
        self._events: deque[Event] = deque()
        self._claimed = False  # while a consumer waits for an event

    def __len__(self) -> int:
        return len(self._events)

    def add(self, event: Event) -> None:
        """Add an event after all others."""
        self._events.append(event)

    def take(self) -> Event:
        """Take out the first event; MUST NOT be called when there is none."""
        return self._events.popleft()

    def claim(self) -> None:
        """Begin to wait for an event; raises `MisuseError` while another consumer does.

        An event is handed out once. Two that wait would each get some of them, at random.
        """
        if self._claimed:
            raise MisuseError("two consumers wait for the events of one Chat; only one may wait at a time")
        self._claimed = True

    def release(self) -> None:
        """Let others wait: MUST follow every `claim` that did not raise."""
        self._claimed = False
