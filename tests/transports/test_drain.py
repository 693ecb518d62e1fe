"""A server that closes says so, gives everyone what is owed, and leaves nothing behind."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

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


def test_what_was_asked_before_the_end_is_answered_and_what_was_said_is_read(serve: Serve) -> None:
    house = serve(memory_history_bytes=16 * 1024 * 1024)
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


def test_what_is_said_after_the_end_is_refused(house: House) -> None:
    ann = house.member("ann")
    with _closing(house):
        ann.receive(Closing)
        ann.post("too late", "a-1")
        assert not [frame for frame in ann.receive_all() if isinstance(frame, Ack)]
        ann.close()


def test_who_has_not_said_hello_is_told_too(house: House) -> None:
    stranger = house.typed()
    ann = house.member("ann")  # who came later is in, so the first is
    with _closing(house):
        assert stranger.reason_of_end() == "drain"
        stranger.close()
        ann.close()


def test_a_closed_server_takes_nobody(serve: Serve) -> None:
    house = serve()
    port = house.port("chat")
    house.server.close()
    again = serve(urls=[f"chat://127.0.0.1:{port}"])
    again.member("ann").settle()


def test_who_does_not_read_cannot_keep_a_server_from_closing(serve: Serve) -> None:
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


def test_who_never_ends_its_side_cannot_keep_a_server_from_closing(house: House) -> None:
    ann = house.member("ann")
    with _closing(house):
        assert ann.reason_of_end() == "drain"
