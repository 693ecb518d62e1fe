"""Many peers together."""

import threading
from collections.abc import Iterator

import pytest

from tests.protocol.frames import Joined, Message, Presence, Welcome
from tests.transports.conftest import Serve
from tests.transports.peers import hello, line
from tests.transports.servers import Clock, House

CROWD = 1_000
SPARE = 200  # descriptors for all else


@pytest.fixture(autouse=True)
def _enough_descriptors() -> Iterator[None]:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * CROWD + SPARE
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"this system allows {hard} descriptors, and a crowd needs {wanted}")
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_thousand_joins_together_are_one_frame(serve: Serve) -> None:
    clock = Clock()
    house = serve(clock=clock, presence_seconds=0.05)
    crowd = [house.typed() for _ in range(CROWD)]
    for number, peer in enumerate(crowd):
        peer.send(hello(f"n{number}") + line("join", room="lobby"))
    for peer in crowd:
        peer.receive(Welcome)
        peer.receive(Joined)
    clock.advance(0.05)
    for peer in crowd:
        presence = peer.receive(Presence)
        assert (presence.count, presence.more, len(presence.joined)) == (CROWD, True, 100)
        assert peer.settle() == []
    crowd[0].post("so many!", "n-1")
    for peer in crowd:
        assert peer.receive(Message).text == "so many!"


def test_a_server_that_closes_tells_everyone(serve: Serve) -> None:
    house = serve()
    typed = [house.member(f"n{number}") for number in range(200)]
    plain = [house.plain() for _ in range(20)]
    closing = threading.Thread(target=house.server.close)
    closing.start()
    for peer in typed:
        assert peer.reason_of_end() == "drain"
        peer.close()
    for script in plain:
        assert script.receive_rest().endswith(b"* the server ends this connection (drain)\n")
        script.close()
    closing.join()


def test_a_crowd_that_vanishes_leaves_the_others_alone(house: House) -> None:
    ann = house.member("ann")
    crowd = [house.member(f"n{number}") for number in range(200)]
    for number, peer in enumerate(crowd):
        peer.reset() if number % 2 else peer.close()
    ann.wait_until_alone()
