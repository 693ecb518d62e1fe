"""How many connections a server accepts, in total and from one address."""

import pytest

from tests.protocol.frames import Welcome
from tests.server.driver import Host


def test_a_full_server_refuses_connections_until_another_one_ends() -> None:
    host = Host(connections=2)
    first, second = host.live("ana"), host.live("bob")
    third = host.connect()
    error = third.error()
    assert (error.code, error.message) == ("limit_exceeded", "the server is full")
    assert third.ended
    second.eof()
    assert host.live("cleo").session.nick == "cleo"
    assert not first.ended


def test_a_refused_connection_does_not_count_towards_the_limit() -> None:
    host = Host(connections=1)
    host.live("ana")
    for _ in range(3):
        refused = host.connect()
        refused.eof()
        assert refused.closed
    assert repr(host.hub) == "<Hub connections=1 rooms=0>"
    assert len(host.endpoint) == 1


def test_input_on_a_refused_connection_is_ignored() -> None:
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
def test_connections_from_one_address_are_limited(hosts: list[str], another: str) -> None:
    host = Host(connections_per_address=2)
    first, second, third = (host.connect(host=address) for address in hosts)
    assert third.error().code == "limit_exceeded"
    assert [first.ended, second.ended, third.ended] == [False, False, True]
    assert not host.connect(host=another).ended
    first.lose()
    assert not host.connect(host=hosts[2]).ended


def test_any_number_may_connect_when_the_limits_are_off() -> None:
    host = Host(connections=None, connections_per_address=None)
    assert not any(host.connect().ended for _ in range(300))
