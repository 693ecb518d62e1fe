"""``chat join``: from a link to an account, or to a key of one.

- The link is asked for without showing it, or read from a pipe. It is a secret, so it is no argument: those
  are seen by everybody on the machine, and stay in a shell's history.
- The key is stored before it is sent. Whatever fails after that, the same link can be used again: the server
  knows the key by then, or lets it in now.
- A key that the server refuses for good is forgotten.
- How the server's certificate is known is decided in `cli.access.trust`. A stored pin that was not needed is
  forgotten: it would keep us out once the certificate is renewed.
"""

import contextlib
import getpass
import shlex
import ssl
import sys
from collections.abc import Sequence

import typer

from chatcore import RefusedError, UsageError, __version__, new_key
from cli.access.keys import KeyFile
from cli.access.links import Link, parse_link
from cli.access.login import Login
from cli.access.page import find_server
from cli.access.trust import Ca, trusts_of_link
from cli.commands.client import login_nick
from cli.report import reaching
from cli.streams import write_text
from transports.threaded_tcp import connect

__all__ = ["run"]

MOST_CHARS = 4_096
"""The longest line that is read: a link has a few hundred characters."""


def run(nick: str | None, key_file: str | None, ca: Ca, *, replace: bool, insecure: bool) -> None:
    """Use a link; print who we are on its server.

    Raises `UsageError` for what is not a link, and if there is a key already, and `RefusedError`, `OSError`
    or another `ChatError` if the server does not let us in.
    """
    file = KeyFile.of(key_file)
    link = _link(ca.path)
    name = nick or _asked_nick()
    key = file.begin(link.url, link.invite, new_key, again=replace)
    stored = file.entry(link.url).pin
    logins = [
        Login(key=key, ca=trust.ca, pin=trust.pin, insecure=insecure)
        for trust in trusts_of_link(link.pin, ca, stored)
    ]
    (account, role), pin = _redeem(file, link, name, logins)
    file.finish(link.url, account, pin=pin, insecure=insecure)
    write_text(f"you are {account}{f' ({role})' if role else ''} at {link.url}\n")
    if stored is not None and pin is None:
        write_text(
            "an authority vouches for its certificate, so the fingerprint that was stored is forgotten\n"
        )
    authorities = f" --ca {shlex.quote(ca.path)}" if ca.typed and ca.path and pin is None else ""
    write_text(f"now run: chat client {link.url}{authorities}\n", wrap=False)


def _link(ca: str | None) -> Link:
    """Return the link to a server that the user gives."""
    link = parse_link(_line())
    if not link.is_page:
        return link
    found = find_server(link.url, ca)
    write_text(f"{link.url} leads to {found.url}\n")
    return Link(found.url, link.invite, found.pin)


def _line() -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        return getpass.getpass("the link (it is not shown): ")
    line = "" if sys.stdin is None else sys.stdin.readline(MOST_CHARS)
    if not line.strip():
        raise UsageError("there is no link on standard input; pipe one to it, or run it in a terminal")
    return line


def _asked_nick() -> str:
    """Return a name for somebody who has no account there yet; who has one keeps its own."""
    default = login_nick()
    if sys.stdin is None or not sys.stdin.isatty():
        return default
    answer: str = typer.prompt("your name there, if you are new", default=default, err=True)
    return answer


def _redeem(
    file: KeyFile, link: Link, nick: str, logins: Sequence[Login]
) -> tuple[tuple[str, str | None], str | None]:
    """Return the account that the link is for with its role, and the pin that the server is known by."""
    *others, last = logins
    for login in others:
        with contextlib.suppress(ssl.SSLCertVerificationError):  # nothing was sent, so it can be tried again
            return _redeem_once(file, link, nick, login), login.pin
    return _redeem_once(file, link, nick, last), last.pin


def _redeem_once(file: KeyFile, link: Link, nick: str, login: Login) -> tuple[str, str | None]:
    client = f"chat {__version__}"
    try:
        with (
            reaching(link.url),
            connect(
                link.url,
                nick=nick,
                rooms=(),
                client=client,
                invite=link.invite,
                reconnect=False,
                **login.options,
            ) as chat,
        ):
            account, role = chat.account, chat.role
    except RefusedError as error:
        if error.code != "unauthorized":
            raise
        file.abandon(link.url)
        raise RefusedError(
            "unauthorized", "the link is unknown, used up or expired; ask for another"
        ) from None
    if account is None:
        file.abandon(link.url)
        raise UsageError(f"{link.url} has no accounts, so you need no link there: chat client {link.url}")
    return account, role
