"""One address that does its worst: it is read slowly, it costs the others little, and it leaves nothing."""

import gc
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from chatcore.server.session import Session
from tests.protocol.frames import Ack, Message
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE, Peer, hello, line
from tests.transports.servers import House

LIMITED = {"frames_per_second": 20.0, "frames_burst": 100}

JUNK = {
    "blank": b"\n",
    "pong": line("pong"),
    "no-frame": b"x\n",
    "ping": line("ping"),
    "refused-post": line("post", room="lobby", id="a", text="a"),
}
every_junk = pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)

ARRIVING = {"connections_per_address": 1_000, "new_connections_per_second": 0.25}
"""A second connection beyond the burst waits four seconds, and a third one is turned away."""

MOST = 64 * 1024 * 1024
"""Bytes that a server and two sockets never hold; a flood that is read goes on beyond them."""


@contextmanager
def flooding(house: House, junk: bytes, count: int) -> Iterator[list[Peer]]:
    """Let strangers send junk without end, and read nothing.

    It is encoded once: else they would keep the server, which is in this process, from running meanwhile.
    """
    peers = [house.stranger("chat") for _ in range(count)]
    piece = peers[0].encoded(junk * (64 * 1024 // len(junk)))

    def send(peer: Peer) -> None:
        with suppress(OSError):
            while True:
                peer.send_raw(piece)

    with ExitStack() as stack:
        for number, peer in enumerate(peers):
            peer.send(hello(f"n{number}"))
            thread = threading.Thread(target=send, args=(peer,))
            thread.start()
            stack.callback(thread.join, DEADLINE)
            stack.callback(hang_up, peer)
        yield peers


def hang_up(peer: Peer) -> None:
    """End a stream, and with it a thread that waits until it can send more."""
    with suppress(OSError):
        peer.sock.shutdown(socket.SHUT_RDWR)


@every_junk
@pytest.mark.parametrize("says_hello", [False, True], ids=["before-hello", "after-hello"])
def test_a_peer_that_floods_is_no_longer_read(serve: Serve, junk: bytes, says_hello: bool) -> None:
    house = serve(**LIMITED)
    ann = house.member("ann")
    peer = house.stranger("chat")
    if says_hello:
        peer.send(hello("mallory"))
    peer.send_until_stuck(junk * (64 * 1024 // len(junk)), MOST)
    ann.post("here", "a-1")
    assert ann.receive(Ack).id == "a-1"


@every_junk
def test_members_are_served_while_others_flood(serve: Serve, junk: bytes) -> None:
    house = serve(**LIMITED)
    ann = house.member("ann")
    with flooding(house, junk, 6):
        for number in range(50):
            ann.post("here", f"a-{number}")
            assert ann.receive(Ack).id == f"a-{number}"


@every_junk
def test_a_server_drains_in_its_time_while_peers_flood(serve: Serve, junk: bytes) -> None:
    house = serve(**LIMITED, closing_seconds=0.2)
    ann = house.member("ann")
    with flooding(house, junk, 6):
        closing = threading.Thread(target=house.server.close)
        closing.start()
        assert ann.receive_all()[-1].type == "closing"
        closing.join(DEADLINE)
        assert not closing.is_alive()


def test_a_connection_that_comes_too_soon_waits_and_the_next_is_turned_away(serve: Serve) -> None:
    house = serve(new_connections_burst=2, **ARRIVING)
    ann, bob = house.member("ann"), house.member("bob")
    waits = house.stranger("chat")
    assert house.stranger("plain").receive_rest() == b""
    ann.post("hi", "a-1")
    assert bob.receive(Message).seq == 1
    counted = house.hub.statistics()
    assert (counted.accepted, counted.turned_away) == (2, 1)
    ann.close()
    bob.close()
    house.server.close()
    assert waits.receive_rest() == b""


def test_connections_that_waited_are_served(serve: Serve) -> None:
    house = serve(connections_per_address=100, new_connections_burst=1, new_connections_per_second=50.0)
    peers = [house.stranger("chat") for _ in range(8)]
    for number, peer in enumerate(peers):
        peer.send(hello(f"n{number}"))
    assert all(b'"welcome"' in peer.receive_line() for peer in peers)


def test_connections_that_come_and_go_cost_no_more_than_their_address_may(serve: Serve) -> None:
    house = serve(new_connections_burst=5, **ARRIVING)
    ann = house.member("ann")
    for number in range(300):
        with suppress(ConnectionError), house.stranger("chat") as peer:
            peer.send(hello(f"n{number}") + b"x" * 10_000)
            peer.reset()
        if not number % 30:
            ann.post("hi", f"a-{number}")
            assert ann.receive(Ack).id == f"a-{number}"
    assert house.hub.statistics().accepted < 15
    assert house.hub.statistics().turned_away > 200


@pytest.mark.parametrize("ends", ["finish", "reset"])
def test_sessions_that_are_gone_are_held_by_nothing(serve: Serve, ends: str) -> None:
    house = serve()
    ann = house.member("ann")  # its deadline is earlier than those of all that follow
    before = sessions()
    for number in range(100):
        peer = house.member(f"n{number}")
        peer.send(b"x" * 30_000)
        if ends == "finish":
            peer.finish()
            peer.wait_for_end()
        else:
            peer.reset()
        ann.settle()
    while house.hub.statistics().connections > 1:  # the last ones may not be gone yet
        ann.settle()
    assert sessions() - before <= 2


def sessions() -> int:
    """Count the sessions that something holds."""
    gc.collect()
    return sum(isinstance(each, Session) for each in gc.get_objects())
