"""A client that is dropped without being closed: it warns, and nothing of it is left."""

import asyncio
import gc
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from chatcore import Joined, Offline, RefusedError
from tests.protocol.frames import Presence
from tests.transports.peers import DEADLINE
from tests.transports.servers import House, new_transport
from transports import asyncio_tcp, threaded_tcp


@pytest.fixture
def house() -> Iterator[House]:
    """Some server: what is dropped here is the client."""
    with closing(House(new_transport("threaded"))) as house:
        yield house


@contextmanager
def dropping(expected: str = "was not closed") -> Iterator[None]:
    """Expect a warning of a dropped client, without help from the collector of cycles."""
    gc.collect()
    gc.disable()
    try:
        with pytest.warns(ResourceWarning, match=expected):
            yield
    finally:
        gc.enable()


def test_a_dropped_threaded_client_warns_and_leaves(house: House) -> None:
    bob = house.member("bob")
    with dropping("<threaded Chat .*ann.* was not closed"):
        chat = threaded_tcp.connect(house.url, nick="ann")
        chat.post("hello")
        bob.receive(Presence, where=lambda presence: "ann" in presence.joined)
        del chat
    assert bob.receive(Presence, where=lambda presence: "ann" in presence.left).count == 1


def test_a_dropped_asyncio_client_warns_and_leaves(house: House) -> None:
    bob = house.member("bob")

    async def main() -> None:
        chat = await asyncio_tcp.connect(house.url, nick="ann")
        await chat.post("hello")
        await asyncio.to_thread(bob.receive, Presence, where=lambda presence: "ann" in presence.joined)
        with dropping("<asyncio Chat .*ann.* was not closed"):
            del chat
        await asyncio.to_thread(bob.receive, Presence, where=lambda presence: "ann" in presence.left)

    asyncio.run(main())


def test_a_refusal_does_not_keep_a_dropped_client_alive(house: House) -> None:
    with dropping():
        chat = threaded_tcp.connect(house.url, nick="ann")
        with pytest.raises(RefusedError):
            chat.leave("attic")
        del chat


def test_a_client_dropped_while_offline_does_not_come_back(house: House) -> None:
    with dropping():
        chat = threaded_tcp.connect(house.url, nick="ann")
        house.server.close()
        while not isinstance(chat.receive(DEADLINE), Offline):
            pass
        del chat  # that its thread has ended is checked after every test


def test_an_asyncio_client_dropped_while_offline_does_not_come_back(house: House) -> None:
    async def main() -> None:
        chat = await asyncio_tcp.connect(house.url, nick="ann")
        house.server.close()
        while not isinstance(await chat.receive(DEADLINE), Offline):
            pass
        with dropping():
            del chat
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_iterating_keeps_a_client_alive(house: House) -> None:
    with dropping():
        events = threaded_tcp.connect(house.url, nick="ann").events()
        assert isinstance(next(events), Joined)
        del events


def test_a_connection_that_was_refused_leaves_nothing_to_warn_of(house: House) -> None:
    house.member("ann")
    with pytest.raises(RefusedError, match="nick_taken"):
        threaded_tcp.connect(house.url, nick="ann")
    gc.collect()  # a warning would be an error
