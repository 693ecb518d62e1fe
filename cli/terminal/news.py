"""What is news to the user, and how they learn of it: a mention, a bell, a line about another room.

- A message that mentions the user rings the bell, unless they certainly see it, and is announced immediately
  if its room is not on the screen.
- Other messages in other rooms are counted. On a screen without a status row, a line says so now and then.
"""

from collections.abc import Callable, Sequence

from chatcore import Message
from cli.sanitize import sanitize
from cli.terminal.bell import Bell
from cli.terminal.excerpt import excerpt
from cli.terminal.mentions import mentions
from cli.terminal.painter import MOST_CHARS, Fragments, Painter
from cli.terminal.rooms import RoomEvent, RoomView

__all__ = ["NEWS_SECONDS", "News", "number_of"]

NEWS_SECONDS = 60.0
"""How often a screen without a status row says that a room has unread messages."""


class News:
    """Tells the user of messages. Times are seconds on ``clock``, which never goes back."""

    def __init__(
        self,
        painter: Painter,
        ring: Callable[[], None],
        notify: Callable[[str, str], None],
        clock: Callable[[], float],
        *,
        words: bool,
    ) -> None:
        self._painter = painter
        self._ring = ring
        self._notify = notify
        self._clock = clock
        self._words = words
        self._bell = Bell()

    def mentions_us(self, message: Message, names: Sequence[str]) -> bool:
        """Tell whether a message mentions our nick, or a word that counts as that."""
        return any(mentions(sanitize(line), *names) for line in message.text[:MOST_CHARS].split("\n"))

    def alert(self, message: Message, *, notify: bool) -> None:
        """Ring the bell, and ``notify`` the desktop too, if that was not done a moment ago."""
        if not self._bell.rings(self._clock()):
            return
        self._ring()
        if notify:
            self._notify(f"{message.nick} in {message.room}", excerpt(message.text))

    def announce(self, room: RoomView, item: RoomEvent, *, mentions_us: bool) -> Fragments:
        """Count a message in another room; return a line if it must be announced immediately."""
        message, now = item.event, self._clock()
        if not item.news or not isinstance(message, Message):
            return []
        room.count_news(mentions_us=mentions_us)
        if room.missed is not None:  # one line will say it all
            return []
        if mentions_us:
            room.note_announced(now)
            return self._painter.warning(
                f"{message.nick} mentioned you in {room.name}: {excerpt(message.text)} (/{room.number})"
            )
        if (
            not self._words
            or room.muted
            or (room.announced is not None and now - room.announced < NEWS_SECONDS)
        ):
            return []
        room.note_announced(now)
        return self._painter.note(f"{number_of(room.unread, 'new message')} in {room.name} (/{room.number})")


def number_of(count: int, what: str) -> str:
    """Return a number of things, as in ``1 message`` and ``2 messages``."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
