"""The HTTP server that shows metrics: what it answers, and that nobody holds it up."""

import asyncio
import contextlib
import errno
import os
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest

from cli.metrics import http
from cli.metrics.http import HEAD_BYTES, KEPT, MOST, Answer, HttpServer
from cli.metrics.pages import SHARE, Page
from tests.cli.metrics.scrape import DEADLINE, Reply, request

Address = tuple[str, int]

SHORT = 0.1
"""Seconds to wait for what must not come."""


class Site:
    """A server with a page that counts how often it is made, and another that fails."""

    def __init__(self) -> None:
        self.made = 0
        self.may_go_on = threading.Event()
        self.may_go_on.set()
        self.began = threading.Event()
        self.threads = 0
        sock = socket.create_server(("127.0.0.1", 0))
        self.address: Address = sock.getsockname()
        self._server = HttpServer([sock], self._new_site)

    def _new_site(self) -> http.Site:
        page, broken = Page(self._make, DEADLINE), Page(self._fail, DEADLINE)
        impatient = Page(self._make, SHORT)

        async def answer() -> Answer:
            return Answer(HTTPStatus.OK, "text/plain", await page.get())

        async def answer_soon() -> Answer:
            return Answer(HTTPStatus.OK, "text/plain", await impatient.get())

        async def fail() -> Answer:
            return Answer(HTTPStatus.OK, "text/plain", await broken.get())

        async def health() -> Answer:
            return Answer(HTTPStatus.OK, "text/plain", b"well")

        return {"/page": answer, "/soon": answer_soon, "/broken": fail, "/health": health}

    def _make(self) -> bytes:
        self.made += 1
        self.threads += 1
        self.began.set()
        assert self.may_go_on.wait(DEADLINE)
        self.threads -= 1
        return f"{self.made}".encode()

    def _fail(self) -> bytes:
        raise RuntimeError("this is a bug")

    def get(self, path: str = "/page") -> Reply:
        return request(self.address, f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())

    def connect(self) -> socket.socket:
        return socket.create_connection(self.address, timeout=DEADLINE)

    def close(self) -> None:
        self.may_go_on.set()
        self._server.close()


@pytest.fixture
def site() -> Iterator[Site]:
    with contextlib.closing(Site()) as site:
        yield site


