"""The rows above the prompt: messages that are not sent yet, then notices and rooms.

They are there only while there is something to say. The last row must fit the screen: if it does not, rooms
without anything new are left out first, and counted at its end.
"""

from collections.abc import Sequence

from prompt_toolkit.utils import get_cwidth

from cli.sanitize import sanitize
from cli.terminal.painter import Fragments
from cli.terminal.rooms import Rooms, RoomView
from cli.wrap import cut

__all__ = ["status_rows"]

MOST_UNSENT = 3
"""Unsent messages whose text is shown; the others are counted."""

QUIET, NEWS, ALARM, HERE = "class:quiet", "bold", "reverse", ""


def status_rows(
    rooms: Rooms, notices: Sequence[str], unsent: Sequence[str], columns: int, *, offline: bool = False
) -> Fragments:
    """Return the rows, none wider than ``columns``.

    ``notices`` say what is unusual just now, and ``unsent`` are the texts that were not acknowledged yet,
    and cannot be while we are ``offline``.
    """
    rows: Fragments = []
    what = "not sent yet" if offline else "sending"
    for text in unsent[:MOST_UNSENT]:
        rows.append((QUIET, cut(f"  {what}: {sanitize(text[:columns])}", columns) + "\n"))
    if len(unsent) > MOST_UNSENT:
        rows.append((QUIET, cut(f"  and {len(unsent) - MOST_UNSENT:,} more", columns) + "\n"))
    items: Fragments = [(ALARM, notice) for notice in notices]
    if len(rooms) > 1:
        space = columns - sum(get_cwidth(notice) + 2 for notice in notices)
        items += _rooms(rooms, max(space, columns // 2))
    return rows + _joined(items, columns)


def _rooms(rooms: Rooms, space: int) -> Fragments:
    """Return as many rooms as there is space for. Those without anything new are left out first."""
    items = [(room, _item(room, rooms)) for room in rooms]
    importance = sorted(
        items, key=lambda item: (item[0] is not rooms.current, not item[0].mentions, not item[0].has_news)
    )
    chosen, left = set[int](), space
    for room, (_, text) in importance:
        left -= get_cwidth(text) + 2
        if left < 0 and chosen:
            break
        chosen.add(room.number)
    shown = [item for room, item in items if room.number in chosen]
    hidden = len(items) - len(shown)
    return [*shown, (QUIET, f"+{hidden}")] if hidden else shown


def _item(room: RoomView, rooms: Rooms) -> tuple[str, str]:
    name = f"{room.number}:{sanitize(room.name)}"
    if room is rooms.current:
        return HERE, f"[{name}]"
    if room.mentions:
        return ALARM, f"{name} {room.mentions if room.muted else room.unread:,}!"
    return (NEWS, f"{name} {room.unread:,}") if room.has_news else (QUIET, name)


def _joined(items: Fragments, columns: int) -> Fragments:
    row: Fragments = []
    left = columns
    for style, text in items:
        text = cut(text, left)
        row += [(style, text), (QUIET, "  ")]
        left -= get_cwidth(text) + 2
        if left <= 0:
            break
    return [*row[:-1], (QUIET, "\n")] if row else []
