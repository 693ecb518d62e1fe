"""How a client in a terminal starts: with its memory, a connection and the nick that it gets.

If it does not get in, what is kept of the user's own words is printed: nothing else would show it.
"""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence

from cli.access.login import Login
from cli.names import made_up_nick
from cli.terminal.app import Terminal
from cli.terminal.dial import Dial
from cli.terminal.memory import Memory, open_memory
from cli.terminal.options import Options
from cli.terminal.signals import stopped_by_signals
from cli.terminal.typeahead import Typeahead
from cli.warned import warned_by

__all__ = ["run"]


def run(url: str, nick: str | None, rooms: Sequence[str], options: Options, login: Login) -> int:
    """Chat until the user or the server ends it; return the exit code.

    Without a nick one is made up, and remembered for the next time.
    Standard input and output must be a terminal. A server that has let us in before is tried until it can be
    reached. Raises `ChatError` or `OSError` if the connection cannot be made; once it is made, errors are
    shown on the screen.
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
        dial = Dial(url, login, memory.secret, wait=memory.knows_server, say=terminal.note)
        with _showing_kept(terminal), warned_by(terminal.warn):
            async with await dial.connect(nick, terminal.show_kept) as chat:
                if name is None:
                    memory.note_nick(nick)
                return await terminal.run(chat, url, nick, rooms, login, warning=why_not)
    except Exception:
        memory.give_up()
        raise
    finally:
        memory.close()


@contextlib.contextmanager
def _showing_kept(terminal: Terminal) -> Iterator[None]:
    """Show what is kept if we do not get in."""
    try:
        yield
    except Exception:
        terminal.show_kept()
        raise


def _wanted(name: str | None, memory: Memory, login: Login) -> str:
    """Return the nick to ask for; that of an account is on the server."""
    if login.account is not None:
        return name or login.account
    return memory.nick or name or made_up_nick()
