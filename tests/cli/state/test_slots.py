"""Whose slot is whose, also with several clients at once."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatcore import UsageError
from cli.state import file as slot_file
from cli.state.lock import SlotLock
from cli.state.remembered import Draft, Mention, OtherRoom, RoomMark, UnsentLine
from cli.state.slot import Slot
from cli.state.slots import Slots

SERVER = "chat://127.0.0.1:7024"
MARK = RoomMark("ops", 2, "e", 5, datetime(2026, 11, 25, 18, 2, tzinfo=UTC))


def line(id_: str) -> UnsentLine:
    return UnsentLine(id_, "ops", None, f"text {id_}", 0.0)


@pytest.fixture
def slots(tmp_path: Path) -> Slots:
    return Slots(tmp_path / "state", SERVER, "ada", account=False)


def test_what_was_written_is_there_the_next_time(slots: Slots, tmp_path: Path) -> None:
    slot = slots.take()
    slot.write({"session": "secret"}, MARK.record())
    slot.write(line("1").record(), sync=True).result(10)
    slot.close()
    again = slots.take()
    assert again.remembered.session == "secret"
    assert again.remembered.in_order() == [MARK]
    assert again.remembered.unsent == {"1": line("1")}
    again.close()
    state = tmp_path / "state"
    assert state.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in state.iterdir()} == {0o600}


def test_a_second_client_begins_in_the_rooms_of_the_first_and_has_nothing_else(slots: Slots) -> None:
    first = slots.take()
    first.write({"session": "secret"}, MARK.record(), {"current": "ops"}, Draft("ops", "half").record())
    first.write(line("1").record(), sync=True).result(10)
    second = slots.take()
    assert second.remembered.in_order() == [MARK]
    assert second.remembered.current == "ops"
    assert second.remembered.session is None
    assert not second.remembered.unsent
    assert not second.remembered.drafts
    second.write({"session": "other"}, {"room": "ops", "left": True})
    first.close()
    second.close()
    kept = slots.take()
    assert (kept.remembered.session, kept.remembered.in_order()) == ("secret", [MARK])
    kept.close()


def test_a_free_slot_hands_over_its_unsent_lines_and_is_removed(slots: Slots, tmp_path: Path) -> None:
    first, second, third = slots.take(), slots.take(), slots.take()
    first.write(line("1").record())
    second.write({"session": "other"}, line("2").record())
    third.write(line("3").record())
    for slot in (first, second):
        slot.close()
    again = slots.take()
    assert list(again.remembered.unsent) == ["1", "2"]
    assert again.remembered.session is None
    again.close()
    assert len(list((tmp_path / "state").glob("*.1.*"))) == 2
    assert not list((tmp_path / "state").glob("*.2.*"))
    third.close()
    last = slots.take()
    assert list(last.remembered.unsent) == ["1", "2", "3"]
    last.close()
    assert len(list((tmp_path / "state").iterdir())) == 2


def test_what_only_the_other_client_knew_is_handed_over(slots: Slots) -> None:
    first, second = slots.take(), slots.take()
    first.write(MARK.record(), Draft("lobby", "mine").record())
    mentions = [Mention(room, "e", seq, "bob", "ada?") for room, seq in (("ops", 5), ("ops", 6), ("dev", 6))]
    drafts = [Draft("Lobby", "not mine"), Draft("dev", "half")]
    dev = RoomMark("Dev", 3, "e", 5, MARK.read_at)
    second.write(MARK.record(), dev.record())
    second.write(*(mention.record() for mention in mentions), *(draft.record() for draft in drafts))
    first.close()
    second.close()
    again = slots.take()
    assert list(again.remembered.others.values()) == [OtherRoom("Dev", 1)]
    assert [draft.text for draft in again.remembered.drafts.values()] == ["mine", "half"]
    assert list(again.remembered.mentions) == [("ops", 6)]
    assert list(again.remembered.rooms) == ["ops"]
    again.close()
    last = slots.take()  # the start before could not say it
    assert list(last.remembered.others.values()) == [OtherRoom("Dev", 1)]
    assert len(last.remembered.drafts) == 2
    last.write({"others": "shown"})
    last.close()
    told = slots.take()
    assert told.remembered.others == {}
    told.close()


def test_slots_that_are_too_long_are_set_aside_by_their_owner_and_named(
    slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = slots.take(), slots.take()
    for slot in (first, second):
        slot.write(*(line(str(number)).record() for number in range(20)), sync=True).result(10)
    second.close()
    monkeypatch.setattr(slot_file, "MOST_BYTES", 1_000)
    third = slots.take()
    assert [path.name[-6:] for path in third.set_aside] == [".2.bad"]
    assert third.remembered.in_order() == []
    for slot in (third, first):
        slot.close()
    last = slots.take()
    assert [path.name[-6:] for path in last.set_aside] == [".1.bad"]
    assert last.remembered.is_empty
    last.close()


def test_clients_that_start_at_once_have_a_slot_each(slots: Slots) -> None:
    for _ in range(50):
        start, taken = threading.Barrier(3), list[Slot]()
        threads = [threading.Thread(target=_take, args=(slots, start, taken)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert len(taken) == 3
        for number, slot in enumerate(taken):
            slot.write(line(str(number)).record())
            slot.close()
    last = slots.take()
    assert sorted(last.remembered.unsent) == ["0", "1", "2"]
    last.close()


def _take(slots: Slots, start: threading.Barrier, taken: list[Slot]) -> None:
    start.wait(20)
    taken.append(slots.take())


def test_a_lock_that_was_removed_meanwhile_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "slot.lock"
    owner = SlotLock.take(path)
    assert owner is not None
    real: Callable[..., int] = os.open
    removals = iter([owner.remove])

    def open_before_it_is_removed(*args: object, **named: object) -> int:
        descriptor = real(*args, **named)
        for remove in removals:
            remove()
        return descriptor

    monkeypatch.setattr(os, "open", open_before_it_is_removed)
    lock = SlotLock.take(path)
    assert lock is not None
    assert path.exists()
    assert SlotLock.take(path) is None
    lock.release()


@pytest.mark.parametrize(
    ("server", "who", "account"),
    [
        ("chats://127.0.0.1:7024", "ada", False),
        ("chat://127.0.0.1:7025", "ada", False),
        ("chat://127.0.0.1:7024", "bob", False),
        ("chat://127.0.0.1:7024", "ada", True),
    ],
)
def test_nothing_is_shared_with_others(
    tmp_path: Path, slots: Slots, server: str, who: str, account: bool
) -> None:
    slot = slots.take()
    slot.write({"session": "secret"})
    slot.close()
    other = Slots(tmp_path / "state", server, who, account=account).take()
    assert other.remembered.session is None
    other.close()
    same = Slots(tmp_path / "state", SERVER, "ADA", account=False).take()
    assert same.remembered.session == "secret"
    same.close()


def test_a_directory_that_others_may_write_is_not_used(tmp_path: Path, slots: Slots) -> None:
    slots.take().close()
    (tmp_path / "state").chmod(0o777)
    with pytest.raises(UsageError, match="chmod go-w"):
        slots.take()


def test_what_cannot_be_written_is_reported_once_and_the_client_goes_on(
    slots: Slots, monkeypatch: pytest.MonkeyPatch
) -> None:
    slot, reported = slots.take(), list[OSError]()
    slot.on_failure(reported.append)

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        slot.write(line("1").record(), sync=True).result(10)
        slot.write(line("2").record(), sync=True).result(10)
    assert [error.errno for error in reported] == [28]
    assert list(slot.remembered.unsent) == ["1", "2"]
    slot.close()


def test_a_newer_slot_is_not_touched(slots: Slots, tmp_path: Path) -> None:
    from cli.state.records import encode

    slots.take().close()
    (path,) = (tmp_path / "state").glob("*.jsonl")
    path.write_bytes(encode({"v": 2}) + b"torn")
    with pytest.raises(UsageError, match="newer version"):
        slots.take()
    assert path.read_bytes().endswith(b"torn")
