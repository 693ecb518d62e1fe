"""What is remembered goes along when a server's address changes."""

from pathlib import Path

import pytest

from chatcore import UsageError
from cli.access.links import address
from cli.state.lock import SlotLock
from cli.state.moving import move_slots
from cli.state.remembered import Draft, UnsentLine
from cli.state.slots import Slots

OLD, NEW = address("chat://a"), address("chat://c,b:7025,a")


def line(id_: str) -> UnsentLine:
    return UnsentLine(id_, "ops", None, f"text {id_}", 0.0)


@pytest.mark.parametrize("account", [False, True])
def test_a_slot_moves_with_all_that_is_in_it(tmp_path: Path, account: bool) -> None:
    slot = Slots(tmp_path, OLD, "ada", account=account).take()
    slot.write({"session": "secret"}, line("1").record(), Draft("ops", "half").record(), {"newer": 1})
    slot.close()
    assert move_slots(tmp_path, OLD, NEW) == 1
    moved = Slots(tmp_path, NEW, "ada", account=account).take()
    assert (moved.remembered.session, moved.remembered.unsent) == ("secret", {"1": line("1")})
    assert moved.remembered.header.server == NEW
    moved.close()
    assert {path.name.split("-")[0] for path in tmp_path.glob("*.jsonl")} == {"a"}
    assert len(list(tmp_path.glob("*.jsonl"))) == 1
    assert move_slots(tmp_path, OLD, NEW) == 0


def test_what_was_not_sent_is_added_to_what_is_there_already(tmp_path: Path) -> None:
    for server, id_ in ((OLD, "1"), (NEW, "2")):
        slot = Slots(tmp_path, server, "ada", account=False).take()
        slot.write({"session": f"secret {id_}"}, line(id_).record())
        slot.close()
    move_slots(tmp_path, OLD, NEW)
    here = Slots(tmp_path, NEW, "ada", account=False).take()
    assert here.remembered.session == "secret 2"
    assert set(here.remembered.unsent) == {"1", "2"}
    here.close()


def test_a_slot_that_is_used_stays_and_so_do_the_others(tmp_path: Path) -> None:
    first = Slots(tmp_path, OLD, "ada", account=False).take()
    second = Slots(tmp_path, OLD, "bob", account=False).take()
    second.close()
    before = {path.name for path in tmp_path.glob("*.jsonl")}
    with pytest.raises(UsageError, match="is running"):
        move_slots(tmp_path, OLD, NEW)
    assert {path.name for path in tmp_path.glob("*.jsonl")} == before
    first.close()


def test_no_lock_is_left(tmp_path: Path) -> None:
    slot = Slots(tmp_path, OLD, "ada", account=False).take()
    slot.close()
    move_slots(tmp_path, OLD, NEW)
    for path in tmp_path.glob("*.lock"):
        lock = SlotLock.take(path)
        assert lock is not None
        lock.release()
