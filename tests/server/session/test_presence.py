"""Who joined and who left, reported to a room at most once per interval."""

import pytest

from chatcore.address import Peer as Address
from chatcore.wire.ndjson import ndjson
from tests.protocol.frames import Hello, Join, Leave, NickFrame, Presence
from tests.server.driver import Host, Peer


def presence(peer: Peer) -> list[Presence]:
    """Take the presence frames that came."""
    return peer.take_all(Presence)


def test_many_joins_within_an_interval_are_reported_in_one_frame() -> None:
    host = Host(connections=None, connections_per_address=None, presence_names=100)
    ana = host.member("ana")
    host.settle()
    ana.take()
    for n in range(300):
        host.member(f"n{n:04}")
    host.settle()
    (frame,) = presence(ana)
    assert (len(frame.joined), frame.left, frame.count, frame.more) == (100, (), 301, True)


def test_joins_and_leaves_within_an_interval_are_reported_as_their_net_change() -> None:
    host = Host()
    ana, bob = host.member("ana"), host.member("bob")
    host.settle()
    presence(ana)
    host.member("cleo")
    host.member("dan").send(Leave(room="lobby"))
    bob.send(NickFrame(nick="rob"))
    bob.lose()
    host.settle()
    assert presence(ana) == [Presence(room="lobby", joined=("cleo",), left=("bob",), count=2)]


def test_a_presence_interval_starts_with_the_first_change() -> None:
    host = Host(presence_seconds=0.5)
    ana = host.member("ana")
    host.settle()
    ana.take()
    reported = []
    for n in range(4):
        host.live(f"n{n}").send(Join(room="lobby"))
        host.advance(0.25)
        reported.append([len(frame.joined) for frame in presence(ana)])
    assert reported == [[], [2], [], [2]]


def test_presence_is_reported_less_often_in_a_crowded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatcore.server.room.CROWD", 2)
    host = Host(presence_seconds=0.5)
    ana = host.member("ana")
    for n in range(4):
        host.member(f"n{n}")
    host.settle()
    ana.take()
    host.member("n5")
    reported = []
    for seconds in (0.5, 0.75, 0.25):
        host.advance(seconds)
        reported.append(len(presence(ana)))
    assert reported == [0, 0, 1]


def test_presence_is_reported_once_per_interval_when_two_endpoints_serve_a_room() -> None:
    host = Host(presence_seconds=0.5)
    endpoint = host.add_endpoint()
    ana = host.member("ana")
    host.settle()
    ana.take()
    host.member("bob")
    host.advance(0.25)
    cleo = Peer(host, endpoint, Address("192.0.2.9", 9), ndjson)
    cleo.send(Hello(protocol=1, nick="cleo"), Join(room="lobby"))
    host.advance(0.25)
    assert presence(ana) == [Presence(room="lobby", joined=("bob", "cleo"), count=3)]
    assert len(presence(cleo)) == 1
    host.advance(0.125)
    host.member("dan")
    reported = []
    for seconds in (0.375, 0.125):
        host.advance(seconds)
        reported.append(len(presence(ana)))
    assert reported == [0, 1]


def test_presence_is_still_reported_when_the_endpoint_where_its_interval_began_is_closed() -> None:
    host = Host()
    endpoint = host.add_endpoint()
    ana = host.member("ana")
    host.settle()
    ana.take()
    cleo = Peer(host, endpoint, Address("192.0.2.9", 9), ndjson)
    cleo.send(Hello(protocol=1, nick="cleo"), Join(room="lobby"))
    host.member("bob")
    endpoint.close()
    host.pump()
    host.settle()
    assert [name for frame in presence(ana) for name in frame.joined] == ["bob"]
    host.member("dan")
    host.settle()
    assert presence(ana) == [Presence(room="lobby", joined=("dan",), count=3)]


def test_presence_is_reported_only_for_joined_rooms() -> None:
    host = Host()
    ana = host.member("ana", "garden")
    host.settle()
    ana.take()
    host.member("bob", "lobby")
    host.settle()
    assert ana.take() == []


def test_a_reader_that_missed_a_presence_frame_gets_the_count_and_more() -> None:
    host = Host()
    ana = host.member("ana")
    host.settle()
    ana.take()
    ana.window = 0
    for nick in ("bob", "cleo", "dan"):
        host.member(nick)
        host.settle()
    ana.window = None
    ana.drain()
    assert presence(ana) == [
        Presence(room="lobby", joined=("bob",), count=2),
        Presence(room="lobby", count=4, more=True),
    ]


def test_a_presence_frame_of_the_longest_nicks_fits_into_the_shortest_line() -> None:
    host = Host(text_bytes=100, line_bytes=1_324, connections_per_address=None)
    ana = host.member("ana", "r" * 64)
    for kind in ("j", "l", "r"):
        for n in range(10):
            host.member(f"{kind}{n}".ljust(32, "x"), "r" * 64)
    host.settle()
    for peer in list(host.peers.values()):
        nick = peer.session.nick
        if nick.startswith("l"):
            peer.send(Leave(room="r" * 64))
        elif nick.startswith("r"):
            peer.send(NickFrame(nick="R" + nick[1:-1] + "y"))
    for n in range(10):
        host.member(f"k{n}".ljust(32, "x"), "r" * 64)
    host.settle()
    frame = presence(ana)[-1]
    assert frame.joined
    assert frame.left
    assert frame.renamed
    assert frame.more
    assert max(map(len, ana.received.split(b"\n"))) < 1_324
