"""Drafts to many rooms that are submitted together: each room goes on as if it were alone."""

from chatcore.journal import Conflict, Draft
from tests.journal.contract.harness import Harness, numbers

ROOMS = [f"room-{n}" for n in range(300)]

ODD_ROOMS = ["007", "1e5", "0x1f", "null", "true", "-1", ".", "_", "-", "a.b", "x" * 64]
ODD_IDS = ["7", "null", '"', "\\", "'", "\\u0041", "[1]", '{"a":1}', "1e5", " ", "%s", "?1", "~" * 64]


def drafts(id_: str, text: str = "hi") -> list[Draft]:
    """Return a draft for each room, all with one id."""
    return [Draft(room, id_, "ana", text) for room in ROOMS]


def test_each_of_many_rooms_goes_on_from_its_own_head(harness: Harness) -> None:
    numbers(harness.submit(*drafts("1")[::2]))
    numbers(harness.submit(*drafts("2"), *drafts("3")))
    chains: dict[str, list[int]] = {}
    for message in harness.wait_for(150 + 600):
        chain = chains.setdefault(message.room, [0])
        assert message.prev == chain[-1]
        chain.append(message.seq)
    assert [len(chains[room]) for room in ROOMS] == [4, 3] * 150
    assert [harness.head(room) for room in ROOMS[:10]] == [chains[room][-1] for room in ROOMS[:10]]


def test_ids_are_known_in_each_of_many_rooms(harness: Harness) -> None:
    first = numbers(harness.submit(*drafts("1")[::2]))
    outcomes = harness.submit(*drafts("1"), *drafts("1", "another text"))
    assert outcomes[:300:2] == first
    assert outcomes[300:] == [Conflict()] * 300
    assert [message.room for message in harness.wait_for(300)[150:]] == ROOMS[1::2]


def test_a_removed_room_goes_on_beside_others(harness: Harness) -> None:
    first = numbers(harness.submit(*drafts("1")))
    for room in ROOMS[:3]:
        assert harness.remove(room)
    assert harness.submit(*drafts("1")) == first  # ids are remembered, and bring no room back
    assert [record.room for record in harness.rooms(limit=300).rooms] == sorted(ROOMS[3:])
    second = numbers(harness.submit(*drafts("2")))
    assert all(seq > before for seq, before in zip(second, first, strict=True))
    assert [record.room for record in harness.rooms(limit=300).rooms] == sorted(ROOMS)
    assert [stored.seq for stored in harness.read(ROOMS[0]).messages] == second[:1]


def test_names_and_ids_that_look_like_something_else_are_only_text(harness: Harness) -> None:
    odd = [Draft(room, id_, "ana", "hi") for room in ODD_ROOMS for id_ in ODD_IDS]
    first = numbers(harness.submit(*odd))
    assert harness.submit(*odd) == first
    found = [(message.room, message.id) for message in harness.wait_for(len(odd))]
    assert found == [(draft.room, draft.id) for draft in odd]
    assert [record.room for record in harness.rooms().rooms] == sorted(ODD_ROOMS)
