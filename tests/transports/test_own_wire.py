"""A wire that is given in code is served like ours: here one with a handshake of its own."""

import json
from collections.abc import Iterator
from contextlib import closing

import pytest

from chatcore import Hub, UsageError
from chatcore.transport import Listen, Server, Transport
from tests.transports.peers import Peer
from tests.transports.tls import note_scheme
from tests.wire.framed import BYE, HANDSHAKE, framed, unwrap, wrap


@pytest.fixture
def server(transport: Transport) -> Iterator[Server]:
    """A server of the transport of the row, on the test's own wire."""
    with Hub() as hub, closing(transport.start(hub, [Listen("framed", "127.0.0.1", 0, framed)])) as server:
        note_scheme("framed", server.listening[0].port)
        yield server


def frame(type: str, **fields: object) -> bytes:
    return wrap(json.dumps({"type": type, **fields}).encode())


def test_a_wire_of_ones_own_shakes_hands_serves_a_room_and_ends(server: Server) -> None:
    (listen,) = server.listening
    assert str(listen) == f"framed://127.0.0.1:{listen.port}"
    with Peer(listen.port) as peer:
        peer.send(HANDSHAKE + frame("hello", protocol=1, nick="ada") + frame("join", room="lobby"))
        peer.send(frame("post", room="lobby", id="1", text="hi") + BYE)
        stream = peer.receive_rest()
    assert stream.startswith(b"OK\n")
    frames = [json.loads(payload) for payload in unwrap(stream[3:]) if payload]
    assert sorted(each["type"] for each in frames) == ["ack", "joined", "message", "welcome"]


def test_a_wire_refuses_in_its_own_way_before_its_handshake(server: Server) -> None:
    with Peer(server.listening[0].port) as peer:
        peer.send(b"GET / HTTP/1.1\r\n\r\n")
        assert peer.receive_rest().startswith(b"NO ")


def test_a_scheme_without_a_wire_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        Listen("framed", "127.0.0.1", 0)
