"""``chat status``: whether a server answers, how fast, and what it says of itself, for people and monitors.

- It says hello under a nick of its own, enters no room and posts nothing, so nobody sees it.
- The timeout is for all of it. So the work is done in a thread that can be left behind, since nothing ends a
  search for a name.
- A server that refuses us is there all the same: how fast it did is printed before the refusal is.
"""

import json
import secrets
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import asdict, dataclass

from chatcore import RefusedError, __version__
from cli.access.login import Login
from cli.report import leave_fast, reaching
from cli.streams import write_json, write_text
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

PAGES = 20
"""Pages of rooms that are asked for, at most: a server may have stored any number of rooms."""

NICK_CHARS = 32
"""Characters of the longest nick."""


@dataclass(frozen=True, slots=True)
class _Status:
    """What a server has said. What it has not said is ``None``.

    ``answer_seconds`` is how long it took until the server let us in, or did not: the search for its name,
    the connection and TLS included. ``round_trip_seconds`` is how long a question and its answer take after
    that. ``rooms`` are those that we may see, and ``members`` who is in them, each person once for a room.
    ``more`` says that there are more rooms than were counted.
    """

    url: str
    answer_seconds: float
    refused: str | None = None
    round_trip_seconds: float | None = None
    server: str | None = None
    durability: str | None = None
    rooms: int | None = None
    members: int | None = None
    more: bool | None = None


def run(url: str, timeout: float, *, login: Login, as_json: bool) -> None:
    """Print the status of a server that answers within ``timeout`` seconds.

    Raises `RefusedError` if the server refuses us, once it is printed what is known, and `OSError` or another
    `ChatError` if there is no server, or it does not answer in time.
    """
    leave_fast()
    with reaching(url):
        status, refusal = _within(timeout, url, login)
    if as_json:
        write_json(json.dumps(_told(status)).encode() + b"\n")
    else:
        write_text("".join(f"{name:<12}{value}\n" for name, value in _rows(status).items()))
    if refusal is not None:
        raise refusal


def _within(timeout: float, url: str, login: Login) -> tuple[_Status, RefusedError | None]:
    answer: Future[tuple[_Status, RefusedError | None]] = Future()

    def work() -> None:
        try:
            answer.set_result(_ask(url, login, timeout))
        except BaseException as error:
            answer.set_exception(error)

    threading.Thread(target=work, name="chat-status", daemon=True).start()
    try:
        return answer.result(min(timeout, threading.TIMEOUT_MAX))
    except TimeoutError:
        if answer.done():  # the server was not reached, or has answered just now
            return answer.result()
        raise TimeoutError(f"no answer within {timeout:g} s") from None


def _ask(url: str, login: Login, timeout: float) -> tuple[_Status, RefusedError | None]:
    started = time.monotonic()
    answered: float | None = None
    try:
        with _connect(url, login, timeout) as chat:
            answered = time.monotonic() - started
            return _look(url, chat, answered), None
    except RefusedError as error:
        seconds = time.monotonic() - started if answered is None else answered
        return _Status(url, seconds, refused=error.code), error


def _connect(url: str, login: Login, timeout: float) -> Chat:
    return connect(
        url,
        nick=_nick(login.account),
        rooms=(),
        client=f"chat {__version__}",
        reconnect=False,
        timeout=timeout,
        **login.options,
    )


def _nick(account: str | None) -> str:
    """Return a nick that is nobody's. All sessions of an account that have the same one share it."""
    if account is None:
        return f"status-{secrets.token_hex(4)}"
    nick = f"{account}-status"
    return nick if len(nick) <= NICK_CHARS else account


def _look(url: str, chat: Chat, answered: float) -> _Status:
    round_trip = chat.ping()
    rooms, members, more, last = 0, 0, True, ""
    for _ in range(PAGES):
        page = chat.list_rooms(after=last or None)
        rooms += len(page.rooms)
        members += sum(entry.count for entry in page.rooms)
        before, last = last, page.rooms[-1].room if page.rooms else ""
        more = page.more
        if not more or last <= before:
            break
    return _Status(url, answered, None, round_trip, chat.server, chat.durability, rooms, members, more)


def _told(status: _Status) -> Mapping[str, object]:
    told = {name: value for name, value in asdict(status).items() if value is not None}
    return {name: round(value, 6) if isinstance(value, float) else value for name, value in told.items()}


def _rows(status: _Status) -> dict[str, str]:
    """Return what people read, by its name."""
    rows = {"answer": _time(status.answer_seconds)}
    if status.round_trip_seconds is None:
        return rows
    more = " or more" if status.more else ""
    return rows | {
        "round trip": _time(status.round_trip_seconds),
        "server": status.server or "-",
        "durability": status.durability or "-",
        "rooms": f"{status.rooms:,}{more}",
        "members": f"{status.members:,}{more}",
    }


def _time(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"