def is_over(sock: socket.socket) -> bool:
    """Wait until a connection is ended by the other side; tell whether nothing was said."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def test_a_page_is_answered_and_the_connection_ends(site: Site) -> None:
    reply = site.get()
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, "1", "1")
    assert reply.headers["Connection"] == "close"
    assert site.get("/page?x=1").body == "2"


def test_head_has_the_length_and_no_body(site: Site) -> None:
    reply = request(site.address, b"HEAD /page HTTP/1.0\r\n\r\n")
    assert (reply.status, reply.body, reply.headers["Content-Length"]) == (200, "", "1")


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"GET /elsewhere HTTP/1.1\r\n\r\n", 404),
        (b"GET /../page HTTP/1.1\r\n\r\n", 404),
        (b"GET /\xff\x1b[2J HTTP/1.1\r\n\r\n", 404),
        (b"POST /page HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc", 405),
        (b"\xff\xfe\r\n\r\n", 400),
        (b"\r\n\r\n", 400),
        (b"GET /page\r\n\r\n", 400),
        (b"GET /page HTTP/1.1 x\r\n\r\n", 400),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (b"GET /" + b"x" * HEAD_BYTES + b" HTTP/1.1\r\n\r\n", 431),
    ],
    ids=lambda each: each[:12] if isinstance(each, bytes) else str(each),
)
def test_whatever_else_is_asked_gets_an_error_and_says_nothing_of_it(
    site: Site, data: bytes, status: int
) -> None:
    reply = request(site.address, data)
    assert reply.status == status
    assert reply.body.isprintable() or reply.body.rstrip("\n").isprintable()
    assert "x1b" not in reply.body
    assert site.made == 0


@pytest.mark.logs("metrics.failed")
def test_a_page_that_fails_is_an_error_and_is_logged(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    assert site.get("/broken").status == 500
    assert "this is a bug" in caplog.text
    assert site.get().status == 200


def test_a_crowd_that_says_nothing_keeps_nobody_out(site: Site) -> None:
    with ExitStack() as stack:
        crowd = [stack.enter_context(site.connect()) for _ in range(MOST)]
        for each in crowd:
            each.sendall(b"GET /page HTTP/1.1\r\nX: ")
        assert site.get().status == 200
        assert is_over(crowd[0])  # the oldest has made room
        crowd[-1].sendall(b"\r\n\r\n")
        assert crowd[-1].recv(12) == b"HTTP/1.1 200"


def test_who_asks_too_much_puts_out_nobody_who_is_being_answered_and_no_probe(site: Site) -> None:
    site.may_go_on.clear()
    asked = b"GET /page HTTP/1.1\r\n\r\n"
    with ExitStack() as stack:
        crowd = [stack.enter_context(site.connect()) for _ in range(MOST - KEPT)]
        for each in crowd:
            each.sendall(asked)
        assert site.began.wait(DEADLINE)
        for _ in range(2 * MOST):
            assert site.get().status == 503
            assert site.get("/health").status == 200
        site.may_go_on.set()
        assert {each.recv(12) for each in crowd} == {b"HTTP/1.1 200"}


def test_without_a_descriptor_connections_wait_and_no_try_is_logged(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tries, accept = list[float](), socket.socket.accept
    tried = threading.Event()

    def none_left(listener: socket.socket) -> object:
        if len(tries) < 3:
            tries.append(time.monotonic())
            raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))
        tried.set()
        return accept(listener)

    monkeypatch.setattr(http, "PAUSE", SHORT)
    monkeypatch.setattr(socket.socket, "accept", none_left)
    assert site.get().status == 200
    assert tried.is_set()
    assert tries[2] - tries[0] >= 2 * SHORT
    assert not caplog.records


def test_a_request_that_comes_byte_by_byte_is_over_in_time(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "SECONDS", 0.2)
    with site.connect() as slow:
        with contextlib.suppress(ConnectionError):  # it may end between the look and the byte
            while not select.select([slow], [], [], 0.01)[0]:
                slow.sendall(b"x")
        assert is_over(slow)


def test_a_line_that_never_ends_takes_no_memory(site: Site) -> None:
    with site.connect() as endless, contextlib.suppress(OSError):
        for _ in range(1_000):
            endless.sendall(b"x" * 64 * 1024)
        raise AssertionError("it took 64 MB")
    assert site.get().status == 200


def test_a_scraper_that_ends_its_side_gets_its_answer(site: Site) -> None:
    with site.connect() as sock:
        sock.sendall(b"GET /page HTTP/1.1\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        with sock.makefile("rb") as stream:
            assert stream.read().endswith(b"\r\n\r\n1")


def test_a_page_that_hangs_is_an_error_in_time_and_holds_one_thread(site: Site) -> None:
    site.may_go_on.clear()
    replies = [site.get("/soon") for _ in range(3)]
    assert [reply.status for reply in replies] == [503] * 3
    assert "does not answer" in replies[0].body
    assert site.began.wait(DEADLINE)  # its thread may still be about to begin
    assert (site.made, site.threads) == (1, 1)


def test_a_page_that_hung_is_made_again_when_it_can_be() -> None:
    async def main() -> None:
        slow = _Slow()
        page = Page(slow.make, SHORT)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                await page.get()
        assert slow.made == 1
        slow.go.set()
        async with asyncio.timeout(DEADLINE):
            while not await _succeeds(page):
                pass

    asyncio.run(main())


async def _succeeds(page: Page[int]) -> bool:
    try:
        return await page.get() >= 2
    except TimeoutError:  # the machine is slow
        return False


def test_who_asks_while_a_page_is_made_gets_the_next_one_together() -> None:
    async def main() -> None:
        site = _Slow()
        page = Page(site.make, DEADLINE)
        first = asyncio.ensure_future(page.get())
        await asyncio.to_thread(site.began.wait, DEADLINE)
        later = [asyncio.ensure_future(page.get()) for _ in range(50)]
        await asyncio.sleep(0)
        site.go.set()
        assert await first == 1
        assert await asyncio.gather(*later) == [2] * 50

    asyncio.run(main())


class _Slow:
    def __init__(self) -> None:
        self.made = 0
        self.began, self.go = threading.Event(), threading.Event()

    def make(self) -> int:
        self.made += 1
        number = self.made
        self.began.set()
        assert self.go.wait(DEADLINE)
        return number


def test_making_pages_takes_a_share_of_the_time_however_often_they_are_asked_for() -> None:
    work = 0.01

    async def main() -> float:
        loop = asyncio.get_running_loop()

        def make() -> None:
            while time.thread_time() < work:
                pass

        page, began = Page(make, DEADLINE), loop.time()
        for _ in range(6):
            await page.get()
        return loop.time() - began

    assert asyncio.run(main()) >= 5 * SHARE * work  # the last pause is not waited for
