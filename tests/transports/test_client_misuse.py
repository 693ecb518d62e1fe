"""What a client's user may do wrong: the error names the mistake, and nothing hangs."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractAsyncContextManager, closing
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from chatcore import LocalError, MisuseError, RefusedError, UsageError
from tests.transports.clients import Visitor
from tests.transports.hostile import Guest, HostileServer
from tests.transports.peers import DEADLINE, line
from tests.transports.servers import House, new_transport
from transports import asyncio_tcp, threaded_tcp

pytestmark = pytest.mark.usefixtures("short_flush")

ROOT = Path(__file__).parent.parent.parent

CALLS: dict[str, Callable[[Any], Any]] = {
    "join": lambda chat: chat.join("attic"),
    "leave": lambda chat: chat.leave("lobby"),
    "post": lambda chat: chat.post("hello"),
    "flush": lambda chat: chat.flush(),
    "history": lambda chat: chat.history(),
    "who": lambda chat: chat.who(),
    "set_nick": lambda chat: chat.set_nick("anna"),
    "ping": lambda chat: chat.ping(),
    "receive": lambda chat: chat.receive(),
}
"""Every call that waits for the server."""


@pytest.fixture
def url() -> Iterator[str]:
    """The address of some server: what is misused here is the client."""
    with closing(House(new_transport("threaded"))) as house:
        yield house.url


# --- arguments -----------------------------------------------------------------------------------


def test_one_string_for_rooms_is_an_error_that_shows_the_list(connect: Callable[..., Visitor]) -> None:
    with pytest.raises(UsageError, match=r"write rooms=\['ops'\]"):
        connect("chat://127.0.0.1:1", nick="ann", rooms="ops")


def test_a_bad_name_of_a_room_is_found_before_connecting(connect: Callable[..., Visitor]) -> None:
    with pytest.raises(UsageError, match="a room's name is"):
        connect("chat://127.0.0.1:1", nick="ann", rooms=["lobby", "no spaces"])


def test_misuse_is_a_local_and_a_runtime_error() -> None:
    assert issubclass(MisuseError, LocalError)
    assert issubclass(MisuseError, RuntimeError)
    assert not issubclass(MisuseError, UsageError)


# --- entering twice ------------------------------------------------------------------------------


async def _await(connecting: asyncio_tcp.connect) -> None:
    chat = await connecting
    await chat.close()


async def _enter(connecting: AbstractAsyncContextManager[object]) -> None:
    async with connecting:
        pass


@pytest.mark.parametrize("first", [_await, _enter])
@pytest.mark.parametrize("second", [_await, _enter])
def test_one_connect_makes_one_connection(
    url: str,
    first: Callable[[asyncio_tcp.connect], Awaitable[None]],
    second: Callable[[asyncio_tcp.connect], Awaitable[None]],
) -> None:
    async def main() -> None:
        connecting = asyncio_tcp.connect(url, nick="ann")
        await first(connecting)
        with pytest.raises(MisuseError, match="call connect again"):
            await second(connecting)

    asyncio.run(main())


def test_a_connect_under_way_is_not_entered_again(url: str) -> None:
    async def main() -> None:
        connecting = asyncio_tcp.connect(url, nick="ann")
        async with connecting as chat:
            with pytest.raises(MisuseError, match="call connect again"):
                await connecting
            assert (await chat.post("still here")).seq == 1

    asyncio.run(main())


def test_an_asyncio_chat_is_entered_once(url: str) -> None:
    async def main() -> None:
        async with await asyncio_tcp.connect(url, nick="ann") as chat:
            with pytest.raises(MisuseError, match="entered before"):
                await _enter(chat)

    asyncio.run(main())


def test_a_threaded_chat_is_entered_once(url: str) -> None:
    with (
        threaded_tcp.connect(url, nick="ann") as chat,
        pytest.raises(MisuseError, match="entered before"),
        chat,
    ):
        pass


# --- another event loop --------------------------------------------------------------------------


async def _call(chat: asyncio_tcp.Chat, name: str) -> None:
    await asyncio.wait_for(CALLS[name](chat), DEADLINE)


@pytest.mark.parametrize("name", CALLS)
def test_a_chat_of_another_loop_is_refused(url: str, name: str) -> None:
    async def connect() -> asyncio_tcp.Chat:
        return await asyncio_tcp.connect(url, nick="ann")

    with asyncio.Runner() as one, asyncio.Runner() as two:
        chat = one.run(connect())
        with pytest.raises(MisuseError, match="another event loop"):
            two.run(_call(chat, name))
        one.run(chat.close())


@pytest.mark.parametrize("name", [*CALLS, "close"])
def test_a_chat_of_another_thread_is_refused(url: str, name: str) -> None:
    calls: dict[str, Callable[[Any], Any]] = {**CALLS, "close": lambda chat: chat.close()}

    async def call(chat: asyncio_tcp.Chat) -> None:
        await asyncio.wait_for(calls[name](chat), DEADLINE)

    def run_call(chat: asyncio_tcp.Chat) -> None:
        asyncio.run(call(chat))

    async def main() -> None:
        async with asyncio_tcp.connect(url, nick="ann") as chat:
            with pytest.raises(MisuseError, match="run_coroutine_threadsafe"):
                await asyncio.to_thread(run_call, chat)

    asyncio.run(main())


def test_a_post_from_outside_of_the_loop_is_refused(url: str) -> None:
    def post(chat: asyncio_tcp.Chat) -> None:
        chat.post_nowait("hello").cancel()

    async def main() -> None:
        async with asyncio_tcp.connect(url, nick="ann") as chat:
            with pytest.raises(MisuseError, match="another event loop"):
                await asyncio.to_thread(post, chat)
            assert (await chat.post("hello")).seq == 1

    asyncio.run(main())


def test_a_closed_chat_may_be_closed_again_anywhere(url: str) -> None:
    async def connect() -> asyncio_tcp.Chat:
        async with asyncio_tcp.connect(url, nick="ann") as chat:
            return chat

    asyncio.run(asyncio.run(connect()).close())


# --- a blocking call in the client's own thread --------------------------------------------------


def _call_in_callback(url: str, answer: Event, call: Callable[[threaded_tcp.Chat], object]) -> Future[Any]:
    """Post, and call something in the callback of that; return what comes of it."""
    outcome: Future[Any] = Future()

    def run(_: object) -> None:
        try:
            outcome.set_result(call(chat))
        except BaseException as error:
            outcome.set_exception(error)

    with threaded_tcp.connect(url, nick="ann", reconnect=False) as chat:
        post = chat.post_nowait("hello", id="a-1")
        post.add_done_callback(run)
        answer.set()
        post.result(DEADLINE)
        outcome.exception(DEADLINE)
    return outcome


def _server(answer: Event) -> HostileServer:
    """Return a server that acknowledges one post, but not before a callback can be added to it."""

    def script(guest: Guest) -> None:
        guest.serve_until_joined()
        assert b'"post"' in guest.receive_line()
        assert answer.wait(DEADLINE)
        guest.give(line("ack", room="lobby", id="a-1", seq=1, durability="memory"))
        guest.wait_for_end()

    return HostileServer(script)


@pytest.mark.parametrize("name", [*CALLS, "result", "exception", "events", "messages"])
def test_a_blocking_call_from_a_callback_is_refused(name: str) -> None:
    calls: dict[str, Callable[[threaded_tcp.Chat], object]] = {
        **CALLS,
        "result": lambda chat: chat.post_nowait("again").result(),
        "exception": lambda chat: chat.post_nowait("again").exception(),
        "events": lambda chat: next(chat.events()),
        "messages": lambda chat: next(iter(chat)),
    }
    answer = Event()
    with _server(answer) as server:
        outcome = _call_in_callback(server.url, answer, calls[name])
    with pytest.raises(MisuseError, match="client's own thread"):
        outcome.result()


def test_a_callback_may_ask_and_look() -> None:
    answer = Event()

    def call(chat: threaded_tcp.Chat) -> tuple[int, tuple[str, ...], bool]:
        return chat.position().seq, chat.rooms, chat.post_nowait("again").done()

    with _server(answer) as server:
        assert _call_in_callback(server.url, answer, call).result() == (0, ("lobby",), False)


def test_a_callback_may_close_the_client() -> None:
    answer = Event()
    with _server(answer) as server:
        assert _call_in_callback(server.url, answer, lambda chat: chat.close()).result() is None


def test_a_callback_of_a_post_that_fails_may_post_elsewhere(url: str) -> None:
    with threaded_tcp.connect(url, nick="ann") as chat:
        refused, posted = chat.post_nowait("hello", room="attic"), Event()

        def post_elsewhere(_: object) -> None:
            chat.post_nowait("hello", room="cellar").add_done_callback(lambda _: posted.set())

        refused.add_done_callback(post_elsewhere)
        assert posted.wait(DEADLINE)
        assert isinstance(refused.exception(), RefusedError)


# --- a forked process ----------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system cannot fork")
def test_a_forked_process_is_refused_and_the_parent_is_unharmed(url: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.transports.forked", url],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3 * DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
