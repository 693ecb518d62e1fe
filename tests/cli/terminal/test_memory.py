"""When the client writes down what was read."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from chatcore import Joined
from cli.state.slots import Slots
from cli.terminal import memory as module
from cli.terminal.rooms import Rooms


def test_what_was_read_is_written_a_moment_later_though_nothing_else_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.READ_SECONDS == 10.0
    monkeypatch.setattr(module, "READ_SECONDS", 0.05)
    slot = Slots(tmp_path / "state", "chat://127.0.0.1:1", "ada", account=False).take()
    memory, rooms = module.Memory(slot), Rooms()
    room = rooms.enter(Joined(room="ops", epoch="e", head=5, after=5, count=1))

    async def read() -> None:
        written, write = asyncio.Event(), slot.write

        def noted(*records: Any, sync: bool = False) -> Any:
            written.set()
            return write(*records, sync=sync)

        memory.note_rooms(rooms)
        monkeypatch.setattr(slot, "write", noted)
        room.advance(6)
        room.see()
        memory.note_reading(rooms)
        memory.note_reading(rooms)
        assert not written.is_set()
        async with asyncio.timeout(10):
            await written.wait()
        assert slot.remembered.rooms["ops"].read == 6

    asyncio.run(read())
    memory.close()
