"""``chat search``: what was said in some rooms, newest first."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from threading import Event

from chatcore import LOBBY, Found, Joined, Message, RefusedError, __version__, encode, fold
from cli.access.login import Login
from cli.commands.client import with_nick
from cli.lines import lines_of
from cli.queries import EMPTY_PAGES, Wanted, parse_wanted
from cli.report import INCOMPLETE, complain, reaching
from cli.streams import flush, write_json, write_text
from cli.times import read_time
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

PAGE = 100
"""Results that are asked for together, at most."""

PATIENCE = 60.0
"""Seconds for which it asks again, where the server is busy: an index may have to be made."""


def run(
    url: str,
    nick: str | None,
    query: str,
    rooms: Sequence[str],
    after: str | None,
    before: str | None,
    count: int,
    *,
    login: Login,
    json: bool,
) -> int:
    """Print the newest messages that are found in rooms, ``count`` at most; return the exit code.

    It is `INCOMPLETE` where the server has searched very much and found nothing more yet. Raises `UsageError`
    for what cannot be searched, and `RefusedError` if the server refuses a room or the search.
    """
    wanted = parse_wanted(query)
    lower, upper = read_time("--after", after), read_time("--before", before)
    wanted = wanted._replace(after_at=lower or wanted.after_at, before_at=upper or wanted.before_at)
    names = [wanted.room] if wanted.room is not None else list({fold(room): room for room in rooms}.values())
    search = _Search(url, login, wanted, names or [LOBBY], count, json)
    with reaching(url):
        return with_nick(nick, search.run, "-search", login=login)


@dataclass(frozen=True)
class _Search:
    """One search, for any nick."""

    url: str
    login: Login
    wanted: Wanted
    rooms: list[str]
    count: int
    json: bool

    def run(self, nick: str) -> int:
        """Search, and print each page as it arrives; return the exit code."""
        client = f"chat {__version__}"
        with connect(
            self.url, nick=nick, rooms=self.rooms, client=client, reconnect=False, **self.login.options
        ) as chat:
            left, empty = self.count, 0
            for page in self._pages(chat):
                self._write(page.messages[:left])
                left -= len(page.messages)
                empty = 0 if page.messages else empty + 1
                if left <= 0:
                    break
                if empty == EMPTY_PAGES:
                    complain("there may be more, but the server found none for long; say more of what it is")
                    return INCOMPLETE
            if left == self.count:
                self._report_silence(chat)
        return 0

    def _report_silence(self, chat: Chat) -> None:
        """Say in which rooms nothing was ever said, as after a typo."""
        left = len(self.rooms)
        with contextlib.suppress(TimeoutError):
            while left:
                event = chat.receive(0.0)
                if isinstance(event, Joined):
                    left -= 1
                    if event.head == 0:
                        complain(f"nothing was ever said in {event.room}; `chat rooms` lists the rooms")

    def _pages(self, chat: Chat) -> Iterator[Found]:
        """Yield all pages."""
        room = self.rooms[0] if len(self.rooms) == 1 else None
        cursor, more = None, True
        while more:
            page = _ask(chat, self.wanted._replace(room=room), min(self.count, PAGE), cursor)
            yield page
            more, cursor = page.cursor not in (None, cursor), page.cursor

    def _write(self, messages: Sequence[Message]) -> None:
        if self.json:
            write_json(b"".join(map(encode, messages)))
            flush()
        else:
            write_text("".join(line for message in messages for line in lines_of(message, _where(message))))


def _ask(chat: Chat, wanted: Wanted, limit: int, cursor: str | None) -> Found:
    """Search, and again when the server says so, for a while."""
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return chat.search(
                **wanted._asdict(),
                limit=limit,
                cursor=cursor,
            )
        except RefusedError as error:
            if error.retry_after is None or time.monotonic() + error.retry_after > until:
                raise
            Event().wait(error.retry_after)


def _where(message: Message) -> str:
    try:
        at = f"{message.at.astimezone():%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):  # a time that no calendar here can show
        at = "-"
    return f"{at} {message.room} "
