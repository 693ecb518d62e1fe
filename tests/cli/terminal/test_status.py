"""The rows above the prompt."""

import pytest

from chatcore import Joined
from cli.terminal.rooms import Rooms
from cli.terminal.status import status_rows
from tests.cli.terminal.drawn import text_of


def row(rooms: Rooms, columns: int, notices: tuple[str, ...] = (), unsent: tuple[str, ...] = ()) -> str:
    text = text_of(status_rows(rooms, notices, unsent, columns))
    assert all(len(line) <= columns for line in text.split("\n"))
    return text


def test_the_status_row_shows_unread_rooms_and_is_otherwise_absent(rooms: Rooms) -> None:
    assert row(Rooms(), 80) == ""
    assert row(rooms, 80) == "[1:lobby]  2:ops\n"
    for room in rooms:
        room.unread = 1_000 * room.number
    (_, ops) = rooms
    ops.mentions = 1
    assert row(rooms, 80, ("offline",)) == "offline  [1:lobby]  2:ops 2,000!\n"


@pytest.mark.parametrize("columns", [8, 20, 30, 50])
def test_the_status_row_fits_the_screen_and_shows_what_matters_most(columns: int) -> None:
    rooms = Rooms()
    for number in range(20):
        rooms.enter(Joined(room=f"room{number}", epoch="e", head=0, after=0, count=1))
    rooms.current = rooms.get("room7")
    dev = rooms.get("room12")
    assert dev is not None
    dev.unread = dev.mentions = 1
    text = row(rooms, columns, (), ("x" * 200, "漢" * 100, "a\nb\x1b[2J", "4", "5"))
    assert "and 2 more" in text or columns < 20
    assert "[8:ro" in text
    if columns >= 30:
        assert "13:room12 1!" in text
        assert text.splitlines()[-1].endswith(("  +18", "  +17", "  +16", "  +15"))
        assert "␛" in text
