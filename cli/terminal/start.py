"""How a client in a terminal starts: with its memory, a connection and the nick that it gets."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from chatcore import RefusedError, __version__
from cli.access.login import Login
from cli.names import made_up_nick, variants
from cli.streams import write_text
from cli.terminal.app import Terminal
from cli.terminal.memory import Memory, open_memory
from cli.terminal.options import Options
from cli.terminal.signals import stopped_by_signals
from cli.terminal.typeahead import Typeahead
from transports.asyncio_tcp import Chat, connect

__all__ = ["run"]

PATIENCE = 1.0
"""Seconds after which a user is told that the server has not let us in yet."""


def run(url: str, nick: str | None, rooms: Sequence[str], options: Options, login: Login) -> int:
    """Chat until the user or the server ends it; return the exit code.

    Without a nick one is made up, and remembered for the next time.
    Standard input and output must be a terminal. Raises `ChatError` or `OSError` if the connection cannot be
    made; once it is made, errors are shown on the screen.
    """
    with Typeahead() as typeahead:
        return asyncio.run(_stoppable(url, nick, rooms, options, login, typeahead))


async def _stoppable(
    url: str, name: str | None, rooms: Sequence[str], options: Options, login: Login, typeahead: Typeahead
) -> int:
    """Converse, and be stopped by a signal before there is a screen: the terminal has to be restored."""
    task = asyncio.create_task(_converse(url, name, rooms, options, login, typeahead))
    codes: list[int] = []

    def stop(code: int) -> None:
        codes.append(code)
        task.cancel()

    with stopped_by_signals(stop, interrupt=False):
        try:
            return await task
        except asyncio.CancelledError:
            if codes:
                return codes[0]
            raise


async def _converse(
    url: str,
    name: str | None,
    rooms: Sequence[str],
    options: Options,
    login: Login,
    typeahead: Typeahead,
) -> int:
    memory, why_not = Memory(None), None
    if options.remember:
        memory, why_not = open_memory(url, name or "", account=login.account is not None)
    if options.rooms_are_usual and memory.rooms:
        rooms = ()  # what was left since then stays left, and what was on the screen comes first
    nick = _wanted(name, memory, login)
    try:
        terminal = Terminal(options, memory, typeahead)  # which may fail, so before others see us join
        await memory.make_secret()
        with _announcing(url):
            connected = await _connect(url, nick, memory.secret, login)
        async with connected as chat:
            if name is None:
                memory.note_nick(nick)
            return await terminal.run(chat, url, nick, rooms, login.pin, warning=why_not)
    except Exception:
        memory.give_up()
        raise
    finally:
        memory.close()


def _wanted(name: str | None, memory: Memory, login: Login) -> str:
    """Return the nick to ask for; that of an account is on the server."""
    if login.account is not None:
        return name or login.account
    return memory.nick or name or made_up_nick()


@contextlib.contextmanager
def _announcing(url: str) -> Iterator[None]:
    """Say after a while that a connection is being made."""
    announcing = asyncio.get_running_loop().call_later(PATIENCE, write_text, f"* connecting to {url} ...\n")
    try:
        yield
    finally:
        announcing.cancel()


async def _connect(url: str, nick: str, secret: str | None, login: Login) -> Chat:
    """Connect under a nick or, where somebody else has it, one like it."""
    *first, last = [nick] if login.account is not None else variants(nick)
    client = f"chat {__version__}"
    for name in first:
        try:
            return await connect(url, nick=name, rooms=(), session=secret, client=client, **login.options)
        except RefusedError as error:
            if error.code != "nick_taken":
                raise
    return await connect(url, nick=last, rooms=(), session=secret, client=client, **login.options)
