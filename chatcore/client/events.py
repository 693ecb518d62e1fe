"""What a user is given of a session: its events, in sequence, each to one consumer.

A session reads whatever its user does, since pings and acknowledgements follow messages on one stream. While
the queue is full it only waits a moment, in which a user who keeps up takes a burst. So what waits is bounded
here, and there are three kinds of it:

- *Entries* of a room, messages and gaps, are added while there is space. The others are left to the server,
  and asked for when there is space again; see `chatcore.client.refill`.
- *News*, such as that the connection is lost, is always added. While there is no space, only the latest of
  one subject waits, after everything else: who looks late needs to know how things stand now.
- *Answers* are events with ``every_frame`` only. They are always added: their number is what the user asked.
"""

from collections import deque
from collections.abc import Hashable

from chatcore.client.backoff import Offline, Online
from chatcore.errors import MisuseError
from chatcore.limits import ClientLimits
from chatcore.messages import (
    Closing,
    Error,
    Gap,
    Invited,
    Joined,
    Left,
    Moderated,
    NickFrame,
    Ping,
    Pong,
    Presence,
    ServerFrame,
    Welcome,
)

__all__ = ["EVENTS_MAX", "Event", "EventQueue", "refusal_in_words"]

EVENTS_MAX = 4_000
"""Events that may wait for the user: a quarter is a page of history, and what one read can bring fits too."""

READ_AFTER = 1.0
"""Seconds for which a full queue keeps a session from being read. A server's patience is longer."""

Event = ServerFrame | Offline | Online
"""What a user is given: every message, and whatever else concerns the rooms that one is in.

That is `Message`, `Gap`, `Joined`, `Left`, `Presence`, `NickFrame`, `Invited` (for which another of your
devices has asked), `Moderated` (you are muted in a room, or no longer), `Error` (one that refuses nothing
that was asked), `Closing`, `Offline` and `Online`; with ``every_frame`` all other frames of the server too.
Each has a ``type``, so ``match`` works by class and by word.
"""


class EventQueue:
    """Events that wait to be taken, first to last. Its length is their number.

    ``limit`` is how many wait before entries are refused, and news of one subject replaces older news. It
    ``is_full`` at a quarter of that.
    """

    __slots__ = ("_claimed", "_events", "_full_since", "_news", "limit")

    def __init__(self, limit: int = EVENTS_MAX) -> None:
        self.limit = limit
        self._events: deque[Event] = deque()
        self._news: dict[Hashable, Event] = {}  # by subject; for which there is no space yet
        self._full_since: float | None = None
        self._claimed = False  # while a consumer waits for an event

    def __len__(self) -> int:
        return len(self._events) + len(self._news)

    @property
    def space(self) -> int:
        """How many entries can be added."""
        return max(self.limit - len(self), 0)

    @property
    def is_full(self) -> bool:
        """Whether it is time to wait for the user, for a moment."""
        return 4 * len(self) >= self.limit

    @property
    def is_low(self) -> bool:
        """Whether it is time to ask for more: there is space for half of what may wait."""
        return 2 * len(self) <= self.limit

    def note_fullness(self, now: float) -> None:
        """Note since when the queue is full: to be called when anything was added or taken."""
        if not self.is_full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = now

    def read_again_at(self, limits: ClientLimits) -> float | None:
        """Return until when a full queue keeps a session from being read, or ``None`` if it is not full."""
        if self._full_since is None:
            return None
        return self._full_since + min(READ_AFTER, (limits.keepalive_seconds or READ_AFTER) / 4)

    def add(self, event: Event) -> None:
        """Add an entry, for which there MUST be space, or an answer."""
        self._events.append(event)

    def add_answer(self, frame: ServerFrame) -> None:
        """Add a frame that is an event with ``every_frame`` only."""
        if isinstance(frame, Welcome | Ping | Pong):  # nobody has asked for these, so they are bounded
            self.add_news(frame)
        else:
            self.add(frame)

    def add_news(self, event: Event) -> None:
        """Add news after all others. Where there is no space, it replaces what is older of its subject."""
        if self.space and not self._news:
            self._events.append(event)
            return
        subject = _subject(event)
        self._news.pop(subject, None)
        self._news[subject] = _summary(event)
        if len(self._news) > self.limit:  # a server that invents rooms
            del self._news[next(iter(self._news))]

    def take(self) -> Event:
        """Take out the first event; MUST NOT be called when there is none."""
        event = self._events.popleft() if self._events else self._take_news()
        if self._news and len(self._events) < self.limit:
            self._events.append(self._take_news())
        return event

    def _take_news(self) -> Event:
        return self._news.pop(next(iter(self._news)))

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


def _subject(event: Event) -> Hashable:
    """Return what a piece of news is about: a newer one of the same makes it old."""
    match event:
        case Online() | Offline():
            return "connection"
        case Joined() | Left():
            return "room", event.room
        case Gap() | Presence() | Error():
            return event.type, event.room
        case NickFrame() | Closing() | Welcome() | Invited():
            return event.type
        case Moderated():
            return event.type, event.room
        case _:
            return "other"


def _summary(event: Event) -> Event:
    """Return what is left of a piece of news that replaces others: of presence, that names are missing."""
    if isinstance(event, Presence):
        return event.model_copy(update={"joined": (), "left": (), "renamed": (), "more": True})
    return event


def refusal_in_words(error: Error) -> str:
    """Return for a log what the server refused that no call waits for."""
    where = "" if error.room is None else f" in {error.room}"
    return f"the server refused something{where}: {error.message} ({error.code})"
