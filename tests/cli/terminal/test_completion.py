"""What the Tab key offers."""

import pytest

from cli.terminal.completion import MOST, candidates
from cli.terminal.input import COMMANDS
from cli.terminal.rooms import Rooms


@pytest.mark.parametrize(
    ("before", "texts"),
    [
        ("", []),
        ("/n", ["/nick "]),
        ("/L", ["/leave ", "/lift "]),
        ("/q", ["/quiet", "/quit"]),
        ("//", []),
        ("/join o", ["ops", "old"]),
        ("/leave O", ["ops"]),
        ("/who ", ["lobby", "ops"]),
        ("/part o", ["ops"]),
        ("/hush o", ["ops"]),
        ("/ignore b", ["bo ", "Bob.2 "]),
        ("/help hi", ["highlight"]),
        ("/help /HU", ["/hush"]),
        ("b", ["bo: ", "Bob.2: "]),
        ("@b", ["bo: ", "Bob.2: "]),
        ("well,b", ["bo ", "Bob.2 "]),
        ("one\ntwo BOB.", ["Bob.2 "]),
        ("/me sees bob", ["Bob.2 "]),
        ("a", []),  # our own nick
        ("b ", []),
        ("/search x y", []),
        ("/search in:o", ["ops "]),
        ("/search disk IN:", ["lobby ", "ops "]),
        ("/search from:b", ["bo ", "Bob.2 "]),
        ("/search in:ops from:BO", ["bo ", "Bob.2 "]),
        ("/searching in:o", []),
    ],
)
def test_tab_offers_what_fits_before_the_cursor(rooms: Rooms, before: str, texts: list[str]) -> None:
    found = candidates(before, rooms, "alice")
    assert [candidate.text for candidate in found] == texts
    for candidate in found:
        start = before[len(before) - candidate.length :]
        assert candidate.text.casefold().startswith(start.casefold())


def test_rooms_that_the_server_has_listed_are_offered_to_join(rooms: Rooms) -> None:
    rooms.note_others(["office", "ops", "old"])  # two of which were known
    assert [each.text for each in candidates("/join o", rooms, "me")] == ["ops", "old", "office"]
    assert [each.text for each in candidates("/leave o", rooms, "me")] == ["ops"]
    rooms.note_others(["outpost"])
    assert [each.text for each in candidates("/join o", rooms, "me")] == ["ops", "old", "outpost"]


def test_all_commands_are_offered_and_a_bounded_number_of_nicks(rooms: Rooms) -> None:
    assert [candidate.shown for candidate in candidates("/", rooms, "me")] == list(COMMANDS)
    assert rooms.current is not None
    rooms.current.nicks.add(f"n{number}" for number in range(1_000))
    assert len(candidates("n", rooms, "me")) == MOST
    rooms.current = None
    assert candidates("n", rooms, "me") == []
