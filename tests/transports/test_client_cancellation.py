"""What asyncio does to a wait: a step that is cancelled or timed out loses nothing and ends nothing."""

import asyncio
from collections.abc import Iterator
from contextlib import closing

import pytest

from chatcore import Event, Joined, Message, Presence
from tests.transports.peers import DEADLINE
from tests.transports.servers import House, new_transport
from transports.asyncio_tcp import Chat, connect

SHORT = 0.02
"""Seconds after which a step is given up."""

STEPS = ("receive", "events", "messages")
"""The ways to wait for what comes next."""


class Taker:
    """Takes steps of one kind."""

    def __init__(self, chat: Chat, kind: str) -> None:
        self._chat = chat
        self._kind = kind
        self._events = chat.events()
        self._messages = aiter(chat)

    async def step(self) -> Event:
        """Wait for what comes next."""
        match self._kind:
            case "receive":
                return await self._chat.receive()
            case "events":
                return await anext(self._events)
            case _:
                return await anext(self._messages)


@pytest.fixture
def url() -> Iterator[str]:
    """The address of some server."""
    with closing(House(new_transport("threaded"))) as house:
        yield house.url


async def take_first_events(chat: Chat) -> None:
    """Take all that comes to somebody who is alone in the lobby: after that nothing does."""
    assert isinstance(await chat.receive(DEADLINE), Joined)
    assert isinstance(await chat.receive(DEADLINE), Presence)


@pytest.mark.parametrize("kind", STEPS)
def test_a_step_follows_one_that_timed_out(url: str, kind: str) -> None:
    async def main() -> None:
        async with connect(url, nick="ann") as chat:
            taker = Taker(chat, kind)
            await take_first_events(chat)
            for number in range(3):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(taker.step(), SHORT)
                await chat.post(f"line {number}")
                event = await asyncio.wait_for(taker.step(), DEADLINE)
                assert isinstance(event, Message)
                assert event.text == f"line {number}"

    asyncio.run(main())


@pytest.mark.parametrize("kind", STEPS)
@pytest.mark.parametrize("turns", range(6))
def test_an_event_that_comes_with_a_cancellation_is_not_lost(url: str, kind: str, turns: int) -> None:
    async def main() -> None:
        async with connect(url, nick="ann") as chat:
            taker = Taker(chat, kind)
            await take_first_events(chat)
            taken: list[Event] = []
            for number in range(20):
                step = asyncio.create_task(taker.step())
                await asyncio.sleep(0)
                await chat.post(f"line {number}")  # the message comes with its acknowledgement
                for _ in range(turns):
                    await asyncio.sleep(0)
                step.cancel()
                (outcome,) = await asyncio.gather(step, return_exceptions=True)
                if not isinstance(outcome, BaseException):
                    taken.append(outcome)
            while len(taken) < 20:
                taken.append(await chat.receive(DEADLINE))
            assert [each.text for each in taken if isinstance(each, Message)] == [
                f"line {number}" for number in range(20)
            ]

    asyncio.run(main())


def test_a_cancelled_consumer_makes_room_for_another(url: str) -> None:
    async def main() -> None:
        async with connect(url, nick="ann") as chat:
            await take_first_events(chat)
            one = asyncio.create_task(chat.receive())
            await asyncio.sleep(0)
            one.cancel()
            await asyncio.gather(one, return_exceptions=True)
            await chat.post("hello")
            assert (await chat.receive(DEADLINE)).type == "message"

    asyncio.run(main())


def test_a_cancelled_call_harms_no_other(url: str) -> None:
    async def main() -> None:
        async with connect(url, nick="ann") as chat:
            posts = [chat.post_nowait(f"line {number}") for number in range(3)]
            posts[1].cancel()
            flushing = asyncio.create_task(chat.flush())
            await asyncio.sleep(0)
            flushing.cancel()
            await asyncio.gather(flushing, return_exceptions=True)
            await chat.flush()
            assert (await posts[2]).seq == 3

    asyncio.run(main())
