"""Who may come, and how long they may take to say who they are."""

import pytest

from tests.protocol.frames import Closing, Error, Message, Welcome
from tests.transports.conftest import Serve
from tests.transports.peers import TypedPeer, hello
from tests.transports.servers import Clock


def _refused(peer: TypedPeer) -> tuple[str, str]:
    """Return the code and the words with which a peer was refused and left."""
    error, *rest = peer.receive_all()
    assert isinstance(error, Error)
    assert rest in ([], [Closing(reason="timeout")])
    return error.code, error.message


@pytest.mark.parametrize(
    ("limit", "words"), [("connections", "full"), ("connections_per_address", "your address")]
)
def test_one_connection_too_many_is_refused_with_the_reason(serve: Serve, limit: str, words: str) -> None:
    house = serve(**{limit: 3})
    ann, bob, script = house.member("ann"), house.member("bob"), house.plain()
    code, message = _refused(house.typed())
    assert code == "limit_exceeded"
    assert words in message
    assert words.encode() in house.stranger("plain").receive_rest()
    ann.post("we are three", "a-1")
    assert bob.receive(Message).seq == 1
    script.finish()
    script.wait_for_end()
    house.come_again("carol")


def test_a_silent_peer_is_closed_after_the_handshake_limit(serve: Serve) -> None:
    clock = Clock()
    house = serve(clock=clock, handshake_seconds=0.1)
    silent, late = house.typed(), house.typed()
    late.settle()  # so both are in
    clock.advance(0.09)
    late.send(hello("late"))
    late.receive(Welcome)
    clock.advance(0.02)
    assert _refused(silent) == ("bad_state", "no hello came in time")
    late.settle()


def test_single_bytes_do_not_extend_the_handshake(serve: Serve) -> None:
    clock = Clock()
    house = serve(clock=clock, handshake_seconds=0.1)
    dripping = house.typed()
    dripping.settle()
    for byte in hello("ann")[:10]:
        dripping.send(bytes([byte]))
        clock.advance(0.011)
    assert _refused(dripping) == ("bad_state", "no hello came in time")


def test_a_peer_that_does_not_answer_a_ping_is_closed(serve: Serve) -> None:
    clock = Clock()
    house = serve(clock=clock, keepalive_seconds=0.1, idle_seconds=0.2)
    asleep, awake = house.member("asleep"), house.member("awake")
    clock.advance(0.11)
    for peer in (asleep, awake):
        while peer.receive_frame().type != "ping":
            pass
    awake.settle()
    clock.advance(0.11)
    assert asleep.receive_all()[-1] == Closing(reason="timeout")
    awake.settle()
