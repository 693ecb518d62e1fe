"""The client without a terminal: a line in is a message, a message is a line out.

As JSON, a line in is what a script asks, and every frame is a line out.
"""

import sys
import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from chatcore.client.session import Gap, Message, Offline, Online
from chatcore.errors import ClosedError, DisconnectedError, RefusedError, RemoteError, UsageError
from chatcore.messages import Post, ServerFrame, encode
from cli.report import FAILED, REFUSED, USAGE, complain
from cli.stdin import input_lines, parse_frame, pieces, without_controls
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

IN_FLIGHT = 256
"""Lines that are sent before the answer to the first of them is waited for."""

PATIENCE = 120.0
"""Seconds without a server after which there is no use in waiting: it may have forgotten our posts."""


def run(url: str, nick: str, rooms: Sequence[str], history: int | None, *, json: bool) -> int:
    """Send standard input and print what comes, until the input ends and all of it is kept."""
    offline_since: float | None = None
    with connect(url, nick=nick, rooms=rooms, history=history, every_frame=json, reconnect=True) as chat:
        sender = _Sender(chat, json=json)
        for event in chat.events():
            if isinstance(event, Online):
                offline_since = None
                complain("connected again")
            elif isinstance(event, Offline):
                if offline_since is None:
                    offline_since = time.monotonic()
                    complain(f"the connection ended ({event.reason}); trying to come back")
                elif time.monotonic() - offline_since > PATIENCE:
                    raise DisconnectedError(event.reason)
            elif json:
                sys.stdout.write(encode(event).decode())
            else:
                _print(event, chat.nick, several_rooms=len(rooms) > 1)
            sys.stdout.flush()
    return sender.exit_code


def _print(event: ServerFrame, own_nick: str, *, several_rooms: bool) -> None:
    if isinstance(event, Message) and event.nick != own_nick:
        prefix = f"{event.room} {event.nick}" if several_rooms else event.nick
        sys.stdout.writelines(f"{prefix}: {line}\n" for line in event.text.split("\n"))
    elif isinstance(event, Gap):
        complain(
            f"messages of {event.room} behind {event.after} up to {event.through} are gone ({event.reason})"
        )


class _Sender:
    """Sends standard input from a thread of its own, since reading it cannot be interrupted.

    ``exit_code`` tells whether all of it was acknowledged: the highest of what has happened.
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
            pass  # the connection has ended: whoever takes the events is told the same
        finally:
            self._chat.close()

    def _send_text(self, number: int, line: str) -> None:
        for text in pieces(without_controls(line), self._chat.session.limits.text_bytes):
            self._unanswered.append((number, self._chat.post_nowait(text)))

    def _send_frame(self, number: int, line: str) -> None:
        try:
            frame = parse_frame(line)
            if isinstance(frame, Post):
                self._check_size(frame)
            else:
                self._settle(0)  # what was said before it may need the room that it leaves, for instance
            self._unanswered.append((number, self._chat.ask_nowait(frame)))
            if not isinstance(frame, Post):
                self._settle(0)
        except UsageError as error:
            self._fail(number, error, USAGE)

    def _check_size(self, post: Post) -> None:
        limit, size = self._chat.session.limits.text_bytes, len(post.text.encode())
        if limit is not None and size > limit:  # a line that is far too long would end the connection
            raise UsageError(f"the text has {size} bytes, and may have {limit}")

    def _settle(self, most: int) -> None:
        """Take the answers that are there, and wait until at most so many are not."""
        while self._unanswered and (self._unanswered[0][1].done() or len(self._unanswered) > most):
            number, answer = self._unanswered.popleft()
            try:
                answer.result()
            except RefusedError as error:
                self._fail(number, error, REFUSED)
            except DisconnectedError as error:
                if self._chat.session.closed:
                    raise
                self._fail(number, f"{error} before the answer; it may be kept or not", FAILED)

    def _fail(self, number: int, problem: object, exit_code: int) -> None:
        complain(f"line {number}: {problem}")
        self.exit_code = max(self.exit_code, exit_code)
