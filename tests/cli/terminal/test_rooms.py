"""The rooms that we are in."""

from chatcore import Joined
from cli.terminal.rooms import Rooms


def test_a_room_keeps_its_number_and_a_new_one_gets_the_lowest_free_number(rooms: Rooms) -> None:
    rooms.enter(Joined(room="dev", epoch="e", head=0, after=0, count=1))
    rooms.leave("lobby")
    assert [(room.number, room.name) for room in rooms] == [(2, "ops"), (3, "dev")]
    rooms.enter(Joined(room="Old", epoch="e", head=0, after=0, count=1))
    assert [(room.number, room.name) for room in rooms] == [(1, "Old"), (2, "ops"), (3, "dev")]
    assert rooms.numbered(2) is rooms.get("OPS")
    assert rooms.numbered(4) is None
