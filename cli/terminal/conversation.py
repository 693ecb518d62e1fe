"""What a person sees of each event: the lines to draw, and what is kept for later.

It does no I/O: events go in, lines to draw come out, and time is a clock that the caller gives. The rules:

- Messages of the current room are drawn as they arrive. Those of other rooms wait until the user goes there;
  a message that mentions the user is announced immediately.
- Messages older than our entry into a room, or than our return, are *replay*: drawn as such, and followed by
  a line that says where live messages begin.
- A mark stands before the first message that the user has not seen, and stays there.
- On a screen without a status row, what that row would show is said in lines, now and then.
"""

import time
from collections.abc import Callable, Iterator, Sequence

from chatcore import (
    Error,
    Event,
    Gap,
    Invited,
    Joined,
    Left,
    Message,
    Moderated,
    NickFrame,
    Offline,
    Online,
    Presence,
    fold,
)
from cli.gap import describe_gap
from cli.state.remembered import Mention, RoomMark
from cli.terminal.answers import NO_ROOM
from cli.terminal.attention import Attention
from cli.terminal.completion import Candidate, candidates
from cli.terminal.folds import Folds
from cli.terminal.interests import Interests
from cli.terminal.memory import Memory
from cli.terminal.news import News, number_of
from cli.terminal.painter import Fragments, Painter
from cli.terminal.returns import Return
from cli.terminal.rooms import Entry, Older, Rest, RoomEvent, Rooms, RoomView
from cli.terminal.scrollback import Scrollback
from cli.terminal.status import status_rows
from cli.terminal.whereabouts import Whereabouts

__all__ = ["Conversation"]

MANY = 200
"""Messages that take long enough to arrive for their number to be shown in the meantime."""

PROGRESS_SECONDS = 5.0
"""How often that is shown on a screen without a status row."""

REST = {
    Rest.MORE: "/back shows older messages",
    Rest.NONE: "there are no older messages",
    Rest.EXPIRED: "older messages are no longer kept",
}

DEVICE = (
    "another of your devices has asked for a link for one more; if that was not you, somebody has your key: "
    "have it revoked"
)

PIECE = 100
"""Messages that are drawn in one go. Between two of these there is time for the keyboard."""


