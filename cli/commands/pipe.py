"""``chat client`` in a pipe: each line of input is a message, each message is a line of output.

With JSON, a line of input is a frame to send, and every frame that arrives is a line of output. Input is
read and sent by a thread of its own, because reading it cannot be interrupted; the main thread prints. The
end of the input ends the program once everything sent is answered.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from chatcore import (
    LOBBY,
    ClosedError,
    DisconnectedError,
    Gap,
    Invited,
    Left,
    Message,
    Offline,
    Online,
    Post,
    RefusedError,
    RemoteError,
    ServerFrame,
    UsageError,
    Welcome,
    encode,
)
from cli.access.guests import GUEST, MOST_NAMED, first_rooms, naming
from cli.access.login import Login
from cli.gap import describe_gap
from cli.lines import lines_of
from cli.report import FAILED, REFUSED, USAGE, complain
from cli.stdin import check_size, input_lines, parse_frame, pieces, without_controls
from cli.streams import flush, write_json, write_text
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

IN_FLIGHT = 256
"""Lines that may be sent before the first of them is answered."""

PATIENCE = 120.0
"""Seconds without a server after which we give up: it may have forgotten the ids of our posts by then."""


def run(url: str, nick: str, rooms: Sequence[str], history: int | None, *, login: Login, json: bool) -> int:
    """Send standard input and print what arrives, until all of the input is answered.

    Return the exit code. Raises the `ChatError` that ended the connection, and `OSError` if there is no
    server.
    """
    offline_since: float | None = None
    with _connected(url, nick, rooms, history, login, json=json) as chat:
        sender = _Sender(chat, json=json)
        for event in chat.events():
            if isinstance(event, Online):
                offline_since = None
                complain("reconnected")
            elif isinstance(event, Offline):
                if offline_since is None:
                    offline_since = time.monotonic()
                    complain(f"the connection ended ({event.reason}); reconnecting")
                elif time.monotonic() - offline_since > PATIENCE:
                    raise DisconnectedError(event.reason)
            elif json:
                write_json(_public(event))
                flush()
            else:
                _print(event, chat, several_rooms=len(rooms) > 1)
    return sender.exit_code


def _connected(
    url: str, nick: str, rooms: Sequence[str], history: int | None, login: Login, *, json: bool
) -> Chat:
    """Return a connection in some rooms, or in the lobby; for a guest, in the only room that it may enter."""

    def enter(rooms: Sequence[str]) -> Chat:
        return connect(
            url, nick=nick, rooms=rooms, history=history, every_frame=json, reconnect=True, **login.options
        )

    try:
        return enter(rooms or [LOBBY])
    except RefusedError as error:
        if rooms or error.code != "forbidden":
            raise
        room = _room_of_guest(url, nick, login, error)
        complain(f"{error.message}, so you are in {room}")
    return enter([room])


def _room_of_guest(url: str, nick: str, login: Login, error: RefusedError) -> str:
    """Return the one room that a guest may enter who was refused the lobby; raises if there is none."""
    with connect(url, nick=nick, rooms=(), reconnect=False, **login.options) as chat:
        if chat.role != GUEST:
            raise error
        listed = chat.list_rooms(limit=MOST_NAMED)
    names = first_rooms(listed)
    if len(names) != 1 or names == (LOBBY,):
        advice = f"{naming(names, more=listed.more)}; name one with --room"
        raise RefusedError(error.code, f"{error.message}; {advice}") from None
    return names[0]


def _public(event: ServerFrame) -> bytes:
    """Return a frame as a line, without the secrets in it: what is printed often ends up in a log."""
    if isinstance(event, Welcome | Invited):
        secrets = {"session", "invite", "links"}
        return event.model_dump_json(exclude=secrets, exclude_none=True).encode() + b"\n"
    return encode(event)


def _print(event: ServerFrame, chat: Chat, *, several_rooms: bool) -> None:
    if isinstance(event, Message) and not chat.is_mine(event):
        where = f"{event.room} " if several_rooms else ""
        write_text("".join(lines_of(event, where)))
    elif isinstance(event, Gap):
        complain(f"{event.room}: {describe_gap(event)}")
    elif isinstance(event, Left):  # text leaves no room, so the server has put us out
        complain(f"you were put out of {event.room}")


class _Sender:
    """Sends standard input from a thread of its own, and closes the connection at the end.

    ``exit_code`` says whether all of it was acknowledged: it is the highest of those that occurred.
    """

    def __init__(self, chat: Chat, *, json: bool) -> None:
        self.exit_code = 0
        self._chat = chat
        self._send = self._send_frame if json else self._send_text
        self._unanswered: deque[tuple[int, Future[Any]]] = deque()  # each with the number of its line
        threading.Thread(target=self._run, name="chat-input", daemon=True).start()

    def _run(self) -> None:
        try:
            for number, line in input_lines():
                self._send(number, line)
                self._settle(IN_FLIGHT)
            self._settle(0)
        except (ClosedError, RemoteError):
            pass  # the connection has ended, which the main thread reports
        except OSError as error:
            complain(str(error))
            self.exit_code = max(self.exit_code, FAILED)
        finally:
            self._chat.close()

    def _send_text(self, number: int, line: str) -> None:
        for text in pieces(without_controls(line), self._chat.limits.text_bytes):
            self._unanswered.append((number, self._chat.post_nowait(text)))

    def _send_frame(self, number: int, line: str) -> None:
        try:
            frame = parse_frame(line)
            if isinstance(frame, Post):
                check_size(frame.text, self._chat.limits)
            else:
                self._settle(0)  # earlier posts may need the room that this leaves, for instance
            self._unanswered.append((number, self._chat.ask_nowait(frame)))
            if not isinstance(frame, Post):
                self._settle(0)
        except UsageError as error:
            self._fail(number, error, USAGE)

    def _settle(self, most: int) -> None:
        """Take the answers that have arrived, and wait until at most so many are missing."""
        while self._unanswered and (self._unanswered[0][1].done() or len(self._unanswered) > most):
            number, answer = self._unanswered.popleft()
            try:
                answer.result()
            except RefusedError as error:
                self._fail(number, error, REFUSED)
            except DisconnectedError as error:
                if self._chat.closed:
                    raise
                self._fail(number, f"{error} before the answer; it may or may not be stored", FAILED)

    def _fail(self, number: int, problem: object, exit_code: int) -> None:
        complain(f"line {number}: {problem}")
        self.exit_code = max(self.exit_code, exit_code)
