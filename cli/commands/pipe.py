"""``chat client`` in a pipe: each line of input is a message, each message is a line of output.

With JSON, a line of input is a frame to send, and every frame that arrives is a line of output. Input is
read and sent by a thread of its own, because reading it cannot be interrupted; the main thread prints. The
end of the input ends the program once everything sent is answered. If nobody reads the output any more, that
ends it too, and is a failure unless all that was read is stored.

A text that is longer than the server allows is refused, or split: see `cli.texts`. While the server takes our
lines more slowly than they come, standard error says so: see `cli.held`.
"""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, wait
from typing import Any, NamedTuple

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
from cli.frames import parse_frame
from cli.gap import describe_gap
from cli.held import Held
from cli.let_in import once_let_in
from cli.lines import lines_of
from cli.report import FAILED, REFUSED, USAGE, complain
from cli.row import Row
from cli.stdin import Input
from cli.streams import ReaderGoneError, flush, write_json, write_text
from cli.texts import check_size, pieces, without_controls
from cli.where import Where
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

IN_FLIGHT = 256
"""Lines that may be sent before the first of them is answered."""

TICK = 0.25
"""Seconds after which a wait for an answer looks whether we are held back."""

PATIENCE = 120.0
"""Seconds without a server after which we give up: it may have forgotten the ids of our posts by then."""


def run(
    url: str,
    nick: str,
    rooms: Sequence[str],
    history: int | None,
    *,
    login: Login,
    json: bool,
    split: bool = False,
) -> int:
    """Send standard input and print what arrives, until all of the input is answered.

    With ``split``, a line that is too long becomes several messages. Return the exit code. Raises the
    `ChatError` that ended the connection, and `OSError` if there is no server.
    """
    row = Row()
    with _connected(url, nick, rooms, history, login, json=json) as chat:
        sender = _Sender(chat, row, json=json, split=split)
        try:
            _receive(chat, sender, row, json=json, several_rooms=len(rooms) > 1)
        except ReaderGoneError:
            sender.stop()
        finally:
            row.erase()
    return sender.exit_code


def _receive(chat: Chat, sender: "_Sender", row: Row, *, json: bool, several_rooms: bool) -> None:
    """Print what arrives until the connection ends; raises what ended it."""
    offline_since: float | None = None
    where = Where(chat.address)
    for event in chat.events():
        with row.hidden():
            if isinstance(event, Online):
                offline_since = None
                sender.reconnected()
                complain(where.words(chat.address))
            elif isinstance(event, Offline):
                if offline_since is None:
                    offline_since = time.monotonic()
                    sender.disconnected()
                    complain(f"the connection ended ({event.reason}); reconnecting")
                elif time.monotonic() - offline_since > PATIENCE:
                    raise DisconnectedError(event.reason)
            elif json:
                write_json(_public(event))
                flush()
            else:
                _print(event, chat, several_rooms=several_rooms)


def _connected(
    url: str, nick: str, rooms: Sequence[str], history: int | None, login: Login, *, json: bool
) -> Chat:
    """Return a connection in some rooms, or in the lobby; for a guest, in the only room that it may enter."""

    def enter(rooms: Sequence[str]) -> Chat:
        return connect(
            url, nick=nick, rooms=rooms, history=history, every_frame=json, reconnect=True, **login.options
        )

    try:
        return once_let_in(lambda: enter(rooms or [LOBBY]))
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


STOP_SECONDS = 1.0
"""How long the sender may take to notice that it must stop."""


