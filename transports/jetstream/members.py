"""The servers of NATS that agree on where streams are, and the removal of one of them that is gone.

Each of them counts for a majority until it is removed, whether it runs or not, and what it had of a stream is
made nowhere else. This takes a user of the system account.
"""

import asyncio
import json
from typing import Final

from nats.aio.msg import Msg

from transports.asyncio_tcp import new_event_loop
from transports.jetstream.link import Link, LinkLost, Servers
from transports.jetstream.stream import Unfit

__all__ = ["MemberKept", "remove_member"]

ROLL_CALL: Final = 2.0
"""Seconds in which each server that runs says so."""

ANSWER: Final = 5.0
"""Seconds for the answer of the server that leads all of them: an election may be near its end."""

PAUSE: Final = 0.2
"""Seconds between questions whether a server is removed."""

ATTEMPTS: Final = 25
"""How often that is asked."""

_NO_MEMBER: Final = 10044


class MemberKept(Exception):
    """A server is not removed; the argument says why, for people."""


def remove_member(servers: Servers, name: str) -> None:
    """Remove a server that does not run from its cluster, by its name; another one gets what it had, if there
    is one. Blocks for seconds. Raises `MemberKept`.
    """  # fmt: skip
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_remove(servers, name))


async def _remove(servers: Servers, name: str) -> None:
    problems = []
    for address in servers.addresses:
        link = Link(servers, address, "_INBOX")
        try:
            await link.open()
            await _remove_by(link, name)
        except (LinkLost, Unfit) as error:
            problems.append(f"{address}: {error}")
        else:
            return
        finally:
            await link.close()
    raise MemberKept("; ".join(problems))


async def _remove_by(link: Link, name: str) -> None:
    if await _runs(link, name):
        raise MemberKept(f"{name} runs; stop its nats-server first")
    if not await _ask_to_remove(link, name):
        raise MemberKept(f"there is no server {name} in the cluster")
    for _ in range(ATTEMPTS):
        if not await _ask_to_remove(link, name):
            return
        await asyncio.sleep(PAUSE)
    raise MemberKept("no majority of the servers has agreed yet; look at `chat cluster status`")


async def _ask_to_remove(link: Link, name: str) -> bool:
    """Ask for the removal of a server, which is answered before others agree; ``False`` if there is none."""
    try:
        await link.ask("SERVER.REMOVE", {"peer": name}, ANSWER)
    except Unfit as error:
        if f"({_NO_MEMBER})" in str(error):
            return False
        raise
    return True


async def _runs(link: Link, name: str) -> bool:
    """Tell whether a server answers when all are called."""
    found = asyncio.Event()

    async def take(msg: Msg) -> None:
        if json.loads(msg.data)["server"]["name"] == name:
            found.set()

    inbox = link.inbox()
    await link.subscribe(inbox, take)
    await link.publish("$SYS.REQ.SERVER.PING", b"", inbox)
    try:
        await asyncio.wait_for(found.wait(), ROLL_CALL)
    except TimeoutError:
        return False
    return True
