"""A program whose clients are used in a forked process: ``python -m tests.transports.forked URL``.

It exits with 0 if every call there is refused, and the connection of the parent is unharmed.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from typing import Any

from chatcore import MisuseError
from tests.transports.peers import DEADLINE
from transports import asyncio_tcp, threaded_tcp

CALLS: list[Callable[[Any], Any]] = [
    lambda chat: chat.join("attic"),
    lambda chat: chat.leave("lobby"),
    lambda chat: chat.post("hello"),
    lambda chat: chat.post_nowait("hello"),
    lambda chat: chat.flush(),
    lambda chat: chat.history(),
    lambda chat: chat.who(),
    lambda chat: chat.set_nick("anna"),
    lambda chat: chat.receive(),
]


def is_refused(call: Callable[[], object]) -> bool:
    """Tell whether a call raises that this is a forked process."""
    try:
        call()
    except MisuseError as error:
        return "forked process" in str(error)
    return False


def holds_in_child(check: Callable[[], bool]) -> bool:
    """Return what a check returns in a forked process; false if it hangs there."""
    child = os.fork()
    if child == 0:
        signal.alarm(int(DEADLINE))
        os._exit(0 if check() else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def check_threaded(url: str) -> None:
    """Check the blocking client."""
    with threaded_tcp.connect(url, nick="ann") as chat:

        def check() -> bool:
            refused = [is_refused(lambda call=call: call(chat)) for call in CALLS]  # type: ignore[misc]  # mypy/4226
            refused += [is_refused(lambda: chat.rooms), is_refused(chat.position)]
            chat.close()
            return all(refused) and chat.nick == "ann"

        assert holds_in_child(check)
        assert chat.post("still here").seq == 1


async def check_asyncio(url: str) -> None:
    """Check the client for asyncio."""
    async with asyncio_tcp.connect(url, nick="ann") as chat:

        async def make(call: Callable[[asyncio_tcp.Chat], Any]) -> None:
            await call(chat)

        def check() -> bool:
            refused = [is_refused(lambda call=call: asyncio.run(make(call))) for call in CALLS]  # type: ignore[misc]  # mypy/4226
            asyncio.run(chat.close())
            return all(refused) and chat.nick == "ann"

        assert holds_in_child(check)
        assert (await chat.post("still here")).seq == 2


if __name__ == "__main__":
    check_threaded(sys.argv[1])
    asyncio.run(check_asyncio(sys.argv[1]))
