"""A server that closes says so, gives everyone what is owed, and leaves nothing behind."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.ports import fixed_port
from tests.protocol.frames import Ack, Closing, Message
from tests.transports.conftest import Serve
from tests.transports.peers import DEADLINE
from tests.transports.servers import House


@contextmanager
def _closing(house: House) -> Iterator[None]:
    """Close a server in another thread, which is to have ended afterwards."""
    thread = threading.Thread(target=house.server.close, daemon=True)
    thread.start()
    yield
    thread.join(DEADLINE)
    assert not thread.is_alive()


def test_everything_before_the_end_is_answered_and_delivered(serve: Serve) -> None:
    house = serve(memory_history_bytes=16 * 1024 * 1024, closing_seconds=60.0)  # longer than it takes
    ann, bob, script = house.member("ann"), house.member("bob", receive_buffer=4_096), house.plain()
    for number in range(200):
        ann.post("x" * 10_000, f"a-{number}")
    ann.settle()
    with _closing(house):
        got = bob.receive_all()
        assert [frame.seq for frame in got if isinstance(frame, Message)] == list(range(1, 201))
        assert [frame.reason for frame in got if isinstance(frame, Closing)] == ["drain"]
        assert script.receive_rest().count(b"ann: ") == 200
        assert ann.reason_of_end() == "drain"
        for peer in (ann, bob, script):
            peer.close()


def test_posts_after_the_end_are_refused(house: House) -> None:
    ann = house.member("ann")
    with _closing(house):
        ann.receive(Closing)
        ann.post("too late", "a-1")
        assert not [frame for frame in ann.receive_all() if isinstance(frame, Ack)]
        ann.close()


def test_a_peer_without_a_hello_learns_of_the_end(house: House) -> None:
    stranger = house.typed()
    ann = house.member("ann")  # the second is in, so the first is too
    with _closing(house):
        assert stranger.reason_of_end() == "drain"
        stranger.close()
        ann.close()


def test_a_closed_server_frees_its_port(serve: Serve) -> None:
    url = f"chat://127.0.0.1:{fixed_port()}"
    serve(urls=[url]).server.close()
    serve(urls=[url]).member("ann").settle()


def test_a_peer_that_does_not_read_cannot_hold_up_the_close(serve: Serve) -> None:
    house = serve(closing_seconds=0.3)
    ann = house.member("ann")
    house.member("clogged", receive_buffer=4_096)
    for number in range(500):
        ann.post("x" * 16_000, f"a-{number}")
        ann.receive(Ack)
    began = time.monotonic()
    with _closing(house):
        ann.receive_all()
        ann.close()
    assert time.monotonic() - began < 5


def test_a_peer_that_keeps_its_side_open_cannot_hold_up_the_close(house: House) -> None:
    ann = house.member("ann")
    with _closing(house):
        assert ann.reason_of_end() == "drain"
