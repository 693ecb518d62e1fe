"""The client without a terminal: a line in is a message, a message is a line out."""

import codecs
import os
import re
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future

from chatcore.client import Ack, Gap, Message, Offline, Online
from chatcore.errors import DisconnectedError, RefusedError, RemoteError
from chatcore.messages import ServerFrame
from chatcore.wire.ndjson import encode
from cli.report import REFUSED, complain
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]

IN_FLIGHT = 256
"""Lines that are sent before the answer to the first of them is waited for."""

PATIENCE = 120.0
"""Seconds without a server after which there is no use in waiting: it may have forgotten our posts."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def run(url: str, nick: str, rooms: Sequence[str], history: int | None, *, json: bool) -> int:
    """Send standard input and print what comes, until the input ends and all of it is kept."""
    offline_since: float | None = None
    with connect(url, nick=nick, rooms=rooms, history=history, every_frame=json, reconnect=True) as chat:
        sender = _Sender(chat)
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
    """Posts standard input from a thread of its own, since reading it cannot be interrupted."""

    def __init__(self, chat: Chat) -> None:
        self.exit_code = 0
        self._chat = chat
        self._unanswered: deque[Future[Ack]] = deque()
        threading.Thread(target=self._run, name="chat-input", daemon=True).start()

    def _run(self) -> None:
        limit = self._chat.session.limits.text_bytes
        try:
            for line in _input_lines():
                for text in _pieces(_CONTROL.sub("\N{REPLACEMENT CHARACTER}", line), limit):
                    self._unanswered.append(self._chat.post_nowait(text))
                    self._settle(IN_FLIGHT)
            self._settle(0)
        except RemoteError:
            pass  # the connection has ended: whoever takes the events is told the same
        finally:
            self._chat.close()

    def _settle(self, most: int) -> None:
        """Take the answers that are there, and wait until at most so many are not."""
        while self._unanswered and (self._unanswered[0].done() or len(self._unanswered) > most):
            try:
                self._unanswered.popleft().result()
            except RefusedError as error:
                complain(str(error))
                self.exit_code = REFUSED


def _input_lines() -> Iterator[str]:
    """Yield the lines of standard input that are not empty, as they come.

    It is read below Python's buffers: a daemon thread that waits in one of them would make the
    interpreter abort when the program ends.
    """
    if sys.stdin is None:  # closed by whoever started us
        return
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    rest = ""
    while data := os.read(sys.stdin.fileno(), 64 * 1024):
        *lines, rest = (rest + decoder.decode(data)).split("\n")
        yield from (line.removesuffix("\r") for line in lines if line.strip())
    if rest := (rest + decoder.decode(b"", final=True)).removesuffix("\r"):
        yield rest


def _pieces(text: str, limit: int | None) -> Iterator[str]:
    """Cut a text into pieces that the server takes, never inside a character."""
    data = text.encode()
    if limit is None or len(data) <= limit:
        yield text
        return
    while data:
        piece = data[:limit].decode(errors="ignore") or data.decode()[0]
        yield piece
        data = data[len(piece.encode()) :]
