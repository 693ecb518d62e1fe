"""The first connection of a client in a terminal, under the nick that it gets.

Where we were never before, the first failure ends the program: the address may be wrong. A server that we
know is tried again until it is there, as by a client that has lost it. Whoever starts a client while a server
restarts wants to wait. So is any server that lets nobody in yet.
"""

import asyncio
import ssl
from collections.abc import Callable

from chatcore import Backoff, DisconnectedError, RefusedError, __version__
from cli.access.login import Login
from cli.let_in import LONGEST, is_passing, words_of
from cli.names import variants
from cli.terminal.answers import reason_of
from cli.terminal.patience import Patience
from transports.asyncio_tcp import Chat, connect

__all__ = ["Dial"]

_PASSING = ("drain", "lost", "timeout")
"""Reasons for the end of a connection that are none of ours."""


class Dial:
    """Connects to ``url``, once. ``say`` shows a line, and ``secret`` proves our right to the nick.

    With ``wait``, it tries again until the server can be reached. One that lets nobody in yet is always tried
    again.
    """

    def __init__(
        self, url: str, login: Login, secret: str | None, *, wait: bool, say: Callable[[str], None]
    ) -> None:
        self._url = url
        self._login = login
        self._secret = secret
        self._wait = wait
        self._say = say
        self._patience = Patience(say)
        self._backoff = Backoff(longest=LONGEST)
        self._reason = ""  # why the last try has failed, as shown last

    async def connect(self, nick: str, failed: Callable[[], None]) -> Chat:
        """Connect as ``nick`` or, where somebody else has it, one like it; `Chat` is to be entered.

        ``failed`` is called when the first try has failed and others follow. Raises what the last one has.
        """
        self._patience.begin(f"connecting to {self._url}")
        try:
            while True:
                try:
                    return await self._connect(nick)
                except (OSError, DisconnectedError, RefusedError) as error:
                    if not is_passing(error) and not (self._wait and _passes(error)):
                        raise
                    at_least = self._report(error, failed)
                await asyncio.sleep(self._backoff.next(at_least))
        finally:
            self._patience.close()

    def _report(self, error: Exception, failed: Callable[[], None]) -> float:
        """Say that a try has failed, unless that was said; return how long the server wants us to wait."""
        self._patience.close()
        first, reason = not self._reason, _reason_of(error)
        if reason != self._reason:
            self._reason = reason
            self._say(f"{self._words(error)} (Ctrl-C to quit)")
        if first:
            failed()
        later = error.retry_after if isinstance(error, RefusedError) else None
        return later or 0.0

    def _words(self, error: Exception) -> str:
        if isinstance(error, RefusedError) and is_passing(error):
            return words_of(error)
        return f"cannot connect to {self._url}: {_reason_of(error)}; trying again"

    async def _connect(self, nick: str) -> Chat:
        *first, last = [nick] if self._login.account is not None else variants(nick)
        for name in first:
            try:
                return await self._connect_as(name)
            except RefusedError as error:
                if error.code != "nick_taken":
                    raise
        return await self._connect_as(last)

    async def _connect_as(self, nick: str) -> Chat:
        client = f"chat {__version__}"
        return await connect(
            self._url, nick=nick, rooms=(), session=self._secret, client=client, **self._login.options
        )


def _passes(error: Exception) -> bool:
    """Tell whether the next try may succeed, though nobody here does anything about it."""
    match error:
        case RefusedError():
            return error.code == "unavailable" or error.retry_after is not None
        case DisconnectedError():
            return error.reason in _PASSING
        case _:
            wrong = isinstance(error, ssl.SSLError)  # the certificate, or our file of authorities
            return isinstance(error, OSError) and not wrong and error.filename is None


def _reason_of(error: Exception) -> str:
    """Return in words why a try has failed."""
    match error:
        case ConnectionRefusedError():
            return "no server is there"
        case TimeoutError():
            return "no answer in time"
        case RefusedError():
            return f"{error.message} ({error.code})"
        case DisconnectedError():
            return reason_of(error.reason)
        case OSError():
            return error.strerror or str(error)
        case _:
            return str(error)
