"""People at servers that share a log."""

import threading
import time

from chatcore import RefusedError
from tests.cli.processes import ChatServer
from transports.threaded_tcp import Chat, connect

__all__ = ["PATIENCE", "enter"]

PATIENCE = 45.0
"""Seconds: three times as long as a log lets nobody in at its start, where no server is forked."""


def enter(
    server: ChatServer | str,
    nick: str,
    secret: str | None = None,
    *,
    key: str | None = None,
    invite: str | None = None,
) -> Chat:
    """Connect and join the lobby, once nicks can be claimed: in the first seconds of a log they cannot."""
    url = server if isinstance(server, str) else server.url
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return connect(url, nick=nick, session=secret, key=key, invite=invite)
        except RefusedError as error:
            if error.code != "unavailable" or error.retry_after is None or time.monotonic() > until:
                raise
            threading.Event().wait(error.retry_after)
