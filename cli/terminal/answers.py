"""The answers to what somebody asked for, or tried, as lines to be drawn."""

from collections.abc import Sequence

from chatcore.client.session import Message
from chatcore.errors import ChatError, RefusedError
from cli.terminal.input import COMMANDS, Command
from cli.terminal.painter import Fragments, Painter
from cli.terminal.rooms import Rooms
from cli.terminal.wording import end, not_allowed, refusal

__all__ = ["Answers"]

MOST_LISTED = 500
"""Names that `/who` lists."""


class Answers:
    """Draws answers. With ``words`` the keys that only a drawn prompt has are not spoken of."""

    def __init__(self, painter: Painter, *, words: bool = False) -> None:
        self._painter = painter
        self._words = words

    def connected(self, server: str, url: str) -> Fragments:
        """Return where we are connected to."""
        return self._painter.note(f"connected to {server} at {url}; /help for help")

    def help(self) -> Fragments:
        """Return the list of commands."""
        lines = [f"{f'{name} {argument}':14}{what}" for name, (argument, what) in COMMANDS.items()]
        lines.append("//text        say a text that begins with a slash")
        if not self._words:
            lines.append(
                "Enter sends, Alt-Enter begins a new line, Tab completes,"
                " Ctrl-R finds what you typed, Ctrl-D ends"
            )
        return self._painter.note("\n".join(lines))

    def members(self, room: str, nicks: Sequence[str]) -> Fragments:
        """Return the list of who is in a room."""
        listed = ", ".join(nicks[:MOST_LISTED])
        more = f" and {len(nicks) - MOST_LISTED:,} more" if len(nicks) > MOST_LISTED else ""
        return self._painter.note(f"{len(nicks):,} in {room}: {listed}{more}")

    def rooms(self, rooms: Rooms) -> Fragments:
        """Return the list of the rooms that we are in."""
        lines = []
        for room in rooms:
            here = ", you are here" if room is rooms.current else ""
            unread = f", {room.unread:,} unread" if room.unread else ""
            named = f", {room.mentions:,} of them mention you" if room.mentions else ""
            lines.append(f"/{room.number} {room.name}{here}{unread}{named}")
        return self._painter.note("\n".join(lines) or "you are in no room; enter one with /join ROOM")

    def found(self, wanted: str, messages: Sequence[Message]) -> Fragments:
        """Return the messages in which something was found."""
        if not messages:
            return self._painter.note(f"nothing that was shown has {wanted} in it; /back shows more")
        drawn = self._painter.note(f"the latest with {wanted} in it:")
        for message in messages:
            drawn += self._painter.found(message.at, message.room, message.nick, message.text)
        return drawn + self._painter.note("so far what was found")

    def quiet(self, is_quiet: bool) -> Fragments:
        """Return what is told from now on of those who come and go."""
        what = "who comes and goes is told again"
        if is_quiet:
            what = "nothing is said of those who come and go; /quiet again says it"
        return self._painter.note(what)

    def note(self, text: str) -> Fragments:
        """Return a quiet line."""
        return self._painter.note(text)

    def mistake(self, text: str) -> Fragments:
        """Return what was wrong with what the user typed."""
        return self._painter.warning(text)

    def refused(self, error: RefusedError) -> Fragments:
        """Return why the server did not do what was asked, and what to do."""
        return self._painter.warning(refusal(error))

    def not_allowed(self, command: Command) -> Fragments:
        """Return what is wrong with an argument that the protocol can't carry."""
        return self._painter.warning(not_allowed(command))

    def ended(self, error: ChatError) -> Fragments:
        """Return why the connection ended."""
        return self._painter.warning(end(error))

    def kept(self, heading: str, text: str) -> Fragments:
        """Return a text of the user's own that would be lost otherwise, to be copied."""
        return self._painter.warning(heading) + self._painter.copy(text)
