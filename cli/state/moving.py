"""What clients remember of a server goes along when its address changes, as when it gets another node.

All slots concerned are locked, so none is moved that a client uses. A slot is written at its new place before
it is removed at the old one. Where there are slots already, it goes after them: the next client there takes
over what was not sent, as it does from any slot that is free.
"""

from pathlib import Path

from cli.state.file import SlotFile, read_records
from cli.state.records import Record
from cli.state.reset import held_slots
from cli.state.slots import Slots

__all__ = ["move_slots"]


def move_slots(directory: Path, old: str, new: str) -> int:
    """Move what is remembered of a server to another address of it, in full; return how many slots that are.

    Raises `UsageError` if a client uses one, and `OSError`.
    """
    with held_slots(directory, old) as slots:
        moved = [slot for slot in slots if slot.path.exists()]
        for slot in moved:
            who = slot.remembered.header.who
            account = Slots(directory, old, who, account=True).has(slot.path)
            path, lock = Slots(directory, new, who, account=account).new_place()
            try:
                file = SlotFile(path)
                file.rewrite(_at(new, record) for record in read_records(slot.path))
                slot.remove()
            finally:
                lock.release()
        return len(moved)


def _at(server: str, record: Record) -> Record:
    """Return a record with another server, if it has one."""
    return {**record, "server": server} if "server" in record else record
