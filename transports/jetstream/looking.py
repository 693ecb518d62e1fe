"""A look at a log for whoever runs it: which of its servers answer, and what the stream is now.

It makes nothing, and reads no entry.
"""

import asyncio
from dataclasses import dataclass

from transports.asyncio_tcp import new_event_loop
from transports.jetstream.link import Link, LinkLost, Servers, StreamMissing
from transports.jetstream.monitor import sync_problem
from transports.jetstream.stream import Stream, StreamState, Unfit

__all__ = ["Look", "look"]

ANSWER = 3.0
"""Seconds for an answer about the stream."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    ``versions`` are those of nats-server, by the addresses that answered, and ``unreachable`` says why others
    did not. ``state`` is ``None`` if it is not known, and ``problem`` says why. ``unsynced`` is why it is not
    known that all servers sync always, ``None`` if it is.
    """

    versions: dict[str, str]
    unreachable: dict[str, str]
    state: StreamState | None
    problem: str | None
    unsynced: str | None


def look(servers: Servers, stream: Stream) -> Look:
    """Ask every server whether it is there, and the first that knows about the stream. Blocks for seconds."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(_look(servers, stream))


async def _look(servers: Servers, stream: Stream) -> Look:
    answers = await asyncio.gather(*(_ask(servers, address, stream) for address in servers.addresses))
    found = dict(zip(servers.addresses, answers, strict=True))
    states = [answer for _, answer in answers if isinstance(answer, StreamState)]
    problems = [answer for version, answer in answers if version and isinstance(answer, str)]
    state = max(states, key=lambda each: each.last, default=None)  # one may not know the latest
    unreachable = {each: str(answer) for each, (version, answer) in found.items() if not version}
    return Look(
        versions={each: version for each, (version, _) in found.items() if version},
        unreachable=unreachable,
        state=state,
        problem=None if state else (problems or ["no server of it can be reached"])[0],
        unsynced=None if state is None else await sync_problem(servers.monitors, state.replicas),
    )


async def _ask(servers: Servers, address: str, stream: Stream) -> tuple[str, StreamState | str]:
    """Return the version of a server, empty if it can't be used, and what it says of the stream."""
    link = Link(servers, address, f"{stream.name}.inbox")
    version = ""
    try:
        await link.open()
        version = link.version
        return version, stream.read_info(await link.ask(f"STREAM.INFO.{stream.name}", {}, ANSWER))
    except StreamMissing:
        return version, f"there is no stream {stream.name}"
    except (LinkLost, Unfit) as error:
        return version, str(error)
    finally:
        await link.close()
