"""Readers of the WebSocket wire share what they are given, as those of the typed wire do."""

import json
from itertools import accumulate, count

import pytest

from chatcore.address import Peer
from chatcore.server.endpoint import REFUSED
from chatcore.server.session import Session
from chatcore.server.states import State
from chatcore.site import Site
from chatcore.wire.websocket import WebSocket
from tests.server.driver import Host
from tests.wire.websocket import FrameProtocol, close, request, text

_ports = count(1)


def reader(host: Host, nick: str, site: Site) -> Session:
    """Let a browser read the lobby, over a listener of its own."""
    session = host.endpoint.open(Peer("192.0.2.1", next(_ports)), WebSocket(site))
    session.receive_data(request())
    session.receive_data(text(b'{"type":"hello","protocol":1,"nick":"%s"}' % nick.encode()))
    session.receive_data(text(b'{"type":"join","room":"lobby"}'))
    return session


def settle(host: Host) -> None:
    """Hand out what is due, but for news of a log."""
    while sessions := host.endpoint.ready():
        for session in sessions:
            session.data_to_send()


def give_turns(host: Host) -> None:
    """Let everybody decode what they have sent."""
    while host.endpoint.turns:
        host.endpoint.handle_deadlines(host.clock.now)


def post(session: Session, *ids: str) -> None:
    for each in ids:
        session.receive_data(text(b'{"type":"post","room":"lobby","id":"%s","text":"hi"}' % each.encode()))


def test_all_readers_are_handed_the_same_object_also_of_several_listeners() -> None:
    host = Host(presence_seconds=60.0)
    sessions = [reader(host, nick, Site.of(hosts=[f"{nick}.example"])) for nick in ("ada", "ben", "eve")]
    settle(host)
    post(sessions[0], "1", "2", "3")
    pieces = [data for session, data in host.endpoint.fan_out() if session is not sessions[0]]
    assert len(pieces) == 2
    assert pieces[0] is pieces[1]
    client = FrameProtocol(client=True, extensions=[])
    client.receive_bytes(pieces[0])
    (message,) = client.received_frames()
    assert str(message.payload).count("\n") == 3
    assert [json.loads(line)["id"] for line in str(message.payload).splitlines()] == ["1", "2", "3"]


def test_a_proxy_leaves_no_trace_where_limits_count_addresses() -> None:
    host = Host(connections_per_address=1)
    site = Site.of(proxies=["192.0.2.9"])
    for number in range(3):
        session = host.endpoint.open(Peer("192.0.2.9", number), WebSocket(site))
        session.receive_data(request(f"X-Forwarded-For: 198.51.100.{number}"))
        assert session.accepts
        assert session.peer == Peer(f"198.51.100.{number}", number)
    again = host.endpoint.open(Peer("192.0.2.9", 4), WebSocket(site))
    again.receive_data(request("X-Forwarded-For: 198.51.100.1"))
    assert not again.accepts
    for session in host.endpoint.sessions():
        session.connection_lost()
    statistics = host.hub.statistics()
    assert (statistics.connections, statistics.turned_away) == (0, 1)
    assert set(statistics.states.values()) == {0}
    assert host.endpoint.open(Peer("198.51.100.1", 5)).accepts


def test_of_those_who_are_refused_only_so_many_may_take_their_time() -> None:
    host = Host(connections=1, connections_per_address=None)
    host.live("ada")
    refused = [host.endpoint.open(Peer("192.0.2.1", number), WebSocket()) for number in range(REFUSED + 100)]
    told = [session for session in refused if session.state is not State.HANDSHAKE]
    assert told == refused[:100]
    assert told[0].data_to_send().startswith(b"HTTP/1.1 503 ")
    for session in (refused[100], refused[-1]):
        session.receive_data(request())
        assert b"limit_exceeded" in session.data_to_send()
    late = [host.endpoint.open(Peer("192.0.2.2", number), WebSocket()) for number in range(2)]
    assert {session.state for session in (*refused[101:-1], *late)} == {State.HANDSHAKE}
    refused[101].connection_lost()
    host.endpoint.open(Peer("192.0.2.2", 2), WebSocket())
    assert refused[102].state is State.HANDSHAKE
    host.endpoint.open(Peer("192.0.2.2", 3), WebSocket())
    assert refused[102].state is not State.HANDSHAKE


def test_a_session_that_waits_for_its_turn_waits_with_its_own_address() -> None:
    host = Host()
    session = host.endpoint.open(Peer("192.0.2.9", 1), WebSocket(Site.of(proxies=["192.0.2.9"])))
    head = request("X-Forwarded-For: 198.51.100.1")
    session.receive_data(head + text(b'{"type":"ping"}') * 100)
    assert session.peer.host == "198.51.100.1"
    assert host.endpoint.turns == 1
    give_turns(host)
    settle(host)
    session.connection_lost()
    assert (len(host.endpoint), host.endpoint.turns) == (0, 0)


PARTS = [
    request(),
    text(b'{"type":"hello","protocol":1,"nick":"ada"}'),
    text(b'{"type":"join","room":"lobby"}'),
    text(b'{"type":"post","room":"lobby","id":"1","text":"hi"}'),
    close(1000),
]


@pytest.mark.parametrize("way", ["ended", "broken"])
def test_cut_at_any_byte_a_connection_is_lost_until_it_has_said_goodbye(way: str) -> None:
    stream = b"".join(PARTS)
    welcome, *_, posted, goodbye = accumulate(map(len, PARTS[1:]), initial=len(PARTS[0]))
    assert goodbye == len(stream)
    welcome += len(PARTS[1])
    for size in range(len(stream) + 1):
        host = Host()
        session = host.endpoint.open(Peer("192.0.2.1", 1), WebSocket())
        session.receive_data(stream[:size])
        give_turns(host)
        if way == "ended":
            session.receive_eof()
            settle(host)
        session.connection_lost()
        assert host.is_free("ada") is (size < welcome or size == goodbye), size
        statistics = host.hub.statistics()
        assert (statistics.connections, statistics.sessions) == (0, 0)
        assert statistics.messages == (size >= posted)
