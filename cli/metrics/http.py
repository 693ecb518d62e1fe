"""A small HTTP server, in a thread of its own, for whoever watches a server. GET and HEAD, one answer each.

- A request may have `HEAD_BYTES` and take `SECONDS`, with its answer, however slowly its bytes come and go.
- Of `MOST` connections, one more puts out the oldest that has not said yet what it wants, and none that is
  being answered. Who asks when `MOST` are being answered is turned away with 503. The last `KEPT` of these
  places are for the page of those who restart a server: others who are too many must not look like a failure.
- Without a descriptor for a connection, nothing is accepted for `PAUSE`. The server's own listeners log that.
- What is asked is compared, and never printed or stored.
"""

import asyncio
import http
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import Future
from typing import NamedTuple, cast

from cli.logs.events import metrics_failed

__all__ = ["Answer", "HttpServer", "Site"]

HEAD_BYTES = 8 * 1024
"""Bytes of a request, which has no body."""

SECONDS = 10.0
"""Seconds that a connection may last."""

MOST = 32
"""Connections at a time."""

KEPT = 8
"""Answers at a time that only the page of those who restart a server may have."""

PAUSE = 0.5
"""Seconds in which no connection is accepted after one could not be."""

TEXT = "text/plain; charset=utf-8"


class Answer(NamedTuple):
    """What is answered: a status, a type of content and the content."""

    status: http.HTTPStatus
    type: str
    body: bytes


Site = Mapping[str, Callable[[], Awaitable[Answer]]]
"""What is asked for each path. The last is the page of those who restart a server."""


class HttpServer:
    """Serves a site on sockets that are bound, from its construction on. `close` it.

    ``new_site`` is called in the thread's loop, where its answers are made, and must not block.
    """

    def __init__(self, sockets: Sequence[socket.socket], new_site: Callable[[], Site]) -> None:
        self._sockets = sockets
        self._new_site = new_site
        self._connections: dict[_Connection, None] = {}  # oldest first
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = threading.Thread(target=self._run, args=(started,), name="chat-http", daemon=True)
        self._thread.start()
        self._loop, self._stopping = started.result()

    def close(self) -> None:
        """Stop, and close the sockets and all connections. Call it once."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    def _run(self, started: "Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]]") -> None:
        async def main() -> None:
            loop, stopping = asyncio.get_running_loop(), asyncio.Event()
            site = self._new_site()
            async with asyncio.TaskGroup() as tasks:
                accepting = [tasks.create_task(self._accept(sock, site)) for sock in self._sockets]
                started.set_result((loop, stopping))
                await stopping.wait()
                for each in accepting:
                    each.cancel()
            for sock in self._sockets:
                sock.close()
            for connection in list(self._connections):
                connection.abort()

        asyncio.run(main())

    async def _accept(self, listener: socket.socket, site: Site) -> None:
        """Accept for ever. asyncio's own servers log each try that finds no descriptor, many at a time."""
        loop = asyncio.get_running_loop()
        listener.setblocking(False)
        while True:
            try:
                sock, _ = await loop.sock_accept(listener)
            except OSError:
                await asyncio.sleep(PAUSE)
                continue
            try:
                await loop.connect_accepted_socket(lambda: _Connection(site, self._connections), sock)
            except OSError:  # it is gone already
                sock.close()


class _Connection(asyncio.Protocol):
    """One connection: a request, an answer, and the end."""

    _transport: asyncio.Transport

    def __init__(self, site: Site, others: "dict[_Connection, None]") -> None:
        self._site = site
        self._others = others
        self._head = b""
        self._answering: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()

    @property
    def is_answering(self) -> bool:
        """Whether its request is complete."""
        return self._answering is not None

    def abort(self) -> None:
        """Give it up."""
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._deadline = self._loop.call_later(SECONDS, self.abort)
        if len(self._others) >= MOST:
            oldest = next((each for each in self._others if not each.is_answering), None)
            if oldest is not None:
                del self._others[oldest]
                oldest.abort()
        self._others[self] = None

    def data_received(self, data: bytes) -> None:
        if self._answering is not None:
            return
        self._head += data[: HEAD_BYTES + 1]
        head, end, _ = self._head.partition(b"\r\n\r\n")
        if end or len(self._head) > HEAD_BYTES:
            self._transport.pause_reading()
            self._head = b""
            places = MOST - sum(each.is_answering for each in self._others)
            self._answering = self._loop.create_task(self._answer(head if end else None, places))

    def eof_received(self) -> bool:
        return self._answering is not None  # it may have ended its side, and read what comes

    def connection_lost(self, exc: Exception | None) -> None:
        self._deadline.cancel()
        self._others.pop(self, None)
        if self._answering is not None:
            self._answering.cancel()

    async def _answer(self, head: bytes | None, places: int) -> None:
        method, answer = await _answer_to(head, self._site, places)
        self._transport.write(_encoded(answer, with_body=method != b"HEAD"))
        self._transport.close()


async def _answer_to(head: bytes | None, site: Site, places: int) -> tuple[bytes, Answer]:
    if head is None:
        return b"", _words(http.HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
    words = head.partition(b"\r\n")[0].split(b" ")
    if len(words) != 3 or not words[2].startswith(b"HTTP/1."):
        return b"", _words(http.HTTPStatus.BAD_REQUEST)
    method, target, _ = words
    if method not in (b"GET", b"HEAD"):
        return method, _words(http.HTTPStatus.METHOD_NOT_ALLOWED)
    path = target.partition(b"?")[0].decode("latin-1")
    page = site.get(path)
    if page is None:
        return method, _words(http.HTTPStatus.NOT_FOUND, f"here are {' and '.join(site)}")
    if places <= (0 if path == list(site)[-1] else KEPT):
        return method, _words(http.HTTPStatus.SERVICE_UNAVAILABLE, "too many ask at a time")
    try:
        return method, await page()
    except TimeoutError:
        return method, _words(http.HTTPStatus.SERVICE_UNAVAILABLE, "the server does not answer")
    except Exception as bug:
        metrics_failed.log_bug(bug)
        return method, _words(http.HTTPStatus.INTERNAL_SERVER_ERROR)


def _words(status: http.HTTPStatus, words: str = "") -> Answer:
    return Answer(status, TEXT, f"{words or status.phrase.lower()}\n".encode())


def _encoded(answer: Answer, *, with_body: bool) -> bytes:
    status, kind, body = answer
    lines = [
        f"HTTP/1.1 {status.value} {status.phrase}",
        f"Content-Type: {kind}",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "X-Content-Type-Options: nosniff",
        "Connection: close",
    ]
    if status is http.HTTPStatus.METHOD_NOT_ALLOWED:
        lines.append("Allow: GET, HEAD")
    head = "\r\n".join([*lines, "", ""]).encode()
    return head + body if with_body else head
