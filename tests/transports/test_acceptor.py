"""What every server's listeners share: pauses, one line of log, a reserve, peers that are gone already."""

import contextlib
import errno
import os
import socket
import struct
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from chatcore.address import Peer
from chatcore.server.hub import Hub
from tests.transports.peers import DEADLINE
from tests.transports.servers import Clock
from transports import acceptor
from transports.acceptor import LOG_SECONDS, PAUSE, RESERVED, Acceptor
from transports.waiting import Held, Waiting

SLICE = 64


def at_once(peer: Peer, can_wait: bool) -> float:
    """Let every connection be opened immediately."""
    return 0.0


@pytest.fixture(autouse=True)
def _large_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let more connections be accepted at a time than most tests have."""
    monkeypatch.setattr("transports.acceptor.SLICE", SLICE)


class Listener(socket.socket):
    """A listener whose ``accept`` raises what the test says, instead of accepting."""

    errors: list[int]

    def accept(self) -> tuple[socket.socket, Any]:
        if self.errors:
            number = self.errors.pop(0)
            raise OSError(number, os.strerror(number))
        return super().accept()


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as sock:
        sock.errors = []
        sock.bind(("127.0.0.1", 0))
        sock.listen(4 * SLICE)
        sock.setblocking(False)
        yield sock


@contextlib.contextmanager
def _peers(listener: Listener, number: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        address = listener.getsockname()
        yield [stack.enter_context(socket.create_connection(address, DEADLINE)) for _ in range(number)]


def _accept(acceptor: Acceptor, listener: Listener) -> list[int]:
    """Accept once, and return the ports of those that were accepted."""
    ports = []
    for sock, peer in acceptor.accept(listener):
        with sock:
            assert (peer.host, peer.port) == sock.getpeername()
            assert sock.gettimeout() == 0
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            ports.append(peer.port)
    return ports


def test_everyone_who_waits_is_accepted_with_their_address(listener: Listener) -> None:
    with _peers(listener, 5) as peers:
        assert _accept(Acceptor(at_once), listener) == [peer.getsockname()[1] for peer in peers]
        assert _accept(Acceptor(at_once), listener) == []


def test_a_storm_is_accepted_a_slice_at_a_time(listener: Listener) -> None:
    with _peers(listener, SLICE + 3):
        acceptor = Acceptor(at_once)
        assert [len(_accept(acceptor, listener)) for _ in range(3)] == [SLICE, 3, 0]


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EINVAL])
def test_without_room_nobody_is_accepted_for_a_while(
    listener: Listener, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    acceptor = Acceptor(at_once, clock)
    with _peers(listener, 1):
        listener.errors = [number]
        assert _accept(acceptor, listener) == []
        assert acceptor.pause_left() == PAUSE
        clock.advance(PAUSE / 2)
        assert _accept(acceptor, listener) == []
        clock.advance(PAUSE / 2)
        assert acceptor.pause_left() == 0
        assert len(_accept(acceptor, listener)) == 1
    (record,) = caplog.records
    assert record.getMessage() == f"cannot accept connections: {os.strerror(number)}; new ones wait"


@pytest.mark.logs("listener.paused")
def test_a_shortage_that_lasts_is_logged_once_a_minute(
    listener: Listener, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    acceptor = Acceptor(at_once, clock)
    listener.errors = [errno.EMFILE] * 1_000
    for _ in range(int(LOG_SECONDS / PAUSE)):
        assert _accept(acceptor, listener) == []
        clock.advance(PAUSE)
    assert len(caplog.records) == 1
    assert len(listener.errors) == 1_000 - LOG_SECONDS / PAUSE
    assert _accept(acceptor, listener) == []
    assert len(caplog.records) == 2


@pytest.mark.parametrize("number", sorted(acceptor._BROKEN))
def test_a_connection_that_broke_before_is_passed_over(
    listener: Listener, number: int, caplog: pytest.LogCaptureFixture
) -> None:
    acceptor = Acceptor(at_once)
    with _peers(listener, 2):
        listener.errors = [number, number]
        assert len(_accept(acceptor, listener)) == 2
    assert not acceptor.pause_left()
    assert not caplog.records


def test_one_that_has_to_wait_is_opened_when_it_is_due(listener: Listener) -> None:
    clock, delays = Clock(), iter([0.0, 0.2, 0.4])
    acceptor = Acceptor(lambda peer, can_wait: next(delays), clock)
    with _peers(listener, 3) as peers:
        ports = [peer.getsockname()[1] for peer in peers]
        assert _accept(acceptor, listener) == ports[:1]
        assert acceptor.due_in() == pytest.approx(0.2)
        assert list(acceptor.due()) == []
        opened = []
        while (wait := acceptor.due_in()) is not None:
            clock.advance(wait)
            opened += list(acceptor.due())
        assert [held.peer.port for held in opened] == ports[1:]
        assert {held.listener for held in opened} == {listener}
        for held in opened:
            held.sock.close()


def test_one_that_is_turned_away_is_closed_and_nothing_is_held(listener: Listener) -> None:
    acceptor = Acceptor(lambda peer, can_wait: None)
    with _peers(listener, 1) as (peer,):
        assert _accept(acceptor, listener) == []
        assert acceptor.due_in() is None
        assert peer.recv(1) == b""


def test_those_that_wait_are_closed_with_the_acceptor(listener: Listener) -> None:
    acceptor = Acceptor(lambda peer, can_wait: 60.0)
    with _peers(listener, 2) as peers:
        assert _accept(acceptor, listener) == []
        acceptor.close()
        assert [peer.recv(1) for peer in peers] == [b"", b""]
        assert acceptor.due_in() is None


class Site(Acceptor):
    """The acceptor of a hub whose time stands still, and what has come from each host."""

    def __init__(self) -> None:
        self.hub = Hub(clock=Clock())
        super().__init__(self.hub.endpoint(lambda: None).delay, Clock())

    def come(self, host: str, number: int) -> tuple[int, int]:
        """Let connections come; return how many are opened immediately, and how many are closed."""
        turned_away, opened = self.hub.statistics().turned_away, 0
        for port in range(number):
            sock = socket.socket()
            for ours, _ in self.admit(sock, (host, port), sock):
                ours.close()
                opened += 1
        return opened, self.hub.statistics().turned_away - turned_away


def test_one_address_leaves_room_for_those_of_another_to_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptor, "_descriptors", lambda: 1_024)
    with contextlib.closing(Site()) as site:
        assert site.come("192.0.2.1", 256 + 250) == (256, 0)
        assert site.come("192.0.2.2", 500) == (256, 0)


def test_no_more_wait_than_there_is_room_for_and_the_others_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("transports.waiting.MOST", 100)
    with contextlib.closing(Site()) as site:
        assert site.come("192.0.2.1", 256 + 60) == (256, 10)
        assert site.come("192.0.2.2", 256 + 60) == (256, 10)
        assert site.come("192.0.2.3", 256 + 60) == (256, 60)
        assert site.hub.statistics().accepted == 0


def test_there_is_room_again_when_those_that_wait_are_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("transports.waiting.MOST", 2)
    clock, waiting, peer = Clock(), Waiting(), Peer("192.0.2.1", 1)
    with socket.socket() as sock, socket.socket() as listener:
        assert waiting.has_room(peer, None)
        waiting.hold(Held(sock, peer, listener), clock() + 1.0)
        assert not waiting.has_room(peer, None)
        assert waiting.has_room(Peer("192.0.2.2", 1), None)
        assert not waiting.has_room(Peer("192.0.2.2", 1), 2)
        assert [held.peer for held in waiting.due(clock() + 1.0, 9)] == [peer]
        assert waiting.has_room(peer, None)


def test_one_that_breaks_while_it_waits_is_not_opened(listener: Listener) -> None:
    clock = Clock()
    acceptor = Acceptor(lambda peer, can_wait: 1.0, clock)
    with _peers(listener, 2) as (broken, whole):
        assert _accept(acceptor, listener) == []
        broken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        broken.close()
        clock.advance(1.0)
        (held,) = acceptor.due()
        assert held.peer.port == whole.getsockname()[1]
        held.sock.close()


def test_one_that_is_gone_before_it_is_set_up_is_closed(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(sock: socket.socket) -> None:
        raise OSError(errno.EINVAL, "it is gone")

    monkeypatch.setattr(acceptor, "tune", gone)
    with _peers(listener, 2) as (first, second):
        assert _accept(Acceptor(at_once), listener) == []
        assert (first.recv(1), second.recv(1)) == (b"", b"")


@pytest.mark.parametrize("address", [None, b"", ()])
def test_one_whose_address_is_not_known_any_more_is_closed(address: object) -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        assert list(Acceptor(at_once).admit(ours, address, ours)) == []
        assert theirs.recv(1) == b""


def test_connections_leave_some_descriptors_free(
    listener: Listener, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = Clock()
    ours = Acceptor(at_once, clock)
    with _peers(listener, 10) as peers:
        lowest = os.dup(listener.fileno())
        os.close(lowest)
        limit = next(limit for limit in count() if limit - min(RESERVED, limit // 8) == lowest + 3)
        monkeypatch.setattr(acceptor, "_descriptors", lambda: limit)
        accepted = list(ours.accept(listener))
        assert 1 <= len(accepted) <= 3
        assert max(sock.fileno() for sock, _ in accepted) < lowest + 3
        assert "Too many open files" in caplog.text
        for sock, _ in accepted:
            sock.close()
        clock.advance(PAUSE)
        monkeypatch.setattr(acceptor, "_descriptors", lambda: None)
        waited = _accept(ours, listener)
        assert [peer.port for _, peer in accepted] + waited == [peer.getsockname()[1] for peer in peers]
