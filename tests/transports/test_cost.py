"""How often a transport asks the system, counted where its sockets are Python's own."""

import socket
import threading
from contextlib import closing

import pytest

from tests.protocol.frames import Message
from tests.transports.peers import line
from tests.transports.servers import House, new_transport

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
