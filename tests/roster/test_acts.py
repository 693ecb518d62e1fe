"""How large entries get."""

import json

import pytest

from chatcore.names import NICK_CHARS
from chatcore.replication.fence import ENTRY_BYTES, Frame, ReadDigest, write_frame
from chatcore.roster.acts import (
    ACTS,
    ROW_ROOMS,
    Act,
    Claim,
    Enter,
    Exit,
    Forget,
    Kick,
    Part,
    Release,
    Rename,
    Row,
    bytes_of,
    content_of,
    read_content,
)
from chatcore.roster.machine import VERSION

NUMBER = 2**53 - 1
PROOF = "f" * 32
NICK = "n" * NICK_CHARS
ROOM = "r" * 64
LARGEST_ROW = Row(PROOF, NUMBER, NUMBER, (ROOM,) * ROW_ROOMS, f"{PROOF}.{'9' * 20}", NICK, NUMBER, NICK, NICK)
LARGEST_ACTS = (
    Claim(PROOF, PROOF, False, NICK, NICK, False, NUMBER, NUMBER),
    Release(PROOF, NUMBER, NUMBER),
    Forget(PROOF),
    Rename(PROOF, NICK, False),
    Enter(PROOF, ROOM),
    Exit(PROOF, ROOM),
    Kick(NICK, ROOM),
)


def entry(content: list[Act] | Part) -> bytes:
    """Return an entry with the longest of all that is around its content."""
    frame = Frame("n" * 64, NUMBER, NUMBER, ReadDigest(NUMBER, "f" * 32), content_of(content))
    return write_frame(VERSION, frame)


@pytest.mark.parametrize("act", LARGEST_ACTS, ids=lambda act: type(act).__name__.lower())
def test_so_many_acts_fit_into_an_entry(act: Act) -> None:
    data = entry([act] * ACTS)
    assert len(data) < ENTRY_BYTES / 16
    content = {"acts": json.loads(data)["acts"]}
    assert read_content(content) == [act] * ACTS


def test_a_row_with_the_most_rooms_fits_into_an_entry() -> None:
    data = entry(Part((LARGEST_ROW,), is_last=False))
    assert len(data) <= ENTRY_BYTES
    fields = json.loads(data)
    assert read_content({"roster": fields["roster"], "last": fields["last"]}) == Part((LARGEST_ROW,), False)


@pytest.mark.parametrize("rooms", [0, 1, 64, ROW_ROOMS])
def test_a_row_takes_no_more_than_is_counted(rooms: int) -> None:
    row = LARGEST_ROW._replace(rooms=(ROOM,) * rooms)
    taken = len(entry(Part((row, row), is_last=False))) - len(entry(Part((row,), is_last=False)))
    assert bytes_of(row) - 8 <= taken <= bytes_of(row)
