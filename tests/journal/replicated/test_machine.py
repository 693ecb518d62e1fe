"""What an entry does to the state: the rules of version 1, each on its own."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import chatcore
from chatcore import names
from chatcore.journal import Conflict
from chatcore.journal.replicated import machine as machine_module
from chatcore.journal.replicated.machine import DRAFTS, SLOTS
from chatcore.journal.replicated.state import RecordLimits
from chatcore.replication import LogEntry, fence
from chatcore.replication import machine as fenced_machine
from chatcore.replication.fence import ReadDigest, UnknownVersion
from chatcore.replication.state import DIGESTS
from tests.journal.replicated.entries import entry
from tests.journal.replicated.machines import BEGIN, Applier, opened

HOUR = 3600.0


@pytest.fixture
def applier(tmp_path: Path) -> Iterator[Applier]:
    """A machine that has applied nothing."""
    with opened(tmp_path / "state.db") as applier:
        yield applier


# --- numbers and ids -----------------------------------------------------------------------------


def test_a_number_is_that_of_the_entry_and_the_index_in_it(applier: Applier) -> None:
    assert applier.post("1", "2").outcomes == [SLOTS, SLOTS + 1]
    assert applier.take(b"not ours").void
    again = applier.post("2", "3")
    assert again.outcomes == [SLOTS + 1, 3 * SLOTS + 1]
    (message,) = again.messages
    assert (message.seq, message.prev) == (3 * SLOTS + 1, SLOTS + 1)


def test_an_id_decides_by_what_was_posted_within_an_entry_and_across(applier: Applier) -> None:
    draft = ["lobby", "1", "ana", "hi", "action", None, "ana@example.org", [None, None, "damn"]]
    (first,) = applier.do({"drafts": [draft]}).outcomes
    same, other = ["lobby", "1", "bob", "damn"], ["lobby", "1", "bob", "hi"]
    assert applier.do({"drafts": [same, other, same]}, "n2").outcomes == [first, Conflict(), first]


def test_the_file_is_another_kind_than_a_journal(tmp_path: Path) -> None:
    with opened(tmp_path / "state.db"):
        pass
    with pytest.raises(chatcore.JournalError, match="another program"):
        chatcore.check_journal(tmp_path / "state.db")


# --- which entries count -------------------------------------------------------------------------


def test_a_void_entry_changes_nothing_but_the_position(applier: Applier) -> None:
    applier.post("1")
    late = entry({"drafts": [["lobby", "2", "ana", "hi"]]}, node="n1", number=7)
    applied = applier.take(late)
    assert (applied.void, applied.outcomes, applied.node, applied.number) == (True, [], "n1", 7)
    assert applier.stored() == [SLOTS]
    assert applier.machine.header.position == 2


POST = ["lobby", "1", "ana", "hi"]

NOT_OURS: list[dict[str, Any]] = [
    {},
    {"drafts": None},
    {"drafts": {}},
    {"drafts": [], "remove": "lobby"},
    {"drafts": [], "more": 1},
    {"drafts": [POST] * (DRAFTS + 1)},
    {"drafts": [POST[:3]]},
    {"drafts": [[*POST, None]]},
    {"drafts": [[*POST, None, None, None, None, None]]},
    {"drafts": [["Lobby", *POST[1:]]]},
    {"drafts": [["lobby\n", *POST[1:]]]},
    {"drafts": [["", *POST[1:]]]},
    {"drafts": [["r" * 65, *POST[1:]]]},
    {"drafts": [["lobby", "\u00e4", "ana", "hi"]]},
    {"drafts": [["lobby", "i" * 65, "ana", "hi"]]},
    {"drafts": [["lobby", "1", 'a"b', "hi"]]},
    {"drafts": [["lobby", "1", "ana", ""]]},
    {"drafts": [["lobby", "1", "ana", "a\x07"]]},
    {"drafts": [["lobby", "1", "ana", "\ud800"]]},
    {"drafts": [["lobby", "1", "ana", 1]]},
    {"drafts": [[*POST, 'x"', None, None, None]]},
    {"drafts": [[*POST, None, 0, None, None]]},
    {"drafts": [[*POST, None, True, None, None]]},
    {"drafts": [[*POST, None, 2**53, None, None]]},
    {"drafts": [[*POST, None, None, 7, None]]},
    {"drafts": [[*POST, None, None, None, ["a"]]]},
    {"drafts": [[*POST, None, None, None, [None, None, None]]]},
    {"remove": ["lobby"]},
    {"remove": "LOBBY"},
    {"limits": {"history_messages": 0}},
    {"limits": {"history_messages": 1.5}},
    {"limits": {"history_messages": True}},
    {"limits": {"dedupe_seconds": None}},
    {"limits": {"dedupe_seconds": float("nan")}},
    {"limits": {"dedupe_seconds": float("inf")}},
    {"limits": {"history_seconds": -1}},
    {"limits": {"tail_bytes": 5}},
    {"epoch": ""},
    {"epoch": "a b"},
]


@pytest.mark.parametrize("content", NOT_OURS, ids=lambda content: repr(content)[:60])
def test_an_entry_is_void_as_a_whole_if_any_of_it_is_not_what_it_may_be(
    applier: Applier, content: dict[str, Any]
) -> None:
    applier.post("0")
    before = applier.machine.header.limits, applier.machine.header.epoch
    data = entry(content, node="n1", number=1) if "\\ud800" not in repr(content) else SURROGATE
    assert applier.take(data).void
    assert applier.stored() == [SLOTS]
    assert (applier.machine.header.limits, applier.machine.header.epoch) == before
    assert not applier.post("2").void  # its number was not used


SURROGATE = b'{"v":1,"node":"n1","term":0,"number":1,"seen":[0,""],"drafts":[["lobby","1","ana","\\ud800"]]}'


def test_names_that_count_are_those_that_may_be_used() -> None:
    room = names.ROOM_PATTERN.replace("A-Z", "")
    patterns = [pattern.removeprefix("^").removesuffix("$") for pattern in (room, names.POST_ID_PATTERN)]
    patterns.append(names.NICK_PATTERN[1:-1])
    assert machine_module._NAMES.pattern.split(r"\n") == patterns


# --- versions and forks --------------------------------------------------------------------------


def test_an_entry_of_another_version_stops_everything_and_changes_nothing(applier: Applier) -> None:
    applier.post("1")
    header = applier.machine.header
    with pytest.raises(UnknownVersion):
        applier.do({"drafts": []}, version=2)
    assert applier.machine.header == header
    assert applier.file.header() == header


@pytest.mark.parametrize("seen", [(1, "0" * 32), (0, "0"), (2, "1"), (9, "")])
def test_an_entry_whose_node_has_read_something_else_is_void_and_the_log_forked(
    applier: Applier, seen: tuple[int, str]
) -> None:
    applier.post("1")
    before = ReadDigest(1, applier.machine.header.digest)
    assert not applier.do({"drafts": []}, seen=before).forks
    applied = applier.do(
        {"drafts": [["lobby", "2", "ana", "hi"]]}, seen=ReadDigest(seen[0] + (seen[0] > 1), seen[1])
    )
    assert applied.void
    assert applied.forks
    assert applier.stored() == [SLOTS]
    assert applier.file.header().forked.startswith("entry 3 is of a server that has read ")
    assert not applier.post("3").void  # posts of others count as before
    assert applier.file.header().forked


def test_a_fork_ends_where_an_epoch_begins_with_a_node_that_has_read_the_same(applier: Applier) -> None:
    applier.post("1")
    seen = ReadDigest(1, applier.machine.header.digest)
    applier.do({"drafts": []}, seen=ReadDigest(1, "0"))
    assert applier.do({"epoch": "theirs"}, seen=ReadDigest(1, "0")).void
    assert applier.machine.header.forked
    assert applier.do({"epoch": "ours"}, seen=seen).begins_epoch
    assert (applier.file.header().forked, applier.file.epoch()) == ("", "ours")


def test_digests_are_compared_as_long_as_they_are_kept(applier: Applier) -> None:
    file = applier.file
    for position in range(1, DIGESTS + 2):
        file.keep_digest(position, f"{position:032x}")
    assert file.digest_at(1) is None
    assert file.digest_at(2) == f"{2:032x}"
    assert file.digest_at(DIGESTS + 1) == f"{DIGESTS + 1:032x}"


def test_an_entry_that_comes_again_is_recognised_and_another_in_its_place_is_not(applier: Applier) -> None:
    applier.post("1")
    data = entry({"drafts": []}, node="n2")
    applier.take(data)
    at = round(applier.now * 1_000_000)
    assert applier.machine.recognise(LogEntry(2, at, data))
    assert not applier.machine.recognise(LogEntry(2, at, data + b" "))
    assert not applier.machine.recognise(LogEntry(2, at + 1, data))


# --- times ---------------------------------------------------------------------------------------


def test_times_are_those_of_the_log_and_never_decrease_in_a_room(applier: Applier) -> None:
    applier.post("1", room="a")
    applier.now -= HOUR
    applier.post("2", room="a")
    applier.post("3", room="b")
    rooms = dict(applier.file.all_rooms())
    assert rooms["a"].at == BEGIN + 1
    assert rooms["b"].at == BEGIN + 3 - HOUR
    assert applier.machine.header.now == (BEGIN + 1) * 1_000_000


@pytest.mark.parametrize("at", [-1, 0, 2**62])
def test_a_time_that_no_message_can_show_stops_nothing(applier: Applier, at: int) -> None:
    data = entry({"drafts": [POST]})
    with applier.file.transaction():
        applied = applier.machine.apply(LogEntry(1, at, data))
    assert applied.outcomes == [SLOTS]


# --- what is forgotten ---------------------------------------------------------------------------


def test_limits_are_changed_by_entries_and_hold_at_once(applier: Applier) -> None:
    applier.post(*map(str, range(20)))
    applier.do({"limits": {"history_messages": 5}})
    assert applier.stored() == [SLOTS + n for n in range(15, 20)]
    applier.post("20")
    assert len(applier.stored()) == 5
    assert applier.file.header().limits == RecordLimits(history_messages=5)


def test_a_room_keeps_its_newest_message_whatever_the_sizes_say(applier: Applier) -> None:
    applier.do({"limits": {"history_bytes": 1}})
    applier.post("1", "2", text="x" * 100)
    assert len(applier.stored()) == 1


def test_what_is_too_old_goes_within_a_minute_of_the_log_in_silent_rooms_too(applier: Applier) -> None:
    applier.do({"limits": {"history_seconds": HOUR}})
    applier.post("1", room="silent")
    applier.now += HOUR - 30
    applier.post("2")
    assert applier.stored("silent")
    applier.now += 90
    applier.do({"drafts": []})
    assert not applier.stored("silent")
    assert applier.stored()


def test_ids_are_forgotten_by_the_time_of_the_log(applier: Applier) -> None:
    applier.do({"limits": {"history_messages": 1, "dedupe_seconds": 100}})
    applier.post("1", "2")
    (again,) = applier.post("1").outcomes
    assert again == 2 * SLOTS
    applier.now += 101
    (outcome,) = applier.post("1", text="another").outcomes
    assert outcome == 4 * SLOTS


def test_a_node_that_is_not_heard_of_for_a_day_is_forgotten(applier: Applier) -> None:
    applier.post("1", node="old")
    applier.now += 24 * HOUR + 61
    applier.post("2", node="new")
    assert applier.file.producer("old") is None
    assert applier.file.producer("new") == (0, 1)


def test_a_removed_room_keeps_its_head_and_a_second_removal_finds_none(applier: Applier) -> None:
    applier.post("1", "2")
    assert applier.do({"remove": "lobby"}).removed is True
    assert applier.do({"remove": "lobby"}).removed is False
    assert applier.do({"remove": "elsewhere"}).removed is False
    room = applier.file.room("lobby")
    assert room is not None
    assert (room.head, room.removed) == (SLOTS + 1, True)


def test_an_epoch_begins_with_an_entry_and_numbers_go_on(applier: Applier) -> None:
    applier.post("1")
    assert applier.do({"epoch": "second"}).begins_epoch
    assert applier.file.epoch() == "second"
    assert applier.post("2").messages[0].prev == SLOTS


# --- what it depends on --------------------------------------------------------------------------

PURE = {
    "abc",
    "ast",
    "collections.abc",
    "dataclasses",
    "datetime",
    "hashlib",
    "json",
    "re",
    "typing",
    "chatcore.encoding",
    "chatcore.journal",
    "chatcore.journal.replicated.state",
    "chatcore.journal.sqlite.backlog",
    "chatcore.journal.sqlite.rooms",
    "chatcore.journal.sqlite.seal",
    "chatcore.journal.sqlite.statements",
    "chatcore.messages",
    "chatcore.replication",
    "chatcore.replication.fence",
    "chatcore.replication.machine",
    "chatcore.replication.state",
}
"""What the machine may import: nothing of it knows a time of day, a limit of a server, or chance."""


@pytest.mark.parametrize(
    "module", [machine_module, fenced_machine, fence], ids=lambda module: module.__name__
)
def test_what_decides_reads_nothing_but_the_entry_and_the_state(module: Any) -> None:
    tree = ast.parse(Path(module.__file__).read_text("utf-8"))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    assert imported - PURE == set()
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not called & {"hash", "id", "open", "set", "frozenset", "datetime.now", "datetime.utcnow"}
    assert not [
        node for node in ast.walk(tree) if isinstance(node, ast.Set | ast.SetComp) and module is not fence
    ]
