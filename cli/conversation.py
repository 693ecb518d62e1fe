"""What a conversation is to a person: which rooms one is in, and what is to be said of each event.

It does no I/O: events and refusals go in, lines to be drawn come out.
"""

from collections.abc import Sequence

from chatcore.client import Event, Gap, Joined, Left, Message, NickFrame, Offline, Online, Page
from chatcore.errors import ChatError, DisconnectedError, RefusedError
from chatcore.messages import Error, Presence
from chatcore.names import fold
from cli.commands import COMMANDS, Command, JoinRoom, LeaveRoom, Rename, Say, WhoIsHere
from cli.lines import Fragments, Painter

__all__ = ["Conversation"]

MOST_NAMES = 8
"""Names in one line about who came and who went."""

MOST_LISTED = 500
"""Names that `/who` lists."""

_ENDINGS = {
    "drain": "the server is shutting down",
    "taken_over": "another client has taken over this name",
    "stalled": "the server says that we read too slowly",
    "timeout": "there was no sign of life in time",
    "protocol": "the server did not understand us",
    "lost": "the connection was lost",
    "nick_taken": "somebody else has this name now",
}

_GAPS = {
    "expired": "the server does not keep them any longer",
    "reset": "the server's record has begun anew",
}

_ADVICE = {
    "nick_taken": "choose another with /nick NAME",
    "bad_name": "choose another",
    "too_long": "send it in parts; the Up key brings it back",
    "bad_text": "the Up key brings it back, to be changed",
    "not_joined": "enter it with /join",
    "limit_exceeded": "/leave a room that you do not need",
    "unavailable": "try again in a moment; the Up key brings it back",
    "unknown": "the Up key brings it back",
}


class _Room:
    """A room that we are in, and how far we have read it."""

    def __init__(self, joined: Joined) -> None:
        self.name = joined.room
        self.epoch = joined.epoch
        self.head = joined.head
        self.position = joined.after
        self.oldest = joined.after + 1  # nothing before this number was shown

    @property
    def replaying(self) -> bool:
        return self.position < self.head


