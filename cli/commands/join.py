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
from typing import NamedTuple

import typer

from chatcore import LOBBY, ChatError, RefusedError, RoomList, UsageError, __version__, new_key
from cli.access.guests import GUEST, MOST_NAMED, first_rooms, naming
from cli.access.keys import DeviceKey, KeyFile
from cli.access.links import Link, address, nodes_of, parse_link
from cli.access.login import Login
from cli.access.page import find_server
from cli.access.trust import Ca, trust_of, trusts_of_link
from cli.commands.client import login_nick
from cli.report import complain, reaching
from cli.streams import write_text
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

MOST_CHARS = 4_096
"""The longest line that is read: a link has a few hundred characters."""


def run(nick: str | None, key_file: str | None, ca: Ca, *, replace: bool, insecure: bool) -> None:
    """Use a link; print who we are on its server, and what to do next.

    With a key that we have there already, a link may admit us to a room. Raises `UsageError` for what is not
    a link, and for a link that needs another key, and `RefusedError`, `OSError` or another `ChatError` if the
    server does not let us in.
    """
    file = KeyFile.of(key_file)
    link = _link(ca.path)
    server = address(link.url)
    name = nick or _asked_nick()
    key = file.begin(server, link.invite, new_key, again=replace)
    before = file.entry(server)
    stored = file.pins(server, nodes_of(link.url))
    had_key = before.key is not None and before.key.key == key
    # A key that is good for something goes to no server but the one that we know: a link proves no other.
    trusts = (trust_of(ca, stored),) if had_key else trusts_of_link(link.pin, ca, stored)
    logins = [Login(key=key, ca=trust.ca, pin=trust.pin, insecure=insecure) for trust in trusts]
    try:
        entered = _redeem(file, link, name, logins)
    except RefusedError as error:
        raise _needs_another_key(error, link.url, before.account) if had_key else error from None
    role = f" ({entered.role})" if entered.role else ""
    write_text(f"you are {entered.account}{role} at {link.url}\n")
    if had_key:
        write_text("you had a key there, which you keep; for another one by this link, add --replace\n")
    is_pinned = file.entry(server).pin is not None
    if before.pin is not None and not is_pinned:
        write_text(
            "an authority vouches for its certificate, so the fingerprint that was stored is forgotten\n"
        )
    if before.key is not None and before.key.key != key:
        _write_replaced(before.account or entered.account, before.key)
    _write_next(link.url, entered.rooms, None if is_pinned else ca)


# --- what the user gives -------------------------------------------------------------------------


def _link(ca: str | None) -> Link:
    """Return the link to a server that the user gives."""
    link = parse_link(_line())
    if not link.is_page:
        return link
    found = find_server(link.url, ca)
    complain(f"{link.url} leads to {found.url}")  # not on the output, whose reader may have gone
    return Link(found.url, link.invite, found.pin)


def _line() -> str:
    if sys.stdin is not None and sys.stdin.isatty():
        try:
            return getpass.getpass("the link (it is not shown): ")
        except EOFError:  # Ctrl-D
            raise UsageError("there was no link; run `chat join` again, and paste it") from None
    line = "" if sys.stdin is None else sys.stdin.readline(MOST_CHARS)
    if not line.strip():
        raise UsageError("there is no link on standard input; pipe one to it, or run it in a terminal")
    return line


def _asked_nick() -> str:
    """Return a name for somebody who has no account there yet; who has one keeps its own."""
    default = login_nick()
    if sys.stdin is None or not sys.stdin.isatty():
        return default
    try:
        answer: str = typer.prompt("your name there, if you are new", default=default, err=True)
    except typer.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        raise UsageError("there was no name; run `chat join` again, with --nick or not") from None
    return answer


# --- what the server says ------------------------------------------------------------------------


class _Entered(NamedTuple):
    """Who we are; with the rooms that we are confined to, if we are."""

    account: str
    role: str | None
    rooms: RoomList | None


def _redeem(file: KeyFile, link: Link, nick: str, logins: Sequence[Login]) -> _Entered:
    """Use a link, by the first login whose certificate is accepted, and note how it has worked."""
    *others, last = logins
    for login in others:
        with contextlib.suppress(ssl.SSLCertVerificationError):  # nothing was sent, so it can be tried again
            return _redeem_once(file, link, nick, login)
    return _redeem_once(file, link, nick, last)


def _redeem_once(file: KeyFile, link: Link, nick: str, login: Login) -> _Entered:
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
            if chat.account is not None:
                file.finish(address(link.url), chat.account, pin=login.one_pin, insecure=login.insecure)
                return _Entered(chat.account, chat.role, _rooms_of_guest(chat))
    except ssl.SSLCertVerificationError as error:
        if link.pin is None or login.pin != link.pin:
            raise
        raise ssl.SSLCertVerificationError(
            error.errno, f"{link.url} has another certificate than the one in the link; ask for a new link"
        ) from None
    except RefusedError as error:
        if error.code != "unauthorized":
            raise
        file.abandon(address(link.url))
        raise RefusedError(
            "unauthorized", "the link is unknown, used up or expired; ask for another"
        ) from None
    file.abandon(address(link.url))
    raise UsageError(f"{link.url} has no accounts, so you need no link there: chat client {link.url}")


def _needs_another_key(error: RefusedError, url: str, account: str | None) -> ChatError:
    """Return what to say where the key that we have there does not get us in, but another may."""
    if error.code == "unauthorized":
        return UsageError(f"the key that you have at {url} is not valid any more; add --replace for another")
    if error.code == "forbidden":
        return UsageError(
            f"you are {account or 'somebody'} at {url} already: {error.message}; to be let in by this link "
            "with another key, add --replace"
        )
    return error


def _rooms_of_guest(chat: Chat) -> RoomList | None:
    """Return the rooms that a guest may enter; ``None`` for all others, and where there is no answer."""
    if chat.role == GUEST:
        with contextlib.suppress(ChatError):  # we are in, whatever becomes of this
            return chat.list_rooms(limit=MOST_NAMED)
    return None


def _write_replaced(account: str, key: DeviceKey) -> None:
    """Print how the key ends that this device had: the server goes on to let it in."""
    from chatcore.accounts import key_id

    id_ = key_id(key.key)
    write_text(f"the key that you had, {id_} of {account}, is valid until somebody runs on the server:\n")
    # The new key may have come from a link that the old one asked for, and is to stay.
    write_text(f"    chat account revoke {shlex.quote(account)} {id_} --only\n", wrap=False)


def _write_next(url: str, rooms: RoomList | None, ca: Ca | None) -> None:
    """Print what to run next, for a guest of the rooms in ``rooms``, or for everybody else."""
    command = f"chat client {url}"
    if ca is not None and ca.typed and ca.path:
        command += f" --ca {shlex.quote(ca.path)}"
    names = (LOBBY,) if rooms is None else first_rooms(rooms)
    if rooms is not None and len(names) != 1:
        write_text(f"{naming(names, more=rooms.more)}\n")
        names = ("ROOM",)
    where = "" if names == (LOBBY,) else f" --room {names[0]}"
    write_text(f"now run: {command}{where}\n", wrap=False)
