"""The client's own lines: answers to commands, refusals, and what became of the connection.

What is said of each event of a room is in `conversation`. Every line here says what happened and, if there is
something to do about it, what.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

from chatcore import RULES, ChatError, DisconnectedError, Gap, Message, RefusedError, RoomEntry, fold
from cli.gap import describe_gap
from cli.settings.keys import USUAL
from cli.terminal.help import describe_command, describe_commands
from cli.terminal.input import Command
from cli.terminal.painter import Fragments, Painter
from cli.terminal.rooms import Entry, Rooms

__all__ = ["NO_ROOM", "Answers", "reason_of"]

MOST_LISTED = 500
"""Names that `/who` lists."""

NO_ROOM = "you are not in a room; join one with /join ROOM"

_REASONS = {  # of the end of a connection
    "drain": "the server is shutting down",
    "taken_over": "another client has taken over this name",
    "stalled": "this client was too slow to read",
    "timeout": "the other side did not respond in time",
    "protocol": "the server reports a protocol error",
    "banned": "you are banned from this server",
    "revoked": "your key is no longer valid; with a new link, run `chat join --replace`",
    "nick_taken": "someone else is using this name now",
    "untrusted": "the server's certificate is not one that you trust",
}

_SAID = ("banned", "revoked")
"""Those whose words say all that there is."""

_ADVICE = {  # on refusals, with the actions of keys in braces
    "nick_taken": "choose another with /nick NAME",
    "bad_name": "check the spelling, or choose another",
    "too_long": "send it in parts (the {older} key brings it back)",
    "bad_text": "change it (the {older} key brings it back)",
    "not_joined": "join it with /join ROOM",
    "limit_exceeded": "/leave a room that you do not need",
    "unavailable": "try again in a moment (the {older} key brings it back)",
    "unknown": "the {older} key brings it back",
}


class Answers:
    """Draws answers. With ``words`` it does not mention the keys that only a drawn prompt has.

    ``keys`` are their names, by what they do.
    """

    def __init__(self, painter: Painter, *, words: bool = False, keys: Mapping[str, str] = USUAL) -> None:
        self._painter = painter
        self._keys = keys
        self._words = words

    # --- answers to commands ---------------------------------------------------------------------

    def help(self, command: str = "") -> Fragments:
        """Return the list of commands, or what one of them does."""
        return self._painter.note(
            describe_command(command, self._keys)
            if command
            else describe_commands(self._keys, words=self._words)
        )

    def members(self, room: str, nicks: Sequence[str]) -> Fragments:
        """Return the list of a room's members."""
        listed = ", ".join(nicks[:MOST_LISTED])
        more = f" and {len(nicks) - MOST_LISTED:,} more" if len(nicks) > MOST_LISTED else ""
        return self._painter.note(f"{len(nicks):,} in {room}: {listed}{more}")

    def rooms(self, rooms: Rooms, start: str = "") -> Fragments:
        """Return the list of the rooms that we are in and whose names begin with ``start``."""
        lines = []
        for room in (each for each in rooms if fold(each.name).startswith(fold(start))):
            here = ", you are here" if room is rooms.current else ""
            company = f", {room.count:,} member{'' if room.count == 1 else 's'}"
            company += ", hushed" if room.muted else ""
            unread = f", {room.unread:,} unread" if room.unread else ""
            mentions = f", {room.mentions:,} mention you" if room.mentions else ""
            lines.append(f"/{room.number} {room.name}{here}{company}{unread}{mentions}")
        if lines:
            return self._painter.note("\n".join(lines))
        return self._painter.note(NO_ROOM) if not rooms else []

    def other_rooms(self, listed: Sequence[RoomEntry], start: str, *, more: bool) -> Fragments:
        """Return the list of the server's other rooms; with ``more`` there are others beyond these."""
        if not listed:
            return self._painter.note(f"no other room begins with {start}" if start else "no other rooms")
        lines = ["other rooms:", *map(self._room, listed)]
        if more:
            lines.append("and more; /rooms START lists those that begin with START")
        return self._painter.note("\n".join(lines))

    def results(
        self,
        heading: str,
        rows: Iterable[tuple[int | None, Entry]],
        end: str,
        *,
        mentioned: Callable[[Message], Sequence[str]] = lambda _: (),
        query: str = "",
    ) -> Fragments:
        """Return messages and gaps of any rooms between two lines, the results of a search with a number.

        What the ``query`` has asked for is marked, and so is what is ``mentioned`` in a message.
        """
        drawn = self._painter.note(heading)
        for number, entry in rows:
            if isinstance(entry, Gap):
                drawn += self._painter.note(describe_gap(entry))
            else:
                drawn += self._painter.found(
                    entry.at,
                    entry.room,
                    entry.nick,
                    entry.text,
                    kind=entry.kind,
                    number=number,
                    mentioned=mentioned(entry),
                    query=query,
                )
        return drawn + self._painter.note(end)

    def whole(self, message: Message) -> Fragments:
        """Return all of a message that was folded."""
        return self._painter.found(
            message.at, message.room, message.nick, message.text, kind=message.kind
        ) + self._painter.note("end of the message")

    def quiet(self, is_quiet: bool) -> Fragments:
        """Return whether joins and leaves are hidden from now on."""
        return self._painter.note(
            "joins and leaves are hidden; /quiet shows them again"
            if is_quiet
            else "joins and leaves are shown again"
        )

    def device(self, links: Sequence[str], seconds: float | None) -> Fragments:
        """Return the links by which one more device of the user gets in, for copying."""
        valid = "" if seconds is None else f" within {seconds / 60:.0f} minutes"
        return self._painter.warning(
            f"run `chat join` on your other device{valid}, and give it this link; show it to nobody:"
        ) + [fragment for link in links for fragment in self._painter.copy(link)]

    def note(self, text: str) -> Fragments:
        """Return a quiet line."""
        return self._painter.note(text)

    # --- what went wrong -------------------------------------------------------------------------

    def warning(self, text: str) -> Fragments:
        """Return a line that is hard to overlook."""
        return self._painter.warning(text)

    def refused(self, error: RefusedError) -> Fragments:
        """Return why the server refused something, and what to do."""
        advice = _ADVICE.get(error.code, "").format_map(self._keys)
        if error.retry_after is not None:
            advice = f"try again in {error.retry_after:.0f} s"
        return self._painter.warning(f"{error.message} ({error.code}){f'; {advice}' if advice else ''}")

    def not_back(self, room: str, error: RefusedError) -> Fragments:
        """Return why a room of the last run did not let us in."""
        return self._painter.warning(
            f"you are not back in {room}: {error.message} ({error.code}); the next start asks again,"
            f" /leave {room} forgets it"
        )

    def invalid(self, command: Command) -> Fragments:
        """Return what is wrong with an argument that the protocol cannot carry."""
        match command.verb:
            case "admit" if " " in command.argument:
                problem = f"{RULES['nick']}; {RULES['room']}"
            case "nick" | "kick" | "mute" | "ban" | "lift" | "admit":
                problem = RULES["nick"]
            case "say" | "me":
                problem = (
                    "not sent: control characters are not allowed "
                    f"(the {self._keys['older']} key brings the text back)"
                )
            case "join" | "leave" | "who" | "rooms" | "close" | "open":
                problem = RULES["room"]
            case _:
                problem = "that is not possible"
        return self._painter.warning(problem)

    def deferred(self, command: Command) -> Fragments:
        """Return that a command waits for the connection, and what becomes of lines for a new room."""
        lines = "; your lines wait for it" if command.verb == "join" else ""
        return self._painter.note(f"not connected; {command.typed} will be asked when back{lines}")

    def give_back(self, heading: str, *texts: str) -> Fragments:
        """Return texts of the user's own that would otherwise be lost, for copying."""
        copies = [fragment for text in texts for fragment in self._painter.copy(text)]
        return self._painter.warning(heading) + copies

    def _room(self, entry: RoomEntry) -> str:
        company = "nobody is" if not entry.count else "1 is" if entry.count == 1 else f"{entry.count:,} are"
        last = f", last message {self._painter.moment(entry.at)}" if entry.at else ""
        return f"{entry.room}{', private' if entry.private else ''}, {company} there{last}"

    # --- the connection --------------------------------------------------------------------------

    def connected(self, server: str, url: str) -> Fragments:
        """Return which server this is."""
        return self._painter.note(f"connected to {server} at {url}; /help for help")

    def ended(self, error: ChatError) -> Fragments:
        """Return why the connection ended for good."""
        why = reason_of(error.reason) if isinstance(error, DisconnectedError) else str(error)
        return self._painter.warning(f"disconnected: {why}")


def reason_of(reason: str) -> str:
    """Return why a connection ended, in words."""
    if reason == "lost":  # without a word from the server
        return "the connection was lost"
    words = _REASONS.get(reason, "the server gave an unknown reason")
    return words if reason in _SAID else f"{words} ({reason})"
