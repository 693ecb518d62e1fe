"""``chat rooms``: the rooms of a server, who is in them, and when somebody spoke there last."""

from collections.abc import Iterator
from datetime import datetime

from chatcore import RoomEntry, __version__, encode
from cli.access.login import Login
from cli.commands.client import with_nick
from cli.report import reaching
from cli.streams import flush, write_json, write_text
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

WIDTH = 24
"""Columns of a name; a longer one pushes the rest of its line to the right."""


def run(url: str, nick: str | None, prefix: str | None, *, login: Login, json: bool) -> None:
    """Print the rooms whose names begin with ``prefix``, in the order of their names.

    Each page is printed as it arrives, so a line is true when it is printed. Raises `UsageError` for an
    invalid prefix, and `RefusedError` if the server refuses to list its rooms.
    """
    with reaching(url):
        with_nick(nick, lambda name: _print(url, name, prefix, login, json=json), "-rooms", login=login)


def _print(url: str, nick: str, prefix: str | None, login: Login, *, json: bool) -> None:
    client = f"chat {__version__}"
    with connect(url, nick=nick, rooms=(), client=client, reconnect=False, **login.options) as chat:
        for number, page in enumerate(_pages(chat, prefix)):
            if json:
                write_json(b"".join(map(encode, page)))
                flush()
            else:
                head = _line("ROOM", "MEMBERS", "LAST MESSAGE") if number == 0 else ""
                write_text(head + "".join(map(_row, page)))


def _pages(chat: Chat, prefix: str | None) -> Iterator[tuple[RoomEntry, ...]]:
    """Yield all rooms, page by page."""
    last, more = "", True
    while more:
        page = chat.list_rooms(after=last or None, prefix=prefix)
        yield page.rooms
        before, last = last, page.rooms[-1].room if page.rooms else ""
        more = page.more and last > before


def _row(entry: RoomEntry) -> str:
    return _line(entry.room, f"{entry.count}", f"{_local(entry.at)}{'  private' if entry.private else ''}")


def _local(at: datetime | None) -> str:
    try:
        return f"{at.astimezone():%Y-%m-%d %H:%M}" if at else "-"
    except (OverflowError, ValueError, OSError):  # a time that no calendar here can show
        return "-"


def _line(room: str, members: str, last: str) -> str:
    return f"{room:<{WIDTH}}  {members:>7}  {last}\n"
