"""What the types of the public API promise to a program. mypy checks this file; nothing runs it.

Each `assert_type` holds for every user who checks types. A mistake that the types have to catch has a ``type:
ignore``: were it caught no longer, mypy would report that as unused.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import assert_type

from chatcore import (
    Ack,
    ChatError,
    ClientLimits,
    DisconnectedError,
    Event,
    Gap,
    HistoryLimits,
    Hub,
    Joined,
    JournalStatistics,
    Left,
    Limits,
    MemoryJournal,
    Message,
    NickFrame,
    Offline,
    Page,
    Position,
    Post,
    Presence,
    RefusedError,
    Renamed,
    RoomEntry,
    RoomEvent,
    RoomList,
    RoomStatistics,
    SqliteJournal,
    Statistics,
    Subscription,
)
from transports import asyncio_tcp, threaded_tcp


async def asyncio_client(chat: asyncio_tcp.Chat, position: Position, message: Message) -> None:
    assert_type(await chat.post("text", room="ops", id="1"), Ack)
    assert_type(await chat.post("waves", kind="action"), Ack)
    posted: asyncio.Future[Ack] = chat.post_nowait("text")
    assert_type(await posted, Ack)
    assert_type(await chat.history(before=9, limit=5), Page)
    assert_type(await chat.history("ops", after_at=message.at, before_at=datetime.now(UTC)), Page)
    assert_type(await chat.list_rooms(after="ops", prefix="o", limit=5), RoomList)
    assert_type(await chat.who("ops"), tuple[str, ...])
    assert_type(await chat.join("ops", after=position, history=200), Joined)
    assert_type(await chat.leave("ops"), Left)
    assert_type(await chat.set_nick("ada"), NickFrame)
    assert_type(await chat.ping(), float)
    assert_type(await chat.receive(timeout=1.0), Event)
    assert_type(chat.events(), AsyncIterator[Event])
    assert_type(aiter(chat), AsyncIterator[Message])
    assert_type(chat.position(), Position)
    assert_type(chat.is_mine(message), bool)
    assert_type(chat.is_replay(message), bool)
    assert_type((chat.nick, chat.server, chat.secret), tuple[str, str, str])
    assert_type(chat.durability, str | None)
    assert_type(chat.address, str)
    assert_type((chat.rooms, chat.limits), tuple[tuple[str, ...], ClientLimits])
    assert_type((chat.closed, chat.unanswered), tuple[bool, int])
    assert_type((chat.account, chat.role), tuple[str | None, str | None])
    await chat.ask_nowait(Post(room="ops", id="1", text="text"))
    await chat.flush()
    await chat.close()


def threaded_client(chat: threaded_tcp.Chat, position: Position, message: Message) -> None:
    assert_type(chat.post("text", room="ops", id="1"), Ack)
    assert_type(chat.post("yes", kind="x.vote", target=message.seq), Ack)
    assert_type(chat.post_nowait("text", kind="notice"), Future[Ack])
    assert_type(chat.history(before=9, limit=5), Page)
    assert_type(chat.history("ops", after_at=message.at, before_at=datetime.now(UTC)), Page)
    assert_type(chat.list_rooms(after="ops", prefix="o", limit=5), RoomList)
    assert_type(chat.who("ops"), tuple[str, ...])
    assert_type(chat.join("ops", after=position, history=200), Joined)
    assert_type(chat.leave("ops"), Left)
    assert_type(chat.set_nick("ada"), NickFrame)
    assert_type(chat.ping(), float)
    assert_type(chat.receive(timeout=1.0), Event)
    assert_type(chat.events(), Iterator[Event])
    assert_type(iter(chat), Iterator[Message])
    assert_type(chat.position(), Position)
    assert_type(chat.is_mine(message), bool)
    assert_type(chat.is_replay(message), bool)
    assert_type((chat.nick, chat.server, chat.secret), tuple[str, str, str])
    assert_type(chat.durability, str | None)
    assert_type((chat.rooms, chat.limits), tuple[tuple[str, ...], ClientLimits])
    assert_type((chat.closed, chat.unanswered), tuple[bool, int])
    assert_type((chat.account, chat.role), tuple[str | None, str | None])
    chat.ask_nowait(Post(room="ops", id="1", text="text")).result()
    chat.flush()
    chat.close()


async def connecting() -> None:
    assert_type(await asyncio_tcp.connect(nick="ada", rooms=["ops"], session=None), asyncio_tcp.Chat)
    async with asyncio_tcp.connect("chat://127.0.0.1", nick="ada") as entered:
        assert_type(entered, asyncio_tcp.Chat)
    assert_type(threaded_tcp.connect(nick="ada", history=3, most_missed=200, key=None), threaded_tcp.Chat)
    await asyncio_tcp.connect()  # type: ignore[call-arg]  # a nick is needed
    threaded_tcp.connect("chat://127.0.0.1", "ada")  # type: ignore[call-arg]  # and is a keyword


def an_event_is_known_by_its_type(event: Event) -> None:
    match event:
        case Message():
            assert_type((event.seq, event.at, event.text), tuple[int, datetime, str])
            assert_type((event.kind, event.target), tuple[str | None, int | None])
        case Gap():
            assert_type((event.after, event.through), tuple[int, int])
        case Presence():
            assert_type((event.joined, event.renamed), tuple[tuple[str, ...], tuple[Renamed, ...]])
        case Offline():
            assert_type((event.reason, event.retry_in), tuple[str, float])
        case _:
            pass
    assert event.text  # type: ignore[union-attr]  # which not every event has


def rooms_are_listed(rooms: RoomList) -> None:
    assert_type(rooms.rooms, tuple[RoomEntry, ...])
    for entry in rooms.rooms:
        assert_type((entry.room, entry.count, entry.head), tuple[str, int, int])
        assert_type((entry.at, entry.private), tuple[datetime | None, bool | None])


def errors(error: ChatError) -> None:
    match error:
        case RefusedError():
            assert_type((error.code, error.retry_after), tuple[str, float | None])
        case DisconnectedError():
            assert_type((error.reason, error.reconnect_after), tuple[str, float | None])
        case _:
            pass


def positions(position: Position) -> None:
    assert_type(Position.parse(str(position)), Position)


async def taking_part(hub: Hub, position: Position | None) -> None:
    posted: Future[Ack] = hub.post("ops", "deploy", "text", id="1", kind="x.vote", target=5)
    assert_type(posted.result(), Ack)
    assert_type(await asyncio.wrap_future(posted), Ack)
    subscription = hub.subscribe("ops", after=position, history=20)
    assert_type(subscription, Subscription)
    assert_type(subscription.receive(timeout=1.0), RoomEvent)
    assert_type(subscription.position, Position | None)
    with subscription as entered:
        for event in entered:
            assert_type(event, Joined | Message | Gap | Presence | Left)
    async with subscription as entered:
        async for event in entered:
            assert_type(event, Joined | Message | Gap | Presence | Left)
    assert_type(hub.is_alive(timeout=1.0), bool)
    statistics = hub.statistics()
    assert_type(statistics, Statistics)
    assert_type(statistics.rooms, tuple[RoomStatistics, ...])
    assert_type(statistics.journal, JournalStatistics | None)
    assert_type(hub.why_unhealthy(timeout=0.5), str | None)
    hub.post("ops", "deploy", "text", "1")  # type: ignore[call-arg]  # the id is a keyword


async def serving(limits: Limits, history: HistoryLimits) -> None:
    with Hub(SqliteJournal(Path("chat.db"), history), limits) as hub:
        assert_type(hub, Hub)
        with threaded_tcp.serve("chat://[::1]:0", hub=hub) as threaded:
            assert_type(threaded, threaded_tcp.Server)
        async with asyncio_tcp.serve() as server:
            assert_type(server, asyncio_tcp.Server)
            assert_type([str(listen) for listen in server.listening], list[str])
    Hub(MemoryJournal())
    Hub(Path("chat.db"))  # type: ignore[arg-type]  # a path is no journal
