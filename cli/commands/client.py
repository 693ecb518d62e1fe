"""``chat client``: a conversation in a terminal, a filter in a pipe."""

import getpass
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from chatcore import RefusedError, UsageError, is_numeric, is_reserved
from cli.access.login import Login
from cli.descriptors import require_descriptors
from cli.names import made_up_nick, variants
from cli.report import reaching

__all__ = ["Look", "login_nick", "run", "with_nick"]

T = TypeVar("T")

HISTORY = 20
"""Older messages that a terminal shows when it joins a room, by default."""

DESCRIPTORS = 16
"""Files that a client in a terminal may have open, and some to spare."""


@dataclass(frozen=True, slots=True)
class Look:
    """How a terminal is to look and to be typed at: ``auto``, ``dark`` or ``light``, and two tables."""

    background: str = "auto"
    colours: Mapping[str, Any] = field(default_factory=dict)
    keys: Mapping[str, Any] = field(default_factory=dict)


def run(
    url: str,
    nick: str | None,
    rooms: Sequence[str],
    history: int | None,
    *,
    login: Login,
    json: bool,
    split: bool = False,
    plain: bool = False,
    quiet: bool = False,
    highlight: Sequence[str] = (),
    notices: str = "auto",
    remember: bool = True,
    look: Look = Look(),
    is_fixed: bool = True,
    are_usual: bool = False,
) -> int:
    """Chat until the user, the input or the server ends it; return the exit code.

    In a pipe, a nick that is taken gets a number unless it ``is_fixed``; in a terminal it always does.
    Rooms that ``are_usual`` are not entered where a terminal remembers others. Without rooms it begins in the
    lobby, and for a guest in the only room that it may enter, if that is one.
    Raises `UsageError` for invalid arguments, `RefusedError` if the server refuses them, and `OSError` or
    another `ChatError` if there is no connection, or no longer one.
    """
    if not json and _interactive():
        from cli.terminal.colours import Theme
        from cli.terminal.options import Options
        from cli.terminal.start import run as converse

        require_descriptors(DESCRIPTORS, "a client in a terminal")
        theme = Theme(_background(look.background), look.colours)
        shown = HISTORY if history is None else history
        options = Options(
            shown,
            plain or os.environ.get("TERM") == "dumb",
            quiet,
            highlight,
            notices,
            remember,
            theme,
            look.keys,
            are_usual,
        )
        with reaching(url):
            return converse(url, nick or login.account or _login_name(), rooms, options, login)
    from cli.commands.pipe import run as pass_through

    with reaching(url):
        return with_nick(
            nick,
            lambda name: pass_through(url, name, rooms, history, login=login, json=json, split=split),
            login=login,
            is_fixed=is_fixed,
        )


def _background(named: str) -> Literal["dark", "light"] | None:
    """Return the background that the user names; ``None`` is for the terminal to say."""
    match named:
        case "dark" | "light":
            return named
        case "auto":
            return None
        case _:
            raise UsageError(f"--background must be auto, dark or light, not {named!r}")


def _interactive() -> bool:
    """Tell whether both ends are a terminal. A stream is ``None`` if it was closed when we started."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def with_nick(
    nick: str | None, use: Callable[[str], T], suffix: str = "", *, login: Login, is_fixed: bool = True
) -> T:
    """Call ``use`` with the nick that the user chose, or with one made of the login name and a suffix.

    A nick that we chose gets a number if it is taken, so ``use`` may be called several times. So does one of
    the settings, which is not ``is_fixed``: another client of the same user may have it. A nick that was
    typed is never changed: then the `RefusedError` is raised. Nor is that of an account, which all of its
    devices may have.
    """
    if login.account is not None or (nick is not None and is_fixed):
        return use(nick or login.account or "")
    *first, last = variants(login_nick() + suffix if nick is None else nick)
    for name in first:
        try:
            return use(name)
        except RefusedError as error:
            if error.code != "nick_taken":
                raise
    return use(last)


def login_nick() -> str:
    """Return the nick that the login name makes, or one that is made up."""
    return _login_name() or made_up_nick()


def _login_name() -> str | None:
    """Return the login name as a nick; ``None`` if it makes none."""
    try:
        login = getpass.getuser()
    except (OSError, KeyError):  # this user has no name
        login = ""
    nick = re.sub(r"[^A-Za-z0-9._-]+", "-", login)[:24].strip("-.")
    return None if not nick or is_reserved(nick) or is_numeric(nick) else nick
