"""A system without room for more connections: those who wait, wait, and those who are in notice nothing."""

import errno
import os
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.protocol.frames import Ack, Joined, Message, Page
from tests.transports.conftest import Serve
from tests.transports.peers import TypedPeer
from tests.transports.process import ServerProcess
from tests.transports.servers import House
from transports import acceptor


def _assert_all_is_there(peer: TypedPeer, count: int) -> None:
    """Fail unless a member gets the whole history, by asking for it and by joining again."""
    peer.ask("history", room="lobby", limit=100)
    assert [message.seq for message in peer.receive(Page).messages] == list(range(1, count + 1))
    peer.ask("leave", room="lobby")
    peer.ask("join", room="lobby", history=100)
    peer.receive(Joined)
    assert [message.seq for message in peer.receive_many(Message, count)] == list(range(1, count + 1))


def test_members_keep_their_history_without_a_descriptor(transport_name: str, tmp_path: Path) -> None:
    pytest.importorskip("resource")
    with closing(ServerProcess(transport_name, descriptors=7, journal=tmp_path / "journal.db")) as server:
        ann, bob = server.typed("ann"), server.typed("bob")
        crowd = [server.stranger("chat") for _ in range(5)]
        for member in (ann, bob):
            member.ask("join", room="lobby")
            member.receive(Joined)
        for number in range(10):
            ann.post("hello", f"a-{number}")
            assert bob.receive(Message).seq == number + 1
        _assert_all_is_there(bob, 10)
        for peer in crowd:
            peer.close()
        server.come_again("carol")
        bob.settle()
    assert [line.partition(":")[0] for line in server.logged] == ["cannot accept connections"]


class Refusing:
    """Stands for ``accept``, which fails as often as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
        self.number = number
        self.left = 3
        self.working = socket.socket.accept
        monkeypatch.setattr(acceptor, "PAUSE", 0.01)
        monkeypatch.setattr(socket.socket, "accept", lambda sock: self.accept(sock))

    def accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        if not self.left:
            return self.working(sock)
        self.left -= 1
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize(
    "number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.ECONNABORTED, errno.EPROTO]
)
def test_whatever_accepting_fails_with_it_is_tried_again(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, number: int
) -> None:
    refusing = Refusing(monkeypatch, number)
    ann, bob = house.member("ann"), house.member("bob")
    ann.post("all are in", "a-1")
    assert bob.receive(Message).seq == 1
    assert refusing.left == 0
    assert len(caplog.records) == (number in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM))


def test_a_server_closes_during_a_pause(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    house = serve()
    ann = house.member("ann")
    refusing = Refusing(monkeypatch, errno.EMFILE)
    monkeypatch.setattr(acceptor, "PAUSE", 1_000.0)
    waiting = house.stranger("chat")
    while refusing.left == 3:
        ann.settle()
    ann.post("still here", "a-1")
    ann.receive(Ack)
    ann.finish()
    house.server.close()
    ann.wait_for_end()
    waiting.wait_for_end()
