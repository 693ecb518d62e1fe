"""How many may connect, all together and from one address."""

import pytest

from chatcore.messages import Welcome
from tests.server.driver import Host


def test_a_server_that_is_full_says_so_and_has_room_again_when_somebody_leaves() -> None:
    host = Host(connections=2)
    first, second = host.live("ana"), host.live("bob")
    third = host.connect()
    error = third.error()
    assert (error.code, error.message) == ("limit_exceeded", "the server is full")
    assert third.ended
    second.eof()
    assert host.live("cleo").session.nick == "cleo"
    assert not first.ended


def test_one_that_was_refused_does_not_count() -> None:
    host = Host(connections=1)
    host.live("ana")
    for _ in range(3):
        refused = host.connect()
        refused.eof()
        assert refused.closed
    assert repr(host.hub) == "<Hub connections=1 rooms=0>"
    assert len(host.endpoint) == 1


def test_one_that_was_refused_can_say_what_it_likes() -> None:
    host = Host(connections=1)
    host.live("ana")
    refused = host.connect()
    refused.take()
    refused.feed(b'{"type":"hello","protocol":1,"nick":"bob"}\n')
    assert refused.take_all(Welcome) == []


@pytest.mark.parametrize(
    ("hosts", "another"),
    [
        (["192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1"], "192.0.2.2"),
        (["2001:db8:1:2::1", "2001:db8:1:2::2", "2001:db8:1:2:ffff::"], "2001:db8:1:3::1"),
    ],
)
def test_one_address_may_have_so_many(hosts: list[str], another: str) -> None:
    host = Host(connections_per_address=2)
    first, second, third = (host.connect(host=address) for address in hosts)
    assert third.error().code == "limit_exceeded"
    assert [first.ended, second.ended, third.ended] == [False, False, True]
    assert not host.connect(host=another).ended
    first.lose()
    assert not host.connect(host=hosts[2]).ended


def test_without_limits_anybody_may_come() -> None:
    host = Host(connections=None, connections_per_address=None)
    assert not any(host.connect().ended for _ in range(300))
