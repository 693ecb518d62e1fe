"""The proxy does what its plan says, between two bare sockets."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.faults.proxy import CLEAN, FaultProxy, Faults

WAIT = 10.0
DATA = bytes(range(256)) * 1024


class Ends:
    """A listening server, a proxy before it, and pairs of sockets that are connected through that."""

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._listener = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        self._listener.settimeout(WAIT)
        self.proxy = stack.enter_context(FaultProxy(self._listener.getsockname()[1]))

    def pair(self, up: Faults = CLEAN, down: Faults = CLEAN) -> tuple[socket.socket, socket.socket]:
        """Connect a client to the server."""
        self.proxy.plan.append((up, down))
        client = self._stack.enter_context(socket.create_connection(("127.0.0.1", self.proxy.port), WAIT))
        server, _ = self._listener.accept()
        server.settimeout(WAIT)
        return client, self._stack.enter_context(server)

    def stop_listening(self) -> None:
        """Refuse connections from now on."""
        self._listener.close()


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Both ends of a proxy."""
    with ExitStack() as stack:
        yield Ends(stack)


def receive(sock: socket.socket, size: int) -> bytes:
    """Receive so many bytes, or less at the end of the stream."""
    data = b""
    while len(data) < size and (piece := sock.recv(min(size - len(data), 65536))):
        data += piece
    return data


def hears_nothing(sock: socket.socket) -> bool:
    """Tell whether neither bytes nor an end have come."""
    sock.setblocking(False)
    try:
        sock.recv(1)
    except BlockingIOError:
        return True
    finally:
        sock.settimeout(WAIT)
    return False


def test_a_clean_link_carries_everything_and_both_ends(ends: Ends) -> None:
    client, server = ends.pair()
    client.sendall(DATA)
    assert receive(server, len(DATA)) == DATA
    client.shutdown(socket.SHUT_WR)
    assert server.recv(1) == b""
    server.sendall(DATA)
    server.close()
    assert receive(client, len(DATA) + 1) == DATA
    assert ends.proxy.link(0).up.passed == ends.proxy.link(0).down.passed == len(DATA)


def test_bytes_come_one_by_one(ends: Ends) -> None:
    client, server = ends.pair(up=Faults(piece=1))
    client.sendall(b"abc")
    assert receive(server, 3) == b"abc"
    client.sendall(DATA[:5000])
    assert receive(server, 5000) == DATA[:5000]


@pytest.mark.parametrize("direction", ["up", "down"])
@pytest.mark.parametrize("size", [0, 1, 100])
def test_a_link_is_cut_after_exactly_so_many_bytes(ends: Ends, direction: str, size: int) -> None:
    cut = Faults(cut_after=size)
    client, server = ends.pair(up=cut) if direction == "up" else ends.pair(down=cut)
    sender, receiver = (client, server) if direction == "up" else (server, client)
    sender.sendall(b"x" * 200)
    assert receive(receiver, 201) == b"x" * size
    assert ends.proxy.link(0).ended.wait(WAIT)


def test_a_cut_comes_as_soon_as_its_bytes_have_passed(ends: Ends) -> None:
    client, server = ends.pair(up=Faults(cut_after=3))
    client.sendall(b"abc")
    assert receive(server, 4) == b"abc"
    assert client.recv(1) == b""


@pytest.mark.parametrize("by_plan", [True, False])
def test_both_sides_see_a_reset(ends: Ends, by_plan: bool) -> None:
    client, server = ends.pair(up=Faults(cut_after=1, end="reset") if by_plan else CLEAN)
    if by_plan:
        client.sendall(b"x")
        assert ends.proxy.link(0).ended.wait(WAIT)
    else:
        ends.proxy.link(0).end("reset")
    for sock in (client, server):
        with pytest.raises(ConnectionResetError):
            receive(sock, 2)


def test_half_open_resets_the_client_and_is_silent_to_the_server(ends: Ends) -> None:
    client, server = ends.pair()
    client.sendall(b"x")
    assert receive(server, 1) == b"x"
    ends.proxy.link(0).end("half-open")
    with pytest.raises(ConnectionResetError):
        client.recv(1)
    server.sendall(b"is anybody there?")
    assert hears_nothing(server)


def test_a_black_hole_is_silence_on_both_sides(ends: Ends) -> None:
    client, server = ends.pair()
    ends.proxy.link(0).end("black-hole")
    client.sendall(b"is anybody there?")
    server.sendall(b"is anybody there?")
    assert hears_nothing(client)
    assert hears_nothing(server)
    assert ends.proxy.link(0).up.passed == ends.proxy.link(0).down.passed == 0


def test_only_the_first_end_counts(ends: Ends) -> None:
    client, server = ends.pair()
    ends.proxy.link(0).end("black-hole")
    ends.proxy.link(0).end("reset")
    ends.proxy.end_all("close")
    assert hears_nothing(client)
    assert hears_nothing(server)


def test_a_reset_of_a_peer_reaches_the_other(ends: Ends) -> None:
    client, server = ends.pair()
    client.sendall(b"x")
    receive(server, 1)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    client.close()
    with pytest.raises(ConnectionResetError):
        server.recv(1)


def test_a_delay_holds_every_piece_back_and_keeps_the_order(ends: Ends) -> None:
    client, server = ends.pair(up=Faults(delay=0.05))
    start = time.monotonic()
    client.sendall(b"one")
    client.sendall(b"two")
    assert receive(server, 6) == b"onetwo"
    assert time.monotonic() - start >= 0.05
    server.sendall(b"back")  # this direction has no delay
    assert receive(client, 4) == b"back"


def test_a_throttle_keeps_to_its_bytes_a_second(ends: Ends) -> None:
    client, server = ends.pair(down=Faults(bytes_per_second=20_000, piece=100))
    start = time.monotonic()
    server.sendall(b"x" * 2_000)
    assert len(receive(client, 2_000)) == 2_000
    assert time.monotonic() - start >= 0.1


def test_a_slow_link_blocks_its_sender(ends: Ends) -> None:
    client, _ = ends.pair(up=Faults(bytes_per_second=1_000))
    client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        client.sendall(b"x" * 50_000_000)


def test_each_connection_has_its_own_plan_and_then_they_are_clean(ends: Ends) -> None:
    first, _ = ends.pair(down=Faults(cut_after=0))
    second, server = ends.pair()
    server.sendall(b"hello")
    assert receive(second, 5) == b"hello"
    server.sendall(b"x")
    ends.proxy.link(0).end("close")
    assert receive(first, 1) == b""


@pytest.mark.parametrize("why", ["refusing", "no server"])
def test_a_connection_without_a_server_is_reset(ends: Ends, why: str) -> None:
    if why == "refusing":
        ends.proxy.refusing = True
    else:
        ends.stop_listening()
    address = ("127.0.0.1", ends.proxy.port)
    with pytest.raises(ConnectionResetError), socket.create_connection(address, WAIT) as client:
        client.recv(1)


def test_closing_the_proxy_closes_every_link_and_is_idempotent(ends: Ends) -> None:
    client, server = ends.pair()
    other, _ = ends.pair()
    ends.proxy.link(1).end("black-hole")
    ends.proxy.close()
    ends.proxy.close()
    for sock in (client, server, other):
        assert sock.recv(1) == b""
