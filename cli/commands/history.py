"""``chat history``: the messages that a journal holds, one a line."""

from pathlib import Path

from chatcore import Gap, UsageError, encode, stored_entries
from chatcore.journal import Stored
from cli.gap import describe_gap
from cli.lines import lines_of
from cli.names import folded_room
from cli.report import INCOMPLETE
from cli.streams import write_json, write_text
from cli.times import read_time

__all__ = ["run"]


def run(
    path: Path,
    rooms: list[str],
    after: int | None,
    before: int | None,
    since: str | None,
    until: str | None,
    *,
    text: bool,
) -> int:
    """Print messages as newline-delimited JSON, room by room, oldest first; return the exit code.

    With ``text``, as lines for people. ``since`` and ``until`` are times. Where messages are damaged, or have
    expired although ``after`` or ``since`` asks for them, a line says so in their place, and the code is
    `INCOMPLETE`. A server may have the journal open. Raises `UsageError` and `JournalError`, as
    `stored_entries` does.
    """
    _check("--after", after, "--since", since)
    _check("--before", before, "--until", until)
    incomplete = False
    for entry in stored_entries(
        path,
        [folded_room(room) for room in rooms],
        after=after,
        before=before,
        after_at=read_time("--since", since),
        before_at=read_time("--until", until),
    ):
        incomplete = incomplete or isinstance(entry, Gap)
        if text:
            write_text(_text(entry))
        else:
            write_json(_json(entry))
    return INCOMPLETE if incomplete else 0


def _json(entry: Stored | Gap) -> bytes:
    return encode(entry) if isinstance(entry, Gap) else entry.line


def _text(entry: Stored | Gap) -> str:
    if isinstance(entry, Gap):
        return f"-- {entry.room}: {describe_gap(entry)}\n"
    message = entry.message
    where = f"{message.at.astimezone():%Y-%m-%d %H:%M:%S} {entry.room} "
    return "".join(lines_of(message, where))


def _check(number: str, first: int | None, time: str, second: str | None) -> None:
    if first is not None and second is not None:
        raise UsageError(f"use either {number} or {time}, not both")
