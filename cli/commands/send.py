"""``chat send``: one message, for scripts.

A script needs to know whether its message is stored, and there are three answers: yes, with its number; no,
because the server refused it; and unknown, because the connection broke before the acknowledgement. For the
last one the error names the message's id: sent again with the same id, a message is stored once.

- The timeout is for all of it: for the name of the server, the connection, the room and the acknowledgement.
  So the work is done in a thread that can be left behind, since nothing ends a search for a name.
- A refusal that may pass, such as that of a nick that is in use, is tried again until the timeout.
- Once the message may have been sent, it is never said that it was not.
- A text that was split is several messages, whose ids follow from that of the first. So the same command
  with the same id sends all of them again, and each is stored once.
- It may run every second, so it loads little, no server and no models of frames, and leaves fast.
"""

import threading
from concurrent.futures import Future
from typing import NamedTuple

from chatcore import RULES, Backoff, RefusedError, RemoteError, UsageError, __version__, new_id
from cli.access.login import Login
from cli.commands.client import with_nick
from cli.report import complain, leave_fast, reaching
from cli.stdin import input_text
from cli.streams import write_json, write_text
from cli.texts import check_size, pieces, without_controls
from transports.threaded_tcp.posting import Ack, Poster, Said

__all__ = ["run"]


KINDS = ("action", "notice")
"""What a message may be, besides a text that is said."""

PASSING = ("nick_taken", "rate_limited", "unavailable")
"""Refusals that may pass, also where the server names no time. So may one of too many connections."""

LONGEST_WAIT = 1.0
"""Seconds between two tries, at most: another `chat send` under the same name is done long before that."""

ID_CHARS = 64
"""Characters of the longest id."""

GOODBYE_SECONDS = 1.5
"""How long a connection may take to end cleanly, once it was given up: then its nick is free."""


class _Message(NamedTuple):
    room: str
    text: str
    id: str
    kind: str | None
    split: bool


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
    split: bool = False,
    is_fixed: bool = True,
) -> None:
    """Send a text, or all of standard input, and print its number once it is stored.

    ``kind`` is one of `KINDS`, and ``timeout`` is in seconds. A nick that is taken gets a number, or is tried
    until the timeout if it ``is_fixed``. With ``split``, a text that is too long becomes
    several messages, each with its number. Raises `UsageError` for an invalid kind and if
    there is nothing to send, `RefusedError` if the message is not stored and would be refused again, and
    another `RemoteError` if trying again may help: its message says whether the message may be stored.
    """
    if kind is not None and kind not in KINDS:
        raise UsageError(f"--kind must be {' or '.join(KINDS)}, not {kind!r}")
    text = input_text() if text in (None, "-") else without_controls(text)
    if not text or (split and not text.strip()):
        raise UsageError("nothing to send: the text is empty")
    leave_fast()
    message = _Message(room, text, new_id() if id_ is None else id_, kind, split)
    with reaching(url):
        acks = _Sending(url, nick, message, timeout, login, is_fixed=is_fixed).run()
    if json:
        write_json(b"".join(ack.line for ack in acks))
    else:
        write_text("".join(f"{ack.seq}\n" for ack in acks))


class _Sending:
    """One message on its way, in a thread of its own."""

    def __init__(
        self,
        url: str,
        nick: str | None,
        message: _Message,
        timeout: float,
        login: Login,
        *,
        is_fixed: bool,
    ) -> None:
        self._url = url
        self._login = login
        self._nick = nick
        self._is_fixed = is_fixed
        self._message = message
        self._timeout = min(timeout, threading.TIMEOUT_MAX)
        self._posted = False  # from now on it may be stored
        self._refusal: RefusedError | None = None  # the last one that may pass
        self._woken = threading.Event()  # nobody waits for an answer any more
        self._poster: Poster | None = None
        self._acks: Future[list[Ack]] = Future()
        self._thread = threading.Thread(target=self._run, name="chat-send", daemon=True)

    def run(self) -> list[Ack]:
        """Send it; return the acknowledgements, of which a text that was split has several."""
        self._thread.start()
        try:
            return self._acks.result(self._timeout)
        except TimeoutError:
            if self._acks.done():  # the server was not reached, or has answered just now
                return self._acks.result()
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
        if self._poster is not None:
            self._poster.stop()
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
            self._acks.set_result(self._deliver())
        except BaseException as error:
            self._acks.set_exception(error)

    def _deliver(self) -> list[Ack]:
        """Try until it is acknowledged, or refused for good; return too little once it was given up."""
        backoff = Backoff(longest=LONGEST_WAIT)
        while not self._woken.is_set():
            try:
                return with_nick(self._nick, self._post, login=self._login, is_fixed=self._is_fixed)
            except RefusedError as error:
                if self._posted or not _may_pass(error):
                    raise
                self._refusal = error
                self._woken.wait(min(backoff.next(_least_wait(error)), self._timeout))
        return []

    def _post(self, nick: str) -> list[Ack]:
        if self._woken.is_set():
            return []
        poster = self._poster = Poster(
            self._url,
            self._said,
            nick=nick,
            room=self._message.room,
            client=f"chat {__version__}",
            **self._login.options,
        )
        if self._woken.is_set():
            poster.stop()
        try:
            return poster.run()
        except RefusedError:
            raise
        except RemoteError as error:
            if not self._posted:
                raise
            raise RemoteError(f"{error} before the acknowledgement: {self._advice}") from error

    def _said(self, limit: int | None) -> list[Said]:
        """Return what to post; from then on it may be stored."""
        message = self._message
        if not message.split:
            check_size(message.text, limit)
        texts = list(pieces(message.text, limit))
        ids = _ids(message.id, len(texts))
        self._posted = not self._woken.is_set()
        return [Said(id_, message.kind, text) for id_, text in zip(ids, texts, strict=True)]


def _ids(first: str, count: int) -> list[str]:
    """Return the ids of the pieces of a text; raises `UsageError` if there is no space for them."""
    ids = [first, *(f"{first}-{number}" for number in range(2, count + 1))]
    if count > 1 and len(ids[-1]) > ID_CHARS:
        raise UsageError(f"--id is too long for a text of {count:,} messages: {RULES['id']}")
    return ids


def _may_pass(error: RefusedError) -> bool:
    """Tell whether a refusal may pass: a room that is full may stay so, a server that is full does not."""
    if error.code == "limit_exceeded" and error.room is None:
        return True
    return error.retry_after is not None or error.code in PASSING


def _least_wait(error: RefusedError) -> float:
    """Return the wait that the server asks for; a nick may be free long before its reservation ends."""
    return 0.0 if error.code == "nick_taken" else error.retry_after or 0.0
