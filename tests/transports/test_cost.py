"""How often a transport asks the system, counted where its sockets are Python's own."""

import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import closing

import pytest

from chatcore import Hub
from chatcore.journal import Draft, Outcome, always
from chatcore.journal.memory import MemoryJournal
from tests.limits import split_limits
from tests.protocol.frames import Message
from tests.transports.peers import line
from tests.transports.servers import OPEN, House, new_transport

MEMBERS = 20
POSTS = 64


@pytest.mark.parametrize("name", ["asyncio-stdlib", "threaded"])
def test_a_burst_takes_few_writes_for_each_member(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    writes: list[int] = []
    working, tester = socket.socket.send, threading.current_thread()

    def counting(sock: socket.socket, data: bytes, flags: int = 0) -> int:
        if threading.current_thread() is not tester and len(data) > 1:  # one byte wakes a loop
            writes.append(len(data))
        return working(sock, data, flags)

    monkeypatch.setattr(socket.socket, "send", counting)
    with closing(House(new_transport(name))) as house:
        members = [house.member(f"n{number}") for number in range(MEMBERS)]
        for member in members:
            member.settle()
        writes.clear()
        members[0].send(b"".join(line("post", room="lobby", id=f"p-{n}", text="hi") for n in range(POSTS)))
        for member in members:
            member.receive_many(Message, POSTS)
        assert MEMBERS <= len(writes) <= MEMBERS * POSTS / 8


class Noting(MemoryJournal):
    """Notes how many drafts come together."""

    def __init__(self) -> None:
        super().__init__()
        self.submitted: list[int] = []

    def submit(
        self,
        drafts: Sequence[Draft],
        done: Callable[[Sequence[Outcome]], None],
        still_valid: Callable[[], bool] = always,
    ) -> None:
        self.submitted.append(len(drafts))
        super().submit(drafts, done, still_valid)


@pytest.mark.parametrize("name", ["asyncio-stdlib", "threaded"])
def test_a_burst_is_read_as_one(name: str) -> None:
    journal = Noting()
    with Hub(journal, split_limits(OPEN)[0]) as hub, closing(House(new_transport(name), hub=hub)) as house:
        member = house.member("ana")
        member.settle()
        member.send(b"".join(line("post", room="lobby", id=f"p-{n}", text="x" * 64) for n in range(POSTS)))
        member.receive_many(Message, POSTS)
    assert journal.submitted == [POSTS]