class _Sender:
    """Sends standard input from a thread of its own, and closes the connection at the end.

    ``exit_code`` says whether all of it was acknowledged: it is the highest of those that occurred.
    """

    def __init__(self, chat: Chat, row: Row, *, json: bool, split: bool) -> None:
        self.exit_code = 0
        self._chat = chat
        self._row = row
        self._split = split
        self._input = Input()
        self._held = Held(row, self._input.left)
        self._online_since: float | None = 0.0
        self._send = self._send_frame if json else self._send_text
        self._unanswered: deque[_Sent] = deque()
        self._thread = threading.Thread(target=self._run, name="chat-input", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Send no more; then ``exit_code`` says whether all that was read is stored.

        What was not read is left to whoever wrote it, whose pipe breaks.
        """
        self._chat.close()
        self._thread.join(STOP_SECONDS)  # it may wait for input
        if any(sent.answer.exception() is not None for sent in self._unanswered):
            self._fail()
        if self.exit_code:
            complain("nobody reads the output any more, and not all of the input is stored")

    def disconnected(self) -> None:
        """Note that what waits for an answer now waits for a connection. From any thread."""
        self._online_since = None

    def reconnected(self) -> None:
        """Note that there is a connection again. From any thread."""
        self._online_since = time.monotonic()

    def _run(self) -> None:
        try:
            for number, line in self._input.lines():
                self._try_to_send(number, line)
                self._settle(IN_FLIGHT)
            self._settle(0)
            with self._row.hidden():
                self._held.end()
        except (ClosedError, RemoteError):  # the connection has ended, which the main thread reports
            self._fail()
        except OSError as error:
            self._complain(str(error), FAILED)
        except BaseException:  # a bug
            self._fail()
            raise
        finally:
            self._chat.close()

    def _try_to_send(self, number: int, line: str) -> None:
        try:
            self._send(number, line)
        except UsageError as error:
            self._complain(f"line {number}: {error}", USAGE)
        except RefusedError as error:
            self._complain(f"line {number}: {error}", REFUSED)

    def _send_text(self, number: int, line: str) -> None:
        text, limit = without_controls(line), self._chat.limits.text_bytes
        if not text.strip():  # there were only escape sequences
            return
        if not self._split:
            check_size(text, limit)
        for piece in pieces(text, limit):
            self._add(number, self._chat.post_nowait(piece))

    def _send_frame(self, number: int, line: str) -> None:
        frame = parse_frame(line)
        if isinstance(frame, Post):
            check_size(frame.text, self._chat.limits.text_bytes, splits=False)
        else:
            self._settle(0)  # earlier posts may need the room that this leaves, for instance
        self._add(number, self._chat.ask_nowait(frame))
        if not isinstance(frame, Post):
            self._settle(0)

    def _add(self, number: int, answer: Future[Any]) -> None:
        self._unanswered.append(_Sent(number, answer, time.monotonic()))

    def _settle(self, most: int) -> None:
        """Take the answers that have arrived, and wait until at most so many are missing."""
        while self._unanswered and (self._unanswered[0].answer.done() or len(self._unanswered) > most):
            sent = self._unanswered[0]
            while not wait((sent.answer,), TICK).done:
                self._note(sent)
            self._note(sent)
            self._unanswered.popleft()
            self._take(sent)

    def _take(self, sent: "_Sent") -> None:
        try:
            sent.answer.result()
        except RefusedError as error:
            self._complain(f"line {sent.number}: {error}", REFUSED)
        except DisconnectedError as error:
            if self._chat.closed:
                raise
            what = f"{error} before the answer; it may or may not be stored"
            self._complain(f"line {sent.number}: {what}", FAILED)

    def _note(self, sent: "_Sent") -> None:
        if (since := self._online_since) is not None:
            self._held.note(time.monotonic() - max(sent.at, since), len(self._unanswered))

    def _complain(self, problem: str, exit_code: int) -> None:
        with self._row.hidden():
            complain(problem)
        self._fail(exit_code)

    def _fail(self, exit_code: int = FAILED) -> None:
        self.exit_code = max(self.exit_code, exit_code)


class _Sent(NamedTuple):
    """Something that was sent: the number of its line, the answer, and when it was."""

    number: int
    answer: Future[Any]
    at: float
