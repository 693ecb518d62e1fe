"""What connections from one address may send together."""

import gc

import pytest

from chatcore.limits import Limits
from chatcore.server.allowances import SHARE, Allowances
from tests.protocol.frames import Ack, ClientFrame, Hello, Join, Leave, Post
from tests.server.driver import Host

THERE = "192.0.2.99"
JUNK = b"\n" * 64


def send_until_stuck(host: Host, most: int) -> int:
    """Connect again and again, send as much as is read, and break; return how many lines were read."""
    lines = 0
    while sent := send_while_read(host):
        lines += sent
        assert lines < most
    return lines


def send_while_read(host: Host) -> int:
    """Connect, send as much as is read, and break; return how many lines were read."""
    peer = host.connect()
    lines = 0
    peer.feed(JUNK)
    while peer.session.want_data:
        lines += len(JUNK)
        peer.feed(JUNK)
    peer.lose()
    return lines


def test_whoever_connects_again_and_again_is_no_longer_read() -> None:
    host = Host()
    burst = 2 * host.hub.limits.frames_burst + 100
    connections = host.hub.limits.connections_per_address
    assert connections is not None
    read = send_until_stuck(host, 10**6)
    assert read == pytest.approx(connections / SHARE * burst, rel=0.1)


def test_another_address_is_read_as_before() -> None:
    host = Host()
    ann = host.connect(host=THERE)
    send_until_stuck(host, 10**6)
    ann.send(Hello(protocol=1, nick="ann"), Join(room="lobby"))
    ann.send(Post(room="lobby", id="a", text="a"))
    assert ann.one(Ack).id == "a"


def test_it_is_read_again_at_the_rate_of_its_address() -> None:
    host = Host(connections_per_address=20 * SHARE, frames_per_second=1.0)
    send_until_stuck(host, 10**6)
    host.advance(100.0)
    rate = 20 * 4
    assert send_until_stuck(host, 10**6) == pytest.approx(100 * rate, rel=0.2)


def test_those_of_one_address_get_their_turn_however_much_one_of_them_sends() -> None:
    host = Host()
    ann = host.live("ann")
    flood = host.connect()
    for _ in range(200):
        while flood.session.want_data:
            flood.feed(JUNK)
        host.advance(0.1)
    ann.send(Post(room="nowhere", id="a", text="a"))
    for _ in range(10):
        host.advance(0.1)
    assert ann.error().code == "not_joined"


def test_whoever_sends_little_waits_little_behind_an_address_that_has_used_up_all() -> None:
    host = Host()
    ann = host.member("ann")
    crowd = [host.member(f"n{number}") for number in range(60)]
    visit: list[ClientFrame] = [Join(room="lobby", history=5), Leave(room="lobby")]
    for _ in range(8):
        for peer in crowd:
            peer.send(*visit * 50)
        host.advance(0.2)
    ann.send(Post(room="lobby", id="a", text="a"))
    host.advance(1.5)
    assert ann.one(Ack).id == "a"


@pytest.mark.parametrize(
    "limits",
    [Limits(connections_per_address=None), Limits(frames_per_second=None)],
    ids=["address", "frames"],
)
def test_there_is_none_where_addresses_or_frames_are_not_limited(limits: Limits) -> None:
    allowances = Allowances(limits)
    held = [allowances.give(f"192.0.2.{number}", 0.0) for number in range(10)]
    assert len(held) == 10
    assert len(allowances) == 0


def use(allowances: Allowances, address: str, now: float) -> None:
    """Let a connection from an address come, send something, and go."""
    allowance = allowances.give(address, now)
    assert allowance is not None
    allowance.take(1_000, 0, now)


def test_addresses_are_forgotten_once_they_are_full_again() -> None:
    allowances = Allowances(Limits())
    for number in range(1_000):
        use(allowances, f"2001:db8:{number:x}::", number * 1.0)
    gc.collect()
    assert len(allowances) < 10


def test_an_address_that_is_connected_keeps_its_allowance() -> None:
    allowances = Allowances(Limits())
    first = allowances.give("192.0.2.1", 0.0)
    for number in range(2, 100):
        allowances.give(f"192.0.2.{number}", 0.0)
    second = allowances.give("192.0.2.1", 0.0)
    assert first is not None
    assert second is not None
    first.take(10**6, 0, 0.0)
    assert second.wait(0.0) > 1.0


def test_one_that_was_full_and_is_used_up_after_that_outlives_its_connections() -> None:
    allowances = Allowances(Limits())
    held = [allowances.give("192.0.2.1", 0.0) for _ in range(20)]
    allowances.give(THERE, 0.0)
    for allowance in held:
        assert allowance is not None
        allowance.take(1_000, 0, 0.0)
    del held, allowance
    gc.collect()
    again = allowances.give("192.0.2.1", 0.0)
    assert again is not None
    assert again.wait(0.0) > 0.0


def test_an_address_that_is_never_full_does_not_keep_others_from_being_forgotten() -> None:
    allowances = Allowances(Limits())
    first = allowances.give("192.0.2.1", 0.0)
    assert first is not None
    for number in range(1_000):
        first.take(1_000, 0, number * 1.0)
        use(allowances, f"2001:db8:{number:x}::", number * 1.0)
    gc.collect()
    assert len(allowances) < 10
