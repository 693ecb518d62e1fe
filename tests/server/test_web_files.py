"""What files cost those who ask for them, before a socket is open, and what nobody can cause with them."""

import pytest

from chatcore.address import Peer
from chatcore.server.session import Session
from chatcore.server.states import State
from chatcore.site import Site
from chatcore.wire.websocket import KEPT_BYTES, WebSocket
from tests.server.driver import Host
from tests.wire.test_http import get
from tests.wire.websocket import request, text

SITE = Site.of({"index.html": b"<!doctype html>", "app.js": b"x" * 100})


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