class Conversation:
    """The state of a conversation. ``rooms.current`` is the room on the screen.

    ``is_mine`` tells which messages are the user's own, from whichever device: those are no news. ``wanted``
    is the nick that somebody else has now, but that means the user too. With ``words`` there is no status
    row, so its content is said in lines. With ``quiet``, joins and leaves are hidden. ``ring`` rings the
    terminal's bell, and ``notify`` shows a title and a text on the desktop.
    ``rows()`` is the height of the screen.
    """

    def __init__(
        self,
        painter: Painter,
        nick: str,
        is_mine: Callable[[Message], bool],
        *,
        wanted: Callable[[], str | None] = lambda: None,
        words: bool = False,
        quiet: bool = False,
        interests: Interests | None = None,
        ring: Callable[[], None] = lambda: None,
        notify: Callable[[str, str], None] = lambda title, text: None,
        rows: Callable[[], int] = lambda: 24,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.nick = nick
        self.rooms = Rooms()
        self.scrollback = Scrollback()
        self.folds = Folds(rows)
        self.attention = Attention(clock())
        self.interests = interests or Interests(Memory(None))
        self.quiet = quiet
        self.busy: str | None = None  # something that takes long just now, in words
        self.whereabouts = Whereabouts()
        self._painter = painter
        self._is_mine = is_mine
        self._wanted = wanted
        self._words = words
        self._clock = clock
        self._news = News(painter, ring, notify, clock, words=words)
        self._expected: str | None = None  # the room that the user is about to join
        self._progress_shown = float("-inf")
        self._marks: dict[str, tuple[RoomMark, Sequence[Mention]]] = {}  # of rooms that we come back to
        self._first: str | None = None  # which of them comes on the screen, folded

    # --- questions -------------------------------------------------------------------------------

    def has_read(self, name: str, seq: int) -> bool:
        """Tell whether a message was received, or never will be because we left the room."""
        room = self.rooms.get(name)
        return room is None or room.position >= seq

    def unseen_mention(self, message: Message) -> str | None:
        """Return the epoch of a message that mentions the user, who has not seen it; else ``None``."""
        room = self.rooms.get(message.room)
        if room is None or message.seq <= room.seen or not self._is_news(room, message):
            return None
        return room.epoch if self._news.mentions_us(message, self.names) else None

    @property
    def names(self) -> Sequence[str]:
        """What mentions us: our nick, the one that we would like to have, and words."""
        wanted = self._wanted()
        return (self.nick, *(() if wanted is None else (wanted,)), *self.interests.words)

    def names_in(self, message: Message) -> Sequence[str]:
        """Return what is to be marked in a message: what mentions us, unless we have said it."""
        return () if self._is_mine(message) else self.names

    def is_mention(self, message: Message) -> bool:
        """Tell whether a message of somebody else mentions the user."""
        unwanted = self._is_mine(message) or self._is_hidden(message)
        return not unwanted and self._news.mentions_us(message, self.names)

    def learn_members(self, name: str, nicks: Sequence[str]) -> None:
        """Note who is in a room, for the Tab key."""
        if room := self.rooms.get(name):
            room.nicks.add(nicks)

    @property
    def offline(self) -> bool:
        """Whether there is no connection now."""
        return self.whereabouts.offline

    @property
    def place(self) -> str | None:
        """Where the user writes: the room that is about to come on the screen, or the one that is there."""
        current = self.rooms.current
        return self._expected or (None if current is None else current.name)

    def prompt(self) -> Fragments:
        """Return the prompt before the line that is being typed."""
        return self._painter.prompt(self.nick, self.place)

    def status(self, unsent: Sequence[str], columns: int, lag: str | None = None) -> Fragments:
        """Return the rows above the prompt; ``unsent`` are the messages that are not sent yet."""
        notices = ["offline, reconnecting"] if self.offline else []
        notices += [text for text in (self.busy or lag,) if text]
        notices += [text for room in self.rooms if (text := _progress(room))]
        return status_rows(self.rooms, notices, unsent, columns, offline=self.offline)

    def progress(self, text: str) -> Fragments:
        """Note the progress of something that takes long; return a line if there is no status row."""
        self.busy = text
        return self._show_progress(text)

    def completions(self, before: str) -> list[Candidate]:
        """Return the candidates for the Tab key; ``before`` is the text before the cursor."""
        return candidates(before, self.rooms, self.nick)

    # --- rooms -----------------------------------------------------------------------------------

    def expect(self, room: str | None) -> None:
        """Note which room the user is about to join, if any: it becomes the current one then."""
        self._expected = room

    def expect_no_longer(self, room: str) -> None:
        """Note that a room was joined, or will not be."""
        if self._expects(room):
            self._expected = None

    def _expects(self, room: str) -> bool:
        return self._expected is not None and fold(self._expected) == fold(room)

    def expect_back(self, mark: RoomMark, mentions: Sequence[Mention], *, first: bool) -> None:
        """Note where we were in a room when the client ran last; the ``first`` one comes on the screen."""
        self._marks[fold(mark.name)] = mark, mentions
        if first:
            self._first = fold(mark.name)

    def give_up_return(self, room: str) -> None:
        """Note that we are not let back into a room."""
        self._marks.pop(fold(room), None)
        self._first = None if self._first == fold(room) else self._first

    @property
    def is_returning(self) -> bool:
        """Whether no room is on the screen yet, but one will be in a moment."""
        return self._first is not None

    @property
    def is_watched(self) -> bool:
        """Whether somebody looks at the room on the screen."""
        return not self.attention.is_away(self._clock())

    def note_seen(self) -> None:
        """Note what the user has seen, if somebody is looking."""
        if self.rooms.current is not None and self.is_watched:
            self.rooms.current.see()

    def go_to(self, room: RoomView, news: str | None = None) -> Fragments:
        """Make a room the current one, and draw what has waited there; ``news`` says what that is."""
        if room is self.rooms.current:
            return []
        held, unread = room.take_held()
        self.rooms.current = room
        if news is None:
            news = f"; {number_of(unread, 'new message')}" if unread else ""
        drawn = self._painter.note(f"you are in {room.name}{news}")
        if hidden := unread - sum(item.messages for item in held if item.news):
            which = "1 older one is hidden" if hidden == 1 else f"{hidden:,} older ones are hidden"
            drawn += self._painter.note(f"{which}; /back shows {'it' if hidden == 1 else 'them'}")
        marked = False
        for item in held:
            if item.news and not marked:
                drawn += self._painter.mark()
                marked = True
            drawn += self._draw(room, item)
        return drawn + self._show_hidden(room) + self._show_presence(room)

    def leave(self, name: str, reason: str | None = None) -> Fragments:
        """Remove a room, and go to another one if it was the current one. Idempotent.

        With a ``reason``, the server has put us out.
        """
        room = self.rooms.get(name)
        if room is None:
            return []
        self.rooms.leave(name)
        self.give_up_return(name)
        if reason is None:
            drawn = self._painter.note(f"you left {room.name}")
        else:
            drawn = self._painter.warning(
                f"you were put out of {room.name}{'' if reason == 'expelled' else f' ({reason})'}"
            )
        if self.rooms.current is not None:
            return drawn
        other = self.rooms.latest()
        return drawn + (self.go_to(other) if other else self._painter.note(NO_ROOM))

    def older(self, name: str, older: Older) -> Iterator[Fragments]:
        """Yield messages from before those that were shown, and what there is besides, in pieces."""
        room = self.rooms.get(name)
        if room is None or not older.entries:
            yield self._painter.note(REST[Rest.EXPIRED if older.rest is Rest.EXPIRED else Rest.NONE])
            return
        room.oldest = older.oldest
        yield self._painter.note("older messages:")
        for start in range(0, len(older.entries), PIECE):
            piece: Fragments = []
            for entry in older.entries[start : start + PIECE]:
                piece += self._draw_older(room, entry)
            yield piece
        yield self._show_hidden(room)
        yield self._painter.note(REST.get(older.rest) or self._between(older))

    def _draw_older(self, room: RoomView, entry: Entry) -> Fragments:
        hidden = self._is_hidden(entry)
        if hidden:
            self._hide(room, entry)
        return self._draw(room, RoomEvent(entry, replay=True, hidden=hidden))

    def _between(self, older: Older) -> str:
        """Return what to do about messages between those that were loaded and those that were shown."""
        last = next((entry for entry in reversed(older.entries) if isinstance(entry, Message)), None)
        advice = f"; /back {self._painter.moment(last.at)} continues" if last else ""
        return f"more follow before those shown earlier{advice}"

    # --- events ----------------------------------------------------------------------------------

    def receive(self, event: Event) -> Fragments:
        """Take an event; return the lines to draw."""
        match event:
            case Message() | Gap():
                return self._read(event)
            case Presence():
                return self._presence(event)
            case Joined():
                return self._joined(event)
            case Left():
                return self.leave(event.room, event.reason)
            case NickFrame():
                self.nick = event.nick
                return self._painter.note(f"you are now {event.nick}")
            case Invited():
                return self._painter.warning(DEVICE)
            case Moderated():
                what = "are muted in" if event.act == "mute" else "may speak again in"
                return self._painter.warning(f"you {what} {event.room}")
            case Error():
                return self._painter.warning(f"{event.message} ({event.code})")
            case Offline():
                words = self.whereabouts.lose(event.reason)
                return [] if words is None else self._painter.warning(words)
            case Online():
                return self._painter.note(self.whereabouts.come_back())
            case _:
                return []

    def next_deadline(self) -> float | None:
        """Return when `handle_deadline` is due, on the conversation's clock; ``None`` is never."""
        return None if self.rooms.current is None else self.rooms.current.presence.due

    def handle_deadline(self) -> Fragments:
        """Return the lines that are due now."""
        room = self.rooms.current
        if room is None or room.presence.due is None or room.presence.due > self._clock():
            return []
        return self._show_presence(room)

    def _read(self, event: Message | Gap) -> Fragments:
        room = self.rooms.get(event.room)
        if room is None:
            return []
        replay, last = room.replaying, event.seq if isinstance(event, Message) else event.through
        ends = room.advance(last)
        item = RoomEvent(event, replay, ends, self._is_news(room, event), self._is_hidden(event))
        mentions_us = isinstance(event, Message) and item.news and self._news.mentions_us(event, self.names)
        if item.hidden:
            self._hide(room, event)
        elif isinstance(event, Message):
            room.nicks.note_speaker(event.nick)
        elif event.reason == "skipped":
            room.skip(event)
        here = room is self.rooms.current
        if isinstance(event, Message) and mentions_us and not (here and self.attention.is_certain):
            self._news.alert(event, notify=not (replay or self.attention.is_certain))
        drawn = self._show_progress(_progress(room))
        if here:
            return drawn + self._read_here(room, item)
        if not item.hidden or ends:
            room.hold(item)
        return drawn + self._news.announce(room, item, mentions_us=mentions_us) + self._show_return(room)

    def _is_news(self, room: RoomView, event: Message | Gap) -> bool:
        """Tell whether an event is new to the user: so is what was skipped when we came back."""
        if isinstance(event, Gap):
            return room.missed is not None and event.reason == "skipped"
        return event.seq > room.known and not self._is_mine(event) and not self._is_hidden(event)

    def _is_hidden(self, event: Message | Gap) -> bool:
        return (
            isinstance(event, Message) and self.interests.is_ignored(event.nick) and not self._is_mine(event)
        )

    def _hide(self, room: RoomView, event: Message | Gap) -> None:
        room.hide()
        if isinstance(event, Message):
            self.interests.note_hidden(event.nick)

    def _show_hidden(self, room: RoomView) -> Fragments:
        """Return how many messages were hidden since that was said last."""
        hidden = room.take_hidden()
        return self._painter.note(f"{number_of(hidden, 'message')} hidden (/ignore)") if hidden else []

    def _show_return(self, room: RoomView) -> Fragments:
        """Return what was missed in a room since the last run, if that is complete now."""
        missed = room.complete()
        if missed is None:
            return []
        words = missed.summary(
            room.unread, room.mentions, self._painter.since(missed.mark.read_at), muted=room.muted
        )
        news = f"; {_company(missed.others)} {'here' if self._first == fold(room.name) else 'there'}"
        news += f"; {words}" if words else ""
        if self._first == fold(room.name):
            self._first = None
            return self.go_to(room, news)
        return self._painter.note(f"you are also in {room.name} (/{room.number}){news}")

    def _read_here(self, room: RoomView, item: RoomEvent) -> Fragments:
        event, drawn = item.event, Fragments()
        if isinstance(event, Message) and not item.hidden and room.presence.concerns(event.nick):
            drawn += self._show_presence(room)
        if item.news and self.attention.needs_mark(self._clock()):
            drawn += self._painter.mark()
        return drawn + self._draw(room, item)

    def _draw(self, room: RoomView, item: RoomEvent) -> Fragments:
        event = item.event
        if isinstance(event, Gap):
            drawn = self._painter.note(describe_gap(event))
        elif item.hidden:
            drawn = []
        else:
            self.scrollback.add(event)
            drawn = self._draw_message(event, replay=item.replay)
        if item.ends_replay:
            drawn += self._show_hidden(room) + self._painter.note("end of history; live from here")
        return drawn

    def _draw_message(self, message: Message, *, replay: bool) -> Fragments:
        drawn, rest = self.folds.fold(
            self._painter.message(
                message.at,
                message.nick,
                message.text,
                kind=message.kind,
                replay=replay,
                mentioned=self.names_in(message),
            ),
            message,
        )
        return drawn if rest is None else drawn + self._painter.note(rest)

    def _presence(self, event: Presence) -> Fragments:
        room = self.rooms.get(event.room)
        if room is None:
            return []
        room.note_count(event.count)
        heard = self.interests.follow(event)
        room.nicks.remove([*event.left, *(pair.old for pair in event.renamed)])
        room.nicks.add([*event.joined, *(pair.new for pair in event.renamed)])
        if not self.quiet:
            room.presence.add(heard, self.nick, self._clock())
        return []

    def _show_presence(self, room: RoomView) -> Fragments:
        line = room.presence.take()
        return self._painter.note(line) if line and not self.quiet else []

    def _joined(self, event: Joined) -> Fragments:
        room = self.rooms.get(event.room)
        if room is not None:
            return self._rejoined(room, event)
        mark, mentions = self._marks.pop(fold(event.room), (None, ()))
        room = self.rooms.enter(event, None if mark is None else mark.number)
        room.mute(muted=self.interests.is_muted(room.name))
        if mark is not None:
            room.resume(Return(mark, event, mentions))
            return self._show_return(room)
        company = _company(event.count - 1)
        if (self.rooms.current is None and not self.is_returning) or self._expects(event.room):
            self.rooms.current = room
            self.expect_no_longer(room.name)
            return self._painter.note(f"you are in {room.name}; {company} here")
        return self._painter.note(f"you are also in {room.name} (/{room.number}); {company} there")

    def _rejoined(self, room: RoomView, event: Joined) -> Fragments:
        same = room.epoch == event.epoch
        room.rejoin(event)
        if not same:
            return self._painter.note(f"the log of {room.name} starts over here")
        missed = event.head - event.after
        if missed <= 0 or room is not self.rooms.current:
            return []
        return self._painter.note(f"{number_of(missed, 'message')} while you were away")

    def _show_progress(self, text: str | None) -> Fragments:
        """Return a line of progress, now and then, if there is no status row."""
        now = self._clock()
        if text is None or not self._words or now - self._progress_shown < PROGRESS_SECONDS:
            return []
        self._progress_shown = now
        return self._painter.note(text)


def _progress(room: RoomView) -> str | None:
    """Return the progress of a replay, if it is a long one."""
    total = room.head - room.start
    if not room.replaying or total < MANY:
        return None
    return f"catching up on {room.name}: {room.position - room.start:,} of {total:,}"


def _company(others: int) -> str:
    return "nobody else is" if others <= 0 else "1 other is" if others == 1 else f"{others:,} others are"
