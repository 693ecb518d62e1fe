"""Both clients at their end: what was posted right before has its answer, and no end waits too long."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import Future
from threading import Event

import pytest

from chatcore import Ack, ClosedError
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer
from tests.transports.peers import DEADLINE
from tests.transports.servers import House
from tests.transports.tls import trust
from transports import asyncio_tcp, threaded_tcp

Connect = Callable[..., Visitor]


def _silent(posted: Event) -> Callable[[Guest], None]:
    """Return a script that acknowledges nothing."""

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.asked("post")
        posted.set()
        guest.wait_for_end()

    return script


def test_close_lets_posts_have_their_answer(house: House, connect: Connect) -> None:
    ann = connect(house.url, nick="ann", **trust(house.url))
    posts = [ann.post_nowait(f"bye {number}") for number in range(100)]
    ann.do("close")
    assert [post.result(DEADLINE).seq for post in posts] == list(range(1, 101))


def test_close_while_events_wait_lets_posts_have_their_answer(house: House, connect: Connect) -> None:
    bob = house.member("bob")
    ann = connect(house.url, nick="ann", **trust(house.url))
    for number in range(1_500):
        bob.post("x" * 100, f"b-{number}")
    post = ann.post_nowait("bye")
    ann.do("close")
    assert post.result(DEADLINE).seq > 0


def test_close_gives_up_after_a_time(connect: Connect, short_flush: None) -> None:
    posted = Event()
    with HostileServer(_silent(posted)) as server:
        ann = connect(server.url, nick="ann")
        post = ann.post_nowait("hello?")
        assert posted.wait(DEADLINE)
        ann.do("close")
        with pytest.raises(ClosedError):
            post.result(DEADLINE)


def test_close_gives_up_without_a_connection_too(connect: Connect, short_flush: None) -> None:
    lost = Event()

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        guest.asked("post")
        guest.reset()
        lost.set()

    with HostileServer(script) as server:
        ann = connect(server.url, nick="ann", reconnect=True)
        post = ann.post_nowait("hello?")
        assert lost.wait(DEADLINE)
    ann.do("close")
    with pytest.raises(ClosedError):
        post.result(DEADLINE)


def test_a_with_block_sends_what_was_posted_right_before_its_end(house: House) -> None:
    async def by_asyncio() -> None:
        async with asyncio_tcp.connect(house.url, nick="ann", **trust(house.url)) as chat:
            assert not chat.post_nowait("bye from asyncio").done()

    asyncio.run(by_asyncio())
    with threaded_tcp.connect(house.url, nick="ann", **trust(house.url)) as chat:
        chat.post_nowait("bye from threads")
    with threaded_tcp.connect(house.url, nick="ann", **trust(house.url)) as chat:
        assert [message.text for message in chat.history().messages] == [
            "bye from asyncio",
            "bye from threads",
        ]


def _leave_block(url: str, posted: Event, error: BaseException) -> "Future[Ack]":
    with contextlib.suppress(type(error)), threaded_tcp.connect(url, nick="ann", **trust(url)) as chat:
        post = chat.post_nowait("hello?")
        assert posted.wait(DEADLINE)
        raise error
    return post


def test_an_interrupted_block_does_not_wait_for_posts() -> None:
    posted = Event()
    with HostileServer(_silent(posted)) as server:
        post = _leave_block(server.url, posted, KeyboardInterrupt())
    assert isinstance(post.exception(0), ClosedError)


def test_a_block_that_raises_waits_for_posts(house: House) -> None:
    posted = Event()
    posted.set()
    assert _leave_block(house.url, posted, ZeroDivisionError()).result(0).seq == 1


def test_a_cancelled_close_ends_the_connection() -> None:
    posted = Event()

    async def main(url: str) -> None:
        chat = await asyncio_tcp.connect(url, nick="ann")
        post = chat.post_nowait("hello?")
        await asyncio.to_thread(posted.wait, DEADLINE)
        closing = asyncio.create_task(chat.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert chat.closed
        assert isinstance(post.exception(), ClosedError)

    with HostileServer(_silent(posted)) as server:
        asyncio.run(main(server.url))
