"""When the client writes down what was read, and what it must know when the power is cut."""

import asyncio
import json
import socket
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from chatcore import Joined
from cli.state import file as slot_file
from cli.state.file import read_records
from cli.state.remembered import OtherRoom
from cli.state.slots import Slots
from cli.terminal import memory as module
from cli.terminal.entrance import describe_other_rooms
from cli.terminal.rooms import Rooms
from tests.cli.processes import CHAT
from tests.cli.pty import in_terminal
from transports.asyncio_tcp import Chat


def test_what_was_read_is_written_a_moment_later_though_nothing_else_comes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert module.READ_SECONDS == 10.0
    monkeypatch.setattr(module, "READ_SECONDS", 0.05)
    slot = Slots(tmp_path / "state", "chat://127.0.0.1:1", "ada", account=False).take()
    memory, rooms = module.Memory(slot, lambda: 5.0), Rooms()  # so no moment is over yet on a slow machine
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


def test_a_slot_that_was_too_long_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "state_directory", lambda: tmp_path / "state")
    for _ in range(2):
        memory, problem = module.open_memory("chat://127.0.0.1:1", "ada", account=False)
        assert problem is None
        memory.note_welcome("secret", 5.0)
        memory.close()
    monkeypatch.setattr(slot_file, "MOST_BYTES", 10)
    memory, problem = module.open_memory("chat://127.0.0.1:1", "ada", account=False)
    (aside,) = (tmp_path / "state").glob("*.bad")
    assert problem == (
        f"what was remembered had grown too long, and is no longer used; messages may be left in {aside}"
    )
    assert memory.is_kept
    memory.close()


def test_the_rooms_of_another_client_are_named_once_and_mentions_first(tmp_path: Path) -> None:
    slot = Slots(tmp_path / "state", "chat://127.0.0.1:1", "ada", account=False).take()
    slot.write(*(OtherRoom(f"room{number}", 0).record() for number in range(11)))
    slot.write(OtherRoom("only2", 1).record(), OtherRoom("both", 2).record(), OtherRoom("here", 0).record())
    memory, chat = module.Memory(slot), cast(Chat, SimpleNamespace(rooms=["here", "both"]))
    line = describe_other_rooms(chat, memory)
    assert line is not None
    assert line.startswith(
        "your other client was also in both (2 mention you), only2 (1 mentions you), room0, "
    )
    assert line.endswith(", room7 and 3 more; /join ROOM goes there")
    assert describe_other_rooms(chat, memory) is None
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
