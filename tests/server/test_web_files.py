"""What files cost those who ask for them, before a socket is open, and what nobody can cause with them."""

import pytest

from chatcore.address import Peer
from chatcore.server.arrivals import REQUESTS
from chatcore.server.session import Session
from chatcore.server.states import State
from chatcore.site import Site
from chatcore.wire.websocket import KEPT_BYTES, WebSocket
from tests.server.driver import Host
from tests.wire.test_http import get
from tests.wire.websocket import request, text

SITE = Site.of({"index.html": b"<!doctype html>", "app.js": b"x" * 100}, proxies=["192.0.2.9"])
PROXY = Peer("192.0.2.9", 1)
ADA, EVE = "X-Forwarded-For: 198.51.100.1", "X-Forwarded-For: 198.51.100.2"


def browser(host: Host, site: Site = SITE) -> Session:
    """Connect a browser."""
    return host.endpoint.open(Peer("192.0.2.1", 1), WebSocket(site))


def answer(host: Host, session: Session) -> bytes:
    """Return what a browser is sent, until there is nothing more."""
    while host.endpoint.turns:
        host.endpoint.handle_deadlines(host.clock.now)
    return b"".join(iter(session.data_to_send, b""))


def test_files_take_nothing_of_the_allowance_of_frames() -> None:
    host = Host(frames_burst=5)
    session = browser(host)
    for _ in range(20):
        session.receive_data(get("/app.js"))
        assert answer(host, session).startswith(b"HTTP/1.1 200 OK\r\n")
    session.receive_data(request())
    assert answer(host, session).startswith(b"HTTP/1.1 101 ")
    session.receive_data(text(b'{"type":"ping"}') * 6)
    pongs = answer(host, session)
    assert pongs.count(b'"pong"') == 5
    assert pongs.count(b'"rate_limited"') == 1


@pytest.mark.parametrize("path", ["/missing", "/app.js"])
def test_the_last_answer_comes_however_many_came_before(path: str) -> None:
    host = Host(frames_burst=5)
    session = browser(host)
    for _ in range(5):
        session.receive_data(get("/app.js"))
        answer(host, session)
    session.receive_data(get(path, "Connection: close"))
    assert b"\r\nConnection: close\r\n" in answer(host, session)
    assert session.closing


@pytest.mark.parametrize("tag", ["*", "another"], ids=["has-it", "has-not"])
def test_who_asks_without_end_and_reads_nothing_is_answered_so_much_and_no_more(tag: str) -> None:
    host = Host(frames_per_second=None, outbound_bytes=1_000_000, posts_in_flight=1_000_000)
    session = browser(host)
    session.receive_data(get("/app.js", f"If-None-Match: {tag}") * 2_000)
    answered = answer(host, session)
    assert KEPT_BYTES <= len(answered) < KEPT_BYTES + 1_000
    assert session.state is State.LINGERING


# --- through a proxy -----------------------------------------------------------------------------


def asked(host: Host, head: bytes) -> bytes:
    """Ask through the proxy, on a connection of its own as proxies do; return all that it is sent."""
    session = host.endpoint.open(PROXY, WebSocket(SITE))
    session.receive_data(head)
    data = answer(host, session)
    if b" 101 " not in data:
        session.receive_eof()
        assert session.closed
        session.connection_lost()
    return data


def test_files_through_a_proxy_are_no_new_connections_of_those_who_ask_for_them() -> None:
    host = Host(new_connections_burst=2, new_connections_per_second=1.0)
    for _ in range(2 * REQUESTS - 2):
        assert asked(host, get("/app.js", ADA)).startswith(b"HTTP/1.1 200 OK\r\n")
    for _ in range(2):
        assert b"limit_exceeded" not in asked(host, request(ADA))
    assert host.hub.statistics().turned_away == 0


@pytest.mark.parametrize(
    "head",
    [get("/app.js", ADA), get("/missing", ADA), get("/", ADA, host="evil.example")],
    ids=["a file", "no file", "another host"],
)
def test_who_asks_through_a_proxy_without_end_is_told_to_wait_and_nobody_else(head: bytes) -> None:
    host = Host(new_connections_burst=2, new_connections_per_second=1.0)
    for _ in range(2 * REQUESTS):
        assert not asked(host, head).startswith(b"HTTP/1.1 429 ")
    for _ in range(3):
        refused = asked(host, head)
        assert refused.startswith(b"HTTP/1.1 429 Too Many Requests\r\n")
        assert b"\r\nRetry-After: 1\r\n" in refused
        assert refused.count(b"HTTP/1.1") == 1
    assert asked(host, request(ADA)) == b""
    assert host.hub.statistics().turned_away == 4
    assert asked(host, get("/app.js", EVE)).startswith(b"HTTP/1.1 200 ")
    assert b" 101 " in asked(host, request(EVE))
    host.clock.now += 1.0
    assert not asked(host, head).startswith(b"HTTP/1.1 429 ")


def test_sockets_through_a_proxy_are_new_connections_as_before() -> None:
    host = Host(new_connections_burst=2, new_connections_per_second=0.01)
    for _ in range(2):
        assert b"limit_exceeded" not in asked(host, request(ADA))
    assert b"limit_exceeded" in asked(host, request(ADA))
    assert asked(host, get("/app.js", ADA)).startswith(b"HTTP/1.1 200 ")


def test_a_full_server_bounds_what_is_asked_of_it_through_a_proxy() -> None:
    host = Host(connections=1, new_connections_burst=1, new_connections_per_second=1.0)
    host.live("ben")
    for _ in range(REQUESTS - 1):
        assert asked(host, get("/app.js", ADA)).startswith(b"HTTP/1.1 200 ")
    told = asked(host, request(ADA))
    assert told.startswith(b"HTTP/1.1 101 ")
    assert b"limit_exceeded" in told
    assert asked(host, get("/app.js", ADA)).startswith(b"HTTP/1.1 429 ")
    assert asked(host, request(ADA)) == b""
    assert asked(host, get("/app.js", EVE)).startswith(b"HTTP/1.1 200 ")


def test_without_limits_for_addresses_nobody_who_asks_is_told_to_wait() -> None:
    host = Host(connections_per_address=None, new_connections_burst=1)
    for _ in range(3 * REQUESTS):
        assert asked(host, get("/app.js", ADA)).startswith(b"HTTP/1.1 200 ")


def test_requests_through_a_proxy_leave_no_trace() -> None:
    host = Host(new_connections_burst=1)
    for _ in range(3 * REQUESTS):
        asked(host, get("/app.js", ADA))
    statistics = host.hub.statistics()
    assert (statistics.connections, len(host.endpoint), host.endpoint.turns) == (0, 0, 0)
    assert set(statistics.states.values()) == {0}
