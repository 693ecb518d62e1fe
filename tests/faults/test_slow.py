"""Slow readers get everything, whatever happens meanwhile, and cost no other peer anything."""

import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatcore import Offline
from tests import rows
from tests.cli.processes import ChatServer, chat_server
from tests.faults.proxy import CLEAN, Faults
from tests.faults.scene import Reader, Scene
from tests.transports.clients import CLIENTS
from tests.transports.peers import DEADLINE, Peer, TypedPeer, line

MEGABYTE = 1024 * 1024
WINDOW = 200
MANY = rows.MANY

SPEEDS = {"10-kilobytes-a-second": (15, 1_000, 10_000), "megabytes-a-second": (80, 13_000, 1_200_000)}
"""How many messages there are in each room, of how many bytes, and how many bytes pass a second."""


@pytest.mark.parametrize(("server", "speed"), list(rows.SLOW))
def test_a_slow_reader_of_two_rooms_is_cut_off_and_resumes(server: str, speed: str, tmp_path: Path) -> None:
    """Both clients together, each through a narrow pipe of its own."""
    number, size, pace = SPEEDS[speed]
    limits = {"tail_bytes": 4_096, "page_messages": 7}
    with Scene(server, "client-asyncio", path=tmp_path / "journal.db", **limits) as scene:
        proxies = {kind: scene.proxy(receive_buffer=4_096) for kind in CLIENTS}
        slow = {
            kind: scene.client(kind, proxy.url, kind=kind, rooms=("lobby", "den"))
            for kind, proxy in proxies.items()
        }
        for proxy in proxies.values():
            proxy.refusing = True
            proxy.end_all("reset")
        bob = scene.bystander(rooms=("lobby", "den"))
        texts = [f"{each:04} ".ljust(size, "x") for each in range(number)]
        posts = [bob.visitor.post_nowait(text, room=room) for text in texts for room in ("lobby", "den")]
        assert [post.result(DEADLINE).durability for post in posts] == ["synced"] * len(posts)
        for proxy in proxies.values():
            narrow = Faults(bytes_per_second=pace)
            # After more than a record of TLS holds: of one that is cut, nothing can be read.
            middle = Faults(bytes_per_second=pace, cut_after=number * size * 3 // 2, end="reset")
            proxy.plan.extend([(CLEAN, middle), (CLEAN, narrow)])
            proxy.refusing = False
        for reader in slow.values():
            for room in ("lobby", "den"):
                reader.read_to(number, room)
                assert reader.texts(room) == texts
            assert reader.gaps() == []
            assert any(isinstance(event, Offline) for event in _between(reader))


def _between(reader: Reader) -> Iterator[object]:
    """Yield what came between the first message and the last."""
    numbers = [number for number, event in enumerate(reader.events) if event.type == "message"]
    return iter(reader.events[numbers[0] : numbers[-1]])


@pytest.mark.parametrize("transport", ["asyncio", "threaded"])
def test_a_stalled_member_costs_no_memory_and_reads_everything_later(transport: str, tmp_path: Path) -> None:
    limits = ("frames_per_second=none", "stall_seconds=600", "history_messages=none", "tail_bytes=262144")
    words = [word for limit in limits for word in ("--limit", limit)]
    where = f"sqlite:{tmp_path / 'journal.db'}"
    with (
        chat_server("--transport", transport, "--journal", where, *words) as server,
        TypedPeer(server.port(), "stalled", "lobby", receive_buffer=4_096) as stalled,
        TypedPeer(server.port(), "ann", "lobby") as ann,
        TypedPeer(server.port(), "bob", "lobby") as bob,
    ):
        before = _memory(server)
        weights = []
        for start in range(0, MANY, MANY // 4):
            listening = threading.Thread(target=_read, args=(bob, start, MANY // 4), daemon=True)
            listening.start()
            _say(ann, start, MANY // 4)
            listening.join(DEADLINE)
            assert not listening.is_alive(), "a reader has to wait for one that does not read"
            weights.append(_memory(server))
        _, half, _, whole = weights
        assert half - before < 12 * MEGABYTE
        assert whole - half < 2 * MEGABYTE  # as many messages again cost nothing
        _read(stalled, 0, MANY)
        assert _memory(server) - whole < 8 * MEGABYTE


def _say(peer: Peer, start: int, number: int) -> None:
    """Post, and read acknowledgements and own messages; a window at a time."""
    text = "x" * 200
    for first in range(start, start + number, WINDOW):
        peer.send(
            b"".join(
                line("post", room="lobby", id=str(each), text=text) for each in range(first, first + WINDOW)
            )
        )
        acks = 0
        while acks < WINDOW:
            acks += peer.receive_line().startswith(b'{"type":"ack"')


def _read(peer: Peer, start: int, number: int) -> None:
    """Read messages; each must follow the one before."""
    position = start
    while position < start + number:
        frame = json.loads(peer.receive_line())
        assert frame["type"] not in ("gap", "closing"), frame
        if frame["type"] == "message":
            assert frame["prev"] == position, frame
            position = frame["seq"]


def _memory(server: ChatServer) -> int:
    """Return the bytes of memory that a server has in use."""
    statm = Path(f"/proc/{server.process.pid}/statm")
    if not statm.exists():
        pytest.skip("this system does not say how much memory a process has")
    return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
