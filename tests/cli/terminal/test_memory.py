"""When the client writes down what was read, and what it must know when the power is cut."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Any

import pytest

from chatcore import Joined
from cli.state.file import read_records
from cli.state.slots import Slots
from cli.terminal import memory as module
from cli.terminal.rooms import Rooms
from tests.cli.processes import CHAT
from tests.cli.pty import in_terminal


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


def test_the_secret_is_on_the_disk_before_a_server_hears_of_it(tmp_path: Path) -> None:
    """A server that does not see that we are gone keeps our nick for whoever has the secret."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(20)
        url = f"chat://127.0.0.1:{server.getsockname()[1]}"
        argv = (CHAT, "client", url, "--nick", "ada")
        with in_terminal(*argv, XDG_STATE_HOME=str(tmp_path), CHAT_CLIENT_REMEMBER="1"):
            connection, _ = server.accept()
            with connection, connection.makefile("rb") as lines:
                hello = json.loads(lines.readline())
                (slot,) = (tmp_path / "chatcore" / "state").glob("*.jsonl")
                assert {"session": hello["session"]} in read_records(slot)
                assert len(hello["session"]) >= 32  # or a server would give out another one
