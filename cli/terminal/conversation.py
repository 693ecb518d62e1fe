"""What a conversation is to a person: which room is looked at, and what is to be said of each event.

It does no I/O: events go in, lines to be drawn come out. What is said in the other rooms waits until one goes
there; only what names one is told at once.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from chatcore.client.session import Event, Gap, Joined, Left, Message, NickFrame, Offline, Online
from chatcore.messages import Error, Presence
from chatcore.names import fold
from cli.sanitize import sanitize
from cli.terminal.attention import Attention
from cli.terminal.bell import Bell
from cli.terminal.completion import Candidate, candidates
from cli.terminal.mentions import mentions
from cli.terminal.painter import MOST_CHARS, Fragments, Painter
from cli.terminal.rooms import Held, Rooms, RoomView
from cli.terminal.scrollback import Scrollback
from cli.terminal.status import status_rows
from cli.terminal.wording import gap, offline

__all__ = ["Conversation"]

MANY = 200
"""Messages that take long enough to come for their number to be told meanwhile."""

AGAIN_SECONDS = 5.0
"""How often that is told, where it is told in lines."""

NEWS_SECONDS = 60.0
"""How often it is told in lines that there is something unread in a room."""

EXCERPT = 120
"""Characters that are told of a message in another room."""

PIECE = 100
"""Messages that are drawn in one go; between two of these there is time for the keyboard."""


class Conversation:
    """The state of a conversation. ``rooms.current`` is the room that is looked at and spoken to.

    With ``words`` there is no status row, so what it would show is said in lines. With ``quiet`` nothing is
    said of those who come and go. ``ring`` rings the terminal's bell.
    """

    def __init__(
        self,
        painter: Painter,
        nick: str,
        *,
        words: bool = False,
        quiet: bool = False,
        ring: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.nick = nick
        self.rooms = Rooms()
        self.seen = Scrollback()
        self.attention = Attention(clock())
        self.quiet = quiet
        self.busy: str | None = None  # what takes long just now
        self.offline = False
        self._painter = painter
        self._words = words
        self._ring = ring
        self._clock = clock
        self._bell = Bell()
        self._expected: str | None = None  # the room that one is about to enter, folded
        self._reason: str | None = None  # why there is no connection, as it was told last
        self._told_progress = float("-inf")

    # --- what one may ask ------------------------------------------------------------------------

    def has_read(self, name: str, seq: int) -> bool:
        """Tell whether a message was received, or can't be any more because we have left."""
        room = self.rooms.get(name)
        return room is None or room.position >= seq

    def learn_members(self, name: str, nicks: Sequence[str]) -> None:
        """Learn who is in a room, for the Tab key."""
        if room := self.rooms.get(name):
            room.people.came(nicks)

    def prompt(self) -> Fragments:
        """Return what stands before the line that is being typed."""
        current = self.rooms.current
        return self._painter.prompt(self.nick, None if current is None else current.name)

    def status(self, unsent: Sequence[str], columns: int) -> Fragments:
        """Return the rows above the prompt; ``unsent`` is what was said and did not arrive yet."""
        notices = ["offline, trying again"] if self.offline else []
        notices += [self.busy] if self.busy else []
        notices += [text for room in self.rooms if (text := _progress(room))]
        return status_rows(self.rooms, notices, unsent, columns)

    def progress(self, told: str) -> Fragments:
        """Learn how far it is with something that takes long; return a line where there is no status row."""
        self.busy = told
        return self._tell_now_and_then(told)

    def completions(self, before: str) -> list[Candidate]:
        """Return what the Tab key may make of what stands before the cursor."""
        return candidates(before, self.rooms, self.nick)

    # --- where one is ----------------------------------------------------------------------------

    def expect(self, room: str | None) -> None:
        """Learn which room the user is about to enter, and wants to look at then."""
        self._expected = None if room is None else fold(room)

    def go_to(self, room: RoomView) -> Fragments:
        """Look at a room, and draw what was said there meanwhile."""
        if room is self.rooms.current:
            return []
        held, unread = room.take_held()
        self.rooms.current = room
        new = f"; {_number(unread, 'new message')}" if unread else ""
        drawn = self._painter.note(f"you are in {room.name}{new}")
        if dropped := unread - sum(item.news for item in held):
            drawn += self._painter.note(f"{dropped:,} of them came before what is shown; /back shows more")
        marked = False
        for item in held:
            if item.news and not marked:
                drawn += self._painter.mark()
                marked = True
            drawn += self._draw(room, item)
        return drawn + self._tell_comings(room)

    def leave(self, name: str) -> Fragments:
        """Be in a room no more, and look at another one. Idempotent."""
        room = self.rooms.get(name)
        if room is None:
            return []
        self.rooms.leave(name)
        drawn = self._painter.note(f"you have left {room.name}")
        if self.rooms.current is not None:
            return drawn
        other = self.rooms.latest()
        return drawn + (self.go_to(other) if other else self._painter.note("you are in no room now"))

    def earlier(self, name: str, messages: Sequence[Message]) -> Iterator[Fragments]:
        """Yield what was said before all that was shown, in pieces."""
        room = self.rooms.get(name)
        if room is None or not messages:
            yield self._painter.note("nothing earlier is kept")
            return
        room.oldest = messages[0].seq
        yield self._painter.note("earlier:")
        for start in range(0, len(messages), PIECE):
            piece: Fragments = []
            for message in messages[start : start + PIECE]:
                piece += self._draw(room, Held(message, replay=True))
            yield piece
        yield self._painter.note("so far what came before; /back shows more")

    # --- events ----------------------------------------------------------------------------------

    def receive(self, event: Event) -> Fragments:
        """Take what has happened; return what is to be drawn."""
        match event:
            case Message() | Gap():
                return self._read(event)
            case Presence():
                return self._presence(event)
            case Joined():
                return self._joined(event)
            case Left():
                return self.leave(event.room)
            case NickFrame():
                self.nick = event.nick
                return self._painter.note(f"you are now {event.nick}")
            case Error():
                return self._painter.warning(f"{event.message} ({event.code})")
            case Offline():
                return self._went_offline(event.reason)
            case Online():
                self.offline, self._reason = False, None
                return self._painter.note("connected again")
            case _:
                return []

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` is due, on the conversation's clock."""
        return None if self.rooms.current is None else self.rooms.current.comings.due

    def handle_deadline(self) -> Fragments:
        """Return what is to be drawn because it is time."""
        room = self.rooms.current
        if room is None or room.comings.due is None or room.comings.due > self._clock():
            return []
        return self._tell_comings(room)

    def _went_offline(self, reason: str) -> Fragments:
        # Every try that fails is told of; a person wants to know once, or if something else is wrong.
        self.offline = True
        if self._reason is not None and reason in (self._reason, "lost"):
            return []
        self._reason = reason
        return self._painter.warning(offline(reason))

    def _read(self, event: Message | Gap) -> Fragments:
        room = self.rooms.get(event.room)
        if room is None:
            return []
        replay, last = room.replaying, event.seq if isinstance(event, Message) else event.through
        ends = room.advance(last)
        own = isinstance(event, Message) and fold(event.nick) == fold(self.nick)
        item = Held(event, replay, ends, isinstance(event, Message) and not own and last > room.known)
        names_us = isinstance(event, Message) and item.news and self._names_us(event)
        if isinstance(event, Message):
            room.people.spoke(event.nick)
        here = room is self.rooms.current
        if names_us and not (here and self.attention.is_certain) and self._bell.rings(self._clock()):
            self._ring()
        drawn = self._tell_now_and_then(_progress(room))
        if here:
            return drawn + self._read_here(room, item)
        room.hold(item)
        return drawn + self._tell_news(room, item, names_us)

    def _read_here(self, room: RoomView, item: Held) -> Fragments:
        event, drawn = item.event, Fragments()
        if isinstance(event, Message) and room.comings.concern(event.nick):
            drawn += self._tell_comings(room)
        if item.news and self.attention.needs_mark(self._clock()):
            drawn += self._painter.mark()
        return drawn + self._draw(room, item)

    def _tell_news(self, room: RoomView, item: Held, names_us: bool) -> Fragments:
        """Return what is told at once of a message in another room."""
        message, now = item.event, self._clock()
        if not item.news or not isinstance(message, Message):
            return []
        room.unread += 1
        if names_us:
            room.mentions, room.announced = room.mentions + 1, now
            text = " ".join(message.text[:MOST_CHARS].split())
            excerpt = text if len(text) <= EXCERPT else f"{text[:EXCERPT]}..."
            return self._painter.warning(
                f"{message.nick} mentions you in {room.name}: {excerpt} (/{room.number} goes there)"
            )
        if not self._words or (room.announced is not None and now - room.announced < NEWS_SECONDS):
            return []
        room.announced = now
        return self._painter.note(
            f"{_number(room.unread, 'new message')} in {room.name} (/{room.number} goes there)"
        )

    def _draw(self, room: RoomView, item: Held) -> Fragments:
        event = item.event
        if isinstance(event, Gap):
            drawn = self._painter.note(gap(event.after, event.through, event.reason))
        else:
            self.seen.add(event)
            named = None if fold(event.nick) == fold(self.nick) else self.nick
            drawn = self._painter.message(event.at, event.nick, event.text, replay=item.replay, named=named)
        if item.ends_replay:
            drawn += self._painter.note("so far what was said before; from here on it is live")
        return drawn

    def _names_us(self, message: Message) -> bool:
        return any(mentions(sanitize(line), self.nick) for line in message.text[:MOST_CHARS].split("\n"))

    def _presence(self, event: Presence) -> Fragments:
        room = self.rooms.get(event.room)
        if room is None:
            return []
        room.people.went([*event.left, *(pair.old for pair in event.renamed)])
        room.people.came([*event.joined, *(pair.new for pair in event.renamed)])
        if not self.quiet:
            room.comings.add(event, self.nick, self._clock())
        return []

    def _tell_comings(self, room: RoomView) -> Fragments:
        told = room.comings.take()
        return self._painter.note(told) if told and not self.quiet else []

    def _joined(self, event: Joined) -> Fragments:
        room = self.rooms.get(event.room)
        if room is not None:
            return self._rejoined(room, event)
        room = self.rooms.enter(event)
        others = event.count - 1
        company = (
            "nobody else is" if others <= 0 else "1 other is" if others == 1 else f"{others:,} others are"
        )
        if self.rooms.current is None or self._expected == fold(event.room):
            self.rooms.current = room
            return self._painter.note(f"you are in {room.name}; {company} here")
        return self._painter.note(f"you are also in {room.name} (/{room.number} goes there); {company} there")

    def _rejoined(self, room: RoomView, event: Joined) -> Fragments:
        same = room.epoch == event.epoch
        room.rejoin(event)
        if not same:
            return self._painter.note(f"the record of {room.name} is another one from here on")
        missed = event.head - event.after
        if missed <= 0 or room is not self.rooms.current:
            return []
        return self._painter.note(f"up to {_number(missed, 'message')} came meanwhile")

    def _tell_now_and_then(self, told: str | None) -> Fragments:
        now = self._clock()
        if told is None or not self._words or now - self._told_progress < AGAIN_SECONDS:
            return []
        self._told_progress = now
        return self._painter.note(told)


def _progress(room: RoomView) -> str | None:
    """Return how far it is with catching up, if that takes long."""
    total = room.head - room.start
    if not room.replaying or total < MANY:
        return None
    return f"catching up with {room.name}: {room.position - room.start:,} of {total:,}"


def _number(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
