"""A look at a log for whoever runs it: which of its servers answer, and what the stream is now.

It makes nothing. It reads entries only for who asks for the last of them.
"""

import asyncio
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from chatcore.replication import LogEntry
from transports.asyncio_tcp import new_event_loop
from transports.jetstream.fetching import Fetches
from transports.jetstream.link import Link, LinkLost, Servers, StreamMissing, microseconds
from transports.jetstream.monitor import MonitorPage, read_pages, sync_problem
from transports.jetstream.stream import Stream, StreamState, Unfit

__all__ = ["Look", "ServerLook", "last_entries", "look", "look_at"]

ANSWER = 3.0
"""Seconds for an answer about the stream."""

Failure = Literal["unreachable", "silent", "missing", "unfit"]
"""Why a stream is not known: no server can be used, none answers, there is none, or it is not as ours are."""

CATCHING_UP = (0.1, 0.2, 0.4)
"""Seconds after which the stream is looked at again where a server lacks some: each does after each entry."""


@dataclass(frozen=True, slots=True)
class ServerLook:
    """What was seen of one server.

    ``version`` is empty if it did not answer, and ``problem`` says why it cannot be used, if it cannot.
    ``max_payload`` is the most bytes that it takes in a message.
    """

    version: str
    max_payload: int
    has_jetstream: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    ``servers`` are by their address, and ``monitors`` by theirs, a reason where one says nothing. ``state``
    is ``None`` if it is not known; ``problem`` says why, and ``failure`` in one word.
    ``ahead`` is how many seconds the clock of the server that leads is ahead of this machine's, ``None`` if
    that is not known. ``unsynced`` is why it is not known that all servers sync always, ``None`` if it is.
    """

    servers: dict[str, ServerLook]
    monitors: dict[str, MonitorPage | str]
    state: StreamState | None
    problem: str | None
    failure: Failure | None
    ahead: float | None
    unsynced: str | None

    @property
    def versions(self) -> dict[str, str]:
        """The versions of nats-server, by the addresses of the servers that can be used."""
        return {address: each.version for address, each in self.servers.items() if not each.problem}

    @property
    def unreachable(self) -> dict[str, str]:
        """Why the others cannot."""
        return {address: each.problem for address, each in self.servers.items() if each.problem}


@dataclass(frozen=True, slots=True)
class _Answer:
    """What one server says of the stream."""

    server: ServerLook
    state: StreamState | None = None
    problem: str = ""
    failure: Failure | None = None
    ahead: float | None = None


def look(servers: Servers, stream: Stream) -> Look:
    """Ask every server whether it is there, and the first that knows about the stream. Blocks for seconds."""
    return look_at(servers, stream)[0]


def look_at(servers: Servers, *streams: Stream) -> list[Look]:
    """Look at several streams, as `look` does at one, at the same time."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_look_at(servers, streams))


def last_entries(servers: Servers, stream: Stream, last: int, *, most: int, since: int = 0) -> list[LogEntry]:
    """Return the entries up to a position, in their order: at most so many, and the first that is from before
    ``since``, in microseconds, is the last that is asked for. Blocks for seconds.

    It ends before an entry that no server has, so there may be none.
    """  # fmt: skip
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_last_entries(servers, stream, last, most, since))


async def _look_at(servers: Servers, streams: Iterable[Stream]) -> list[Look]:
    return await asyncio.gather(*(_look(servers, stream) for stream in streams))


async def _look(servers: Servers, stream: Stream) -> Look:
    asking = asyncio.gather(*(_ask(servers, address, stream) for address in servers.addresses))
    pages, answers = await asyncio.gather(read_pages(servers.monitors), asking)
    seen = {each: answer.server for each, answer in zip(servers.addresses, answers, strict=True)}
    known = [(answer.state, answer.ahead) for answer in answers if answer.state is not None]
    if not known:
        problem, failure = next(
            ((answer.problem, answer.failure) for answer in answers if answer.failure),
            ("no server of it can be reached", "unreachable"),
        )
        return Look(seen, pages, None, problem, failure, None, None)
    state, ahead = max(known, key=lambda each: each[0].last)  # one may not know the latest
    return Look(seen, pages, state, None, None, ahead, sync_problem(pages, state))


async def _ask(servers: Servers, address: str, stream: Stream) -> _Answer:
    """Return what a server is, and what it says of the stream."""
    link = Link(servers, address, f"{stream.name}.inbox")
    try:
        await link.open()
    except (LinkLost, Unfit) as error:
        return _Answer(_server(link, str(error)))
    else:
        return await _ask_about(link, stream)
    finally:
        await link.close()


async def _ask_about(link: Link, stream: Stream) -> _Answer:
    server = _server(link)
    try:
        answer = await _ask_once(link, stream)
        for pause in CATCHING_UP:
            if answer.state is None or not answer.state.others:
                break
            await asyncio.sleep(pause)
            answer = await _ask_once(link, stream)
    except StreamMissing:
        return _Answer(server, problem=f"there is no stream {stream.name}", failure="missing")
    except LinkLost as error:
        return _Answer(server, problem=str(error), failure="silent")
    except Unfit as error:
        return _Answer(server, problem=str(error), failure="unfit")
    return answer


async def _ask_once(link: Link, stream: Stream) -> _Answer:
    asked = time.time()
    info = await link.ask(f"STREAM.INFO.{stream.name}", {}, ANSWER)
    between = (asked + time.time()) / 2
    now = microseconds(str(info.get("ts", "")))
    ahead = None if now is None else now / 1_000_000 - between
    return _Answer(_server(link), stream.read_info(info), ahead=ahead)


def _server(link: Link, problem: str = "") -> ServerLook:
    return ServerLook(link.version, link.max_payload, link.has_jetstream, problem)


async def _last_entries(servers: Servers, stream: Stream, last: int, most: int, since: int) -> list[LogEntry]:
    found: list[LogEntry] = []
    for address in servers.addresses:
        link = Link(servers, address, f"{stream.name}.inbox")
        try:
            await link.open()
            fetches = Fetches(link, stream, found.append)
            while len(found) < most and (not found or found[-1].at >= since):
                before = len(found)
                await fetches.fetch_from_leader(last - before)
                if len(found) == before:
                    break
        except (LinkLost, Unfit):
            continue
        finally:
            await link.close()
        if found:
            break
    return found[::-1]
