"""What records mean together, and that they survive being written again."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatcore import UsageError, fold
from cli.state.records import Record, encode, scan
from cli.state.remembered import (
    MOST_DRAFT_CHARS,
    Draft,
    Header,
    Mention,
    OtherRoom,
    Remembered,
    RoomMark,
    UnsentLine,
)

HEADER = Header("chat://127.0.0.1:7024", "ada")
NOW = datetime(2026, 11, 25, 18, 2, tzinfo=UTC)

rooms = st.sampled_from(["lobby", "Lobby", "ops", "attic"])
epochs = st.sampled_from(["e", "f"])
numbers = st.integers(0, 9)
texts = st.text(max_size=9)
marks = st.builds(RoomMark, rooms, numbers, epochs, numbers, st.just(NOW))
lines = st.builds(
    UnsentLine,
    st.sampled_from("123"),
    rooms,
    st.sampled_from([None, "action"]),
    texts,
    st.floats(0, 1e9),
    st.none() | st.tuples(epochs, numbers),
)
records: st.SearchStrategy[Record] = st.one_of(
    marks.map(RoomMark.record),
    lines.map(UnsentLine.record),
    st.builds(Draft, rooms, texts).map(Draft.record),
    st.builds(Mention, rooms, epochs, numbers, texts, texts).map(Mention.record),
    st.builds(lambda room: {"room": room, "left": True}, rooms),
    st.builds(OtherRoom, rooms, numbers).map(OtherRoom.record),
    st.just({"others": "shown"}),
    st.builds(lambda id_: {"settled": id_}, st.sampled_from("123")),
    st.builds(lambda id_, room: {"settled": id_, "room": room}, st.sampled_from("1234"), rooms),
    st.builds(lambda nick: {"nick": nick}, texts),
    st.builds(lambda room: {"current": room}, rooms),
    st.builds(lambda secret: {"session": secret}, texts),
    st.builds(lambda room, on: {"muted": room, "on": on}, rooms, st.booleans()),
    st.builds(lambda word, on: {"highlight": word, "on": on}, st.sampled_from("xy"), st.booleans()),
    st.builds(lambda nick, on: {"ignored": nick, "on": on}, st.sampled_from(["Bob", "bob"]), st.booleans()),
    st.just(Header("chat://127.0.0.1:7024", "ada", 5.0).record()),
    st.sampled_from([{}, {"new": 1}, {"room": "ops"}, {"unsent": "1"}, {"mention": "ops", "seq": []}]),
)


def loaded(made_of: list[Record]) -> Remembered:
    remembered = Remembered(HEADER)
    remembered.apply(scan(b"".join(map(encode, made_of)))[0])
    return remembered


class Model:
    """The same as `Remembered` means it, said in another way: by looking at the whole history each time."""

    def __init__(self, history: list[Record]) -> None:
        self.history = history

    def last(self, key: str) -> Any:
        return next((record[key] for record in reversed(self.history) if key in record), None)

    def rooms(self) -> dict[str, int]:
        found: dict[str, int] = {}
        for record in self.history:
            if "number" in record:
                found[fold(record["room"])] = record["read"]
            elif record.get("left"):
                found.pop(fold(record["room"]), None)
        return found

    def names(self, kind: str) -> set[str]:
        last = {fold(record[kind]): record["on"] for record in self.history if kind in record}
        return {name for name, on in last.items() if on}

    def unsent(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for record in self.history:
            if "typed" in record:
                found[record["unsent"]] = record["text"]
            found.pop(record.get("settled", ""), None)
        return found

    def drafts(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for record in self.history:
            if "draft" in record:
                found[fold(record["room"])] = record["draft"]
            elif record.get("left"):
                found.pop(fold(record["room"]), None)
        return {room: text for room, text in found.items() if text}


@given(st.lists(records, max_size=30))
def test_what_is_loaded_is_what_was_written(history: list[Record]) -> None:
    remembered, model = loaded(history), Model(history)
    assert {name: mark.read for name, mark in remembered.rooms.items()} == model.rooms()
    assert {id_: line.text for id_, line in remembered.unsent.items()} == model.unsent()
    assert {name: draft.text for name, draft in remembered.drafts.items()} == model.drafts()
    assert remembered.session == model.last("session")
    assert not remembered.unsent.keys() & remembered.settled.keys()
    assert (set(remembered.muted), set(remembered.ignored)) == (model.names("muted"), model.names("ignored"))


@given(st.lists(records, max_size=30))
def test_it_is_the_same_when_it_was_written_again(history: list[Record]) -> None:
    remembered = loaded(history)
    assert loaded(list(remembered.records())) == remembered
    assert loaded([*remembered.records(), *remembered.records()]) == remembered


@given(st.lists(records, max_size=30))
def test_no_mention_stays_that_was_read(history: list[Record]) -> None:
    remembered = loaded(history)
    for (room, seq), mention in remembered.mentions.items():
        mark = remembered.rooms.get(room)
        assert mark is None or mark.epoch != mention.epoch or mark.read < seq


def test_a_mention_stays_until_its_room_is_read() -> None:
    mention = Mention("ops", "e", 7, "bob", "ada!" * 100)
    mark = RoomMark("ops", 2, "e", 6, NOW)
    remembered = loaded([mark.record(), mention.record()])
    assert [each.seq for each in remembered.mentions_in("OPS")] == [7]
    assert len(remembered.mentions_in("ops")[0].text) == 200
    remembered.apply([RoomMark("ops", 2, "e", 7, NOW).record()])
    assert remembered.mentions_in("ops") == []


def test_everything_has_a_bound() -> None:
    many = range(1_000)
    remembered = loaded(
        [
            *(RoomMark(f"r{n}", n, "e", 0, NOW).record() for n in many),
            *(Mention("r1", "e", n + 1, "bob", "ada").record() for n in many),
        ]
    )
    assert (len(remembered.rooms), len(remembered.mentions)) == (256, 200)
    assert ("r1", 1_000) in remembered.mentions


def test_a_newer_version_is_not_read() -> None:
    with pytest.raises(UsageError, match="newer version"):
        loaded([HEADER.record() | {"v": 2}])


def test_no_secret_is_in_a_repr() -> None:
    assert "secret" not in repr(loaded([{"session": "secret"}]))


def test_of_too_much_text_in_drafts_the_oldest_goes() -> None:
    long = "x" * MOST_DRAFT_CHARS
    remembered = loaded([Draft(room, long).record() for room in "abcd"])
    remembered.apply([Draft("a", f"{long} cut").record(), Draft("e", "y").record()])
    assert list(remembered.drafts) == ["c", "d", "a", "e"]
    assert len(loaded(list(remembered.records())).drafts) == 4


def test_rooms_that_only_others_were_in_are_handed_on() -> None:
    ours, first, second = loaded([]), loaded([]), loaded([])
    ours.apply([RoomMark("lobby", 1, "e", 0, NOW).record()])
    for room in ("Dev", "attic", "lobby"):
        first.apply([RoomMark(room, 1, "e", 0, NOW).record()])
    first.apply([Mention("dev", "e", seq, "bob", "ada?").record() for seq in (1, 2)])
    second.apply([OtherRoom("dev", 1).record(), RoomMark("attic", 1, "e", 0, NOW).record()])
    for other in (first, second):
        ours.take_over(other)
    assert list(ours.others.values()) == [OtherRoom("Dev", 2), OtherRoom("attic", 0)]
