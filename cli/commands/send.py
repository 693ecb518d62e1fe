"""``chat send``: one message, for scripts.

A script needs to know whether its message is stored, and there are three answers: yes, with its number; no,
because the server refused it; and unknown, because the connection broke before the acknowledgement. For the
last one the error names the message's id: sent again with the same id, a message is stored once.

- The timeout is for all of it: for the name of the server, the connection, the room and the acknowledgement.
  So the work is done in a thread that can be left behind, since nothing ends a search for a name.
- A refusal that may pass, such as that of a nick that is in use, is tried again until the timeout.
- Once the message may have been sent, it is never said that it was not.
"""

import threading
from concurrent.futures import Future
from typing import NamedTuple
from uuid import uuid4

from chatcore import Ack, Backoff, RefusedError, RemoteError, UsageError, __version__, encode
from cli.access.login import Login
from cli.commands.client import with_nick
from cli.report import complain, reaching
from cli.stdin import check_size, input_text, without_controls
from cli.streams import write_json, write_text
from transports.threaded_tcp import Chat, connect

__all__ = ["run"]


KINDS = ("action", "notice")
"""What a message may be, besides a text that is said."""

PASSING = ("nick_taken", "rate_limited", "unavailable")
"""Refusals that may pass, also where the server names no time."""

GOODBYE_SECONDS = 1.5
"""How long a connection may take to end cleanly, once it was given up: then its nick is free."""


class _Message(NamedTuple):
    room: str
    text: str
    id: str
    kind: str | None


def run(
    url: str,
    nick: str | None,
    room: str,
    text: str | None,
    id_: str | None,
    kind: str | None,
    timeout: float,
    *,
    login: Login,
    json: bool,
) -> None:
    """Send a text, or all of standard input, and print its number once it is stored.

    ``kind`` is one of `KINDS`, and ``timeout`` is in seconds. Raises `UsageError` for an invalid kind and if
    there is nothing to send, `RefusedError` if the message is not stored and would be refused again, and
    another `RemoteError` if trying again may help: its message says whether the message may be stored.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"--kind must be {' or '.join(KINDS)}, not {kind!r}")
    text = input_text() if text in (None, "-") else without_controls(text)
    if not text:
        raise UsageError("nothing to send: the text is empty")
    message = _Message(room, text, str(uuid4()) if id_ is None else id_, kind)
    with reaching(url):
        ack = _Sending(url, nick, message, timeout, login).run()
    if json:
        write_json(encode(ack))
    else:
        write_text(f"{ack.seq}\n")


class _OutOfTimeError(BaseException):
    """The time is over, or nobody waits any more: no error of the connection, which ends without a flush."""


class _Sending:
    """One message on its way, in a thread of its own."""

    def __init__(self, url: str, nick: str | None, message: _Message, timeout: float, login: Login) -> None:
        self._url = url
        self._login = login
        self._nick = nick
        self._message = message
        self._timeout = min(timeout, threading.TIMEOUT_MAX)
        self._posted = False  # from now on it may be stored
        self._refusal: RefusedError | None = None  # the last one that may pass
        self._woken = threading.Event()  # there is an answer, or nobody waits for one any more
        self._ack: Future[Ack] = Future()
        self._thread = threading.Thread(target=self._run, name="chat-send", daemon=True)

    def run(self) -> Ack:
        """Send it; return the acknowledgement."""
        self._thread.start()
        try:
            return self._ack.result(self._timeout)
        except TimeoutError:
            if self._ack.done():  # the server was not reached
                raise
            self._give_up()
            raise RemoteError(
                f"{self._what_is_missing()} within {self._timeout:g} s: {self._advice}"
            ) from None
        except KeyboardInterrupt:
            if self._posted:
                complain(self._advice)
            self._give_up()
            raise

    def _give_up(self) -> None:
        self._woken.set()
        self._thread.join(GOODBYE_SECONDS)

    def _what_is_missing(self) -> str:
        if self._posted:
            return "no acknowledgement"
        if self._refusal is not None:
            return f"the server refused ({self._refusal.message}, {self._refusal.code}) all tries"
        return f"{self._url} did not let us in"

    @property
    def _advice(self) -> str:
        if not self._posted:
            return "nothing was sent; try again later"
        again = f"send it again with --id {self._message.id}, and it is stored once"
        return f"it may or may not be stored; {again}"

    # --- the thread ------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self._ack.set_result(self._deliver())
        except BaseException as error:
            self._ack.set_exception(error)

    def _deliver(self) -> Ack:
        """Try until it is acknowledged, or refused for good."""
        backoff = Backoff(longest=2.0)
        while True:
            try:
                return with_nick(self._nick, self._post, login=self._login)
            except RefusedError as error:
                if self._posted or (error.retry_after is None and error.code not in PASSING):
                    raise
                self._refusal = error
                self._sleep(backoff.next(_least_wait(error)))

    def _sleep(self, seconds: float) -> None:
        if self._woken.wait(min(seconds, self._timeout)):
            raise _OutOfTimeError

    def _post(self, nick: str) -> Ack:
        room, client = self._message.room, f"chat {__version__}"
        with connect(
            self._url, nick=nick, rooms=[room], client=client, timeout=None, **self._login.options
        ) as chat:
            self._check_size(chat)
            return self._await(self._post_nowait(chat))

    def _check_size(self, chat: Chat) -> None:
        try:
            check_size(self._message.text, chat.limits)
        except UsageError as error:
            raise RefusedError("too_long", str(error)) from None

    def _post_nowait(self, chat: Chat) -> Future[Ack]:
        message = self._message
        if self._woken.is_set():
            raise _OutOfTimeError
        self._posted = True
        return chat.post_nowait(message.text, room=message.room, id=message.id, kind=message.kind)

    def _await(self, answer: Future[Ack]) -> Ack:
        answer.add_done_callback(lambda _: self._woken.set())
        self._woken.wait()
        if not answer.done():
            raise _OutOfTimeError
        try:
            return answer.result()
        except RefusedError:
            raise
        except RemoteError as error:
            raise RemoteError(f"{error} before the acknowledgement: {self._advice}") from error


def _least_wait(error: RefusedError) -> float:
    """Return the wait that the server asks for; a nick may be free long before its reservation ends."""
    return 0.0 if error.code == "nick_taken" else error.retry_after or 0.0
