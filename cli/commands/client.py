"""``chat client``: a conversation in a terminal, a filter in a pipe."""

import getpass
import os
import re
import secrets
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from chatcore.errors import RefusedError
from chatcore.names import LOBBY, is_numeric, is_reserved
from cli.report import reaching

__all__ = ["as_somebody", "run"]

T = TypeVar("T")

HISTORY = 20
"""Messages that a person is shown of what was said before."""


def run(
    url: str,
    nick: str | None,
    rooms: Sequence[str],
    history: int | None,
    *,
    json: bool,
    plain: bool = False,
    quiet: bool = False,
    remember: bool = True,
) -> int:
    """Controller until the user, the input or the server ends it; return the exit code."""
    rooms = rooms or [LOBBY]
    if not json and _interactive():
        from cli.terminal.app import Options
        from cli.terminal.app import run as converse

        shown = HISTORY if history is None else history
        wishes = Options(shown, plain or os.environ.get("TERM") == "dumb", quiet, remember)
        with reaching(url):
            return as_somebody(nick, lambda name: converse(url, name, rooms, wishes))
    from cli.commands.pipe import run as pass_through

    with reaching(url):
        return as_somebody(nick, lambda name: pass_through(url, name, rooms, history, json=json))


def _interactive() -> bool:
    """Tell whether a person sits at both ends. Standard input is ``None`` where it was closed."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def as_somebody(nick: str | None, talk: Callable[[str], T], suffix: str = "") -> T:
    """Controller under a nick; one that the user did not choose gets a number if it is taken."""
    if nick is not None:
        return talk(nick)
    own = _login_nick() + suffix
    for name in (own, *(f"{own}-{number}" for number in range(2, 10))):
        try:
            return talk(name)
        except RefusedError as error:
            if error.code != "nick_taken":
                raise
    return talk(f"{own}-{secrets.token_hex(3)}")


def _login_nick() -> str:
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # this user has no name
        login = ""
    nick = re.sub(r"[^A-Za-z0-9._-]+", "-", login)[:24].strip("-.")
    return f"guest-{secrets.token_hex(2)}" if not nick or is_reserved(nick) or is_numeric(nick) else nick