class Conversation:
    """The state of a conversation. ``current`` is the room that is spoken to, if there is one."""

    def __init__(self, painter: Painter, nick: str) -> None:
        self.nick = nick
        self.current: str | None = None
        self._painter = painter
        self._rooms: dict[str, _Room] = {}  # by folded name, in the order in which they were joined
        self._offline: str | None = None  # why there is no connection, as it was told last

    # --- what one may ask ------------------------------------------------------------------------

    def is_in(self, room: str) -> bool:
        """Tell whether we are in a room."""
        return fold(room) in self._rooms

    def has_read(self, room: str, seq: int) -> bool:
        """Tell whether a message was received, or can't be any more because we have left."""
        return not self.is_in(room) or self._rooms[fold(room)].position >= seq

    def oldest(self, room: str) -> int:
        """Return the number before which nothing of a room was shown."""
        return self._rooms[fold(room)].oldest

    def go_to(self, room: str) -> None:
        """Make a room the current one."""
        self.current = fold(room)

    def go_from(self, room: str) -> None:
        """Make another room than this one the current one; ``None`` if there is none."""
        if self.current == fold(room):
            others = (name for name in reversed(self._rooms) if name != fold(room))
            self.current = next(others, None)

    def prompt(self) -> Fragments:
        """Return what stands before the line that is being typed."""
        return self._painter.prompt(self.nick, self.current)

    # --- events ----------------------------------------------------------------------------------

    def receive(self, event: Event) -> Fragments:
        """Take what has happened; return what is to be drawn."""
        match event:
            case Message():
                return self._message(event)
            case Gap():
                return self._gap(event)
            case Presence():
                return self._presence(event)
            case Joined():
                return self._joined(event)
            case Left():
                return self._left(event)
            case NickFrame():
                self.nick = event.nick
                return self._painter.note(f"you are now {event.nick}")
            case Error():
                return self._painter.warning(f"{event.message} ({event.code})")
            case Offline():
                return self._went_offline(event.reason)
            case Online():
                self._offline = None
                return self._painter.note("connected again")
            case _:
                return []

    def _went_offline(self, reason: str) -> Fragments:
        # Every try that fails is told of; a person wants to know once, or if something else is wrong.
        known = self._offline is not None and reason in (self._offline, "lost")
        self._offline = reason if not known else self._offline
        return [] if known else self._painter.warning(f"disconnected: {_ending(reason)}; trying to come back")

    def _message(self, event: Message) -> Fragments:
        room = self._rooms.get(fold(event.room))
        replay = room is not None and room.replaying
        drawn = self._painter.message(
            event.at, event.nick, event.text, room=event.room if len(self._rooms) > 1 else None, replay=replay
        )
        return drawn + self._advance(room, event.seq)

    def _gap(self, event: Gap) -> Fragments:
        why = _GAPS.get(event.reason, event.reason)
        first, last = event.after + 1, event.through
        if first > last:
            line = self._painter.note(f"{self._in(event.room)}nothing is missing, but {why}")
        else:
            which = f"message {first} is" if first == last else f"messages {first} to {last} are"
            line = self._painter.note(f"{self._in(event.room)}{which} missing: {why} ({event.reason})")
        return line + self._advance(self._rooms.get(fold(event.room)), event.through)

    def _advance(self, room: _Room | None, seq: int) -> Fragments:
        if room is None:
            return []
        was_replaying, room.position = room.replaying, seq
        if not was_replaying or room.replaying:
            return []
        return self._painter.note(
            f"{self._in(room.name)}so far what was said before; from here on it is live"
        )

    def _presence(self, event: Presence) -> Fragments:
        own = fold(self.nick)
        joined = [nick for nick in event.joined if fold(nick) != own]
        renamed = [f"{pair.old} is now {pair.new}" for pair in event.renamed if fold(pair.new) != own]
        parts = [f"{_names(joined)} joined"] if joined else []
        parts += [f"{_names(event.left)} left"] if event.left else []
        parts += renamed[:MOST_NAMES]
        if event.more or len(renamed) > MOST_NAMES:
            parts.append("others came, went or changed their names")
        if not parts:
            return []
        return self._painter.note(f"{self._in(event.room)}{', '.join(parts)} ({event.count} here)")

    def _joined(self, event: Joined) -> Fragments:
        before = self._rooms.get(fold(event.room))
        room = self._rooms[fold(event.room)] = _Room(event)
        if self.current is None:
            self.current = fold(event.room)
        if before is not None and before.epoch == event.epoch:
            room.oldest = before.oldest
            return []  # we have come back to where we were
        if before is not None:
            return self._painter.note(f"the record of {event.room} is another one from here on")
        others = event.count - 1
        company = "nobody else is" if others <= 0 else "1 other is" if others == 1 else f"{others} others are"
        return self._painter.note(f"you are in {event.room}; {company} here")

    def _left(self, event: Left) -> Fragments:
        self.go_from(event.room)
        self._rooms.pop(fold(event.room), None)
        where = "you are in no room now" if self.current is None else f"you are in {self.current}"
        return self._painter.note(f"you have left {event.room}; {where}")

    def _in(self, room: str) -> str:
        return f"[{room}] " if len(self._rooms) > 1 else ""

    # --- answers and ends ------------------------------------------------------------------------

    def help(self) -> Fragments:
        """Return the list of commands."""
        lines = [f"{f'{name} {argument}':14}{what}" for name, (argument, what) in COMMANDS.items()]
        lines.append("//text        say a text that begins with a slash")
        lines.append("Enter sends, Alt-Enter begins a new line, Tab completes a command, Ctrl-D ends")
        return self._painter.note("\n".join(lines))

    def earlier(self, page: Page) -> Fragments:
        """Return a page of what was said before all that was shown."""
        room = self._rooms.get(fold(page.room))
        if room is None or room.epoch != page.epoch or not page.messages:
            return self._painter.note(f"{self._in(page.room)}nothing earlier is kept")
        room.oldest = page.messages[0].seq
        shown_in = page.room if len(self._rooms) > 1 else None
        lines = self._painter.note(f"{self._in(page.room)}earlier:")
        for message in page.messages:
            lines += self._painter.message(message.at, message.nick, message.text, room=shown_in, replay=True)
        return lines + self._painter.note(f"{self._in(page.room)}so far what came before; /back shows more")

    def members(self, room: str, nicks: Sequence[str]) -> Fragments:
        """Return the list of who is in a room."""
        listed = ", ".join(nicks[:MOST_LISTED])
        more = f" and {len(nicks) - MOST_LISTED} more" if len(nicks) > MOST_LISTED else ""
        return self._painter.note(f"{len(nicks)} in {room}: {listed}{more}")

    def connected(self, server: str, url: str) -> Fragments:
        """Return where we are connected to."""
        return self._painter.note(f"connected to {server} at {url}; /help for help")

    def mistake(self, text: str) -> Fragments:
        """Return what was wrong with what the user typed."""
        return self._painter.warning(text)

    def refused(self, error: RefusedError) -> Fragments:
        """Return why the server did not do what was asked, and what to do."""
        advice = _ADVICE.get(error.code)
        if error.retry_after is not None:
            advice = f"try again in {error.retry_after:.0f} s"
        return self._painter.warning(f"{error.message} ({error.code}){f'; {advice}' if advice else ''}")

    def not_allowed(self, command: Command) -> Fragments:
        """Return what is wrong with an argument that the protocol can't carry."""
        match command:
            case Rename():
                problem = "a name is 1 to 32 letters of A to Z, digits, dots, dashes or underscores"
            case JoinRoom() | LeaveRoom() | WhoIsHere():
                problem = "a room's name is 1 to 64 letters of A to Z, digits, dots, dashes or underscores"
            case Say():
                problem = "not sent: it has control characters in it; the Up key brings it back"
            case _:
                problem = "that cannot be"
        return self._painter.warning(problem)

    def ended(self, error: ChatError) -> Fragments:
        """Return why the connection ended."""
        why = _ending(error.reason) if isinstance(error, DisconnectedError) else str(error)
        return self._painter.warning(f"disconnected: {why}")

    def kept(self, heading: str, text: str) -> Fragments:
        """Return a text of the user's own that would be lost otherwise, to be copied."""
        return self._painter.warning(heading) + self._painter.copy(text)


def _ending(reason: str) -> str:
    return f"{_ENDINGS.get(reason, 'the server gave a reason that we do not know')} ({reason})"


def _names(nicks: Sequence[str]) -> str:
    names = [*nicks[:MOST_NAMES]]
    if len(nicks) > MOST_NAMES:
        names.append(f"{len(nicks) - MOST_NAMES} more")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
