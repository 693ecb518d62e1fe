"""One connection to one server, until it is lost. Another one is another `Link`.

The client of nats-py would connect again by itself, and send later what was given up meanwhile. Here it may
not: what is to be sent again is known above, and so is which server comes next.
"""

import asyncio
import contextlib
import json
import re
import ssl
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error as NatsError

from chatcore.replication import LogEntry
from chatcore.replication.fence import ENTRY_BYTES
from transports.jetstream.credentials import Credentials, read_credentials, sign
from transports.jetstream.stream import Unfit, version_problem

__all__ = ["Link", "LinkLost", "Servers", "StreamMissing", "entry_of", "microseconds", "refusal_of"]

CONNECTING: Final = 3.0
"""Seconds for each step of connecting."""

PING: Final = 2
"""Seconds between pings; two that are unanswered end a connection."""

_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?Z")

_NO_STREAM = 10059
_IN_USE = 10058  # somebody else has just made the stream

_EPOCH = datetime.fromisoformat("1970-01-01T00:00:00")

_SECOND = timedelta(seconds=1)


class LinkLost(Exception):
    """A server cannot be reached, or does not answer; the argument says why."""


class StreamMissing(Exception):
    """There is no such stream."""


@dataclass(frozen=True, slots=True)
class Servers:
    """The servers of a log, as ``HOST:PORT``, in the order in which they are tried.

    With ``tls`` a server that does not encrypt gets nothing. ``credentials`` is a file, or what one says: see
    `transports.jetstream.credentials`. ``monitors`` are where the servers show how they are set up.
    """

    addresses: tuple[str, ...]
    tls: ssl.SSLContext | None = None
    credentials: Path | Credentials | None = None
    monitors: tuple[str, ...] = ()


class Link:
    """A connection to the server at ``address``; `open` comes first, `close` last.

    ``forbidden`` is called with the words of the server where it does not permit something.
    """

    def __init__(
        self,
        servers: Servers,
        address: str,
        inbox: str,
        forbidden: Callable[[str], None] = lambda words: None,
    ) -> None:
        self.address = address
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._servers = servers
        self._inbox = inbox
        self._forbidden = forbidden
        self._client = Client()
        self._error: Exception | None = None
        self._refusal = ""  # what the server has not permitted last

    @property
    def max_payload(self) -> int:
        """The most bytes that the server takes in a message: any entry that counts has to fit."""
        return self._client.max_payload

    @property
    def version(self) -> str:
        """The version of the server."""
        return str(self._client._server_info.get("version", ""))

    @property
    def has_jetstream(self) -> bool:
        """Whether JetStream is on at the server itself; others of its cluster may answer for it."""
        return self._client._server_info.get("jetstream") is True

    async def open(self) -> None:
        """Connect; raises `LinkLost`, and `Unfit` for a server that can't be used."""
        options: dict[str, Any] = {}
        if self._servers.tls is not None:
            options["tls"] = self._servers.tls
        try:
            options |= self._authentication()
            async with asyncio.timeout(CONNECTING * 3):
                await self._client.connect(
                    f"nats://{self.address}",
                    name="chat",
                    allow_reconnect=False,
                    max_reconnect_attempts=1,
                    reconnect_time_wait=0,
                    connect_timeout=int(CONNECTING),
                    ping_interval=PING,
                    inbox_prefix=self._inbox,
                    error_cb=self._note_error,
                    closed_cb=self._note_closed,
                    **options,
                )
        except (NatsError, OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise LinkLost(self._words(error)) from error
        except ValueError as error:
            raise Unfit(str(error)) from error
        self._check_encryption()
        if (problem := version_problem(self.version)) is not None:
            raise Unfit(problem)
        if self.max_payload < ENTRY_BYTES:
            raise Unfit(
                f"its max_payload is {self.max_payload}, and {ENTRY_BYTES} are needed; write the line "
                '"max_payload: 4MB" into the configuration of each nats-server, and have it loaded again'
            )

    async def close(self) -> None:
        """Let the connection go."""
        self.lost.cancel()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(CONNECTING):
                await self._client.close()

    # --- the stream ------------------------------------------------------------------------------

    async def ask(self, subject: str, question: Mapping[str, Any], timeout: float) -> dict[str, Any]:
        """Ask a server something of JetStream; raises `LinkLost`, `StreamMissing`, and `Unfit`."""
        payload = json.dumps(question).encode() if question else b""
        try:
            reply = await self._client.request(f"$JS.API.{subject}", payload, timeout=timeout)
            answer: dict[str, Any] = json.loads(reply.data)
        except (NatsError, TimeoutError, ValueError) as error:
            raise LinkLost(f"no answer to {subject}: {self._why_silent(subject, error)}") from error
        if (problem := answer.get("error")) is None:
            return answer
        if problem.get("err_code") == _NO_STREAM:
            raise StreamMissing
        words = f"{subject} was refused: {problem.get('description')} ({problem.get('err_code')})"
        if problem.get("code") == 400 and problem.get("err_code") != _IN_USE:
            raise Unfit(words)
        raise LinkLost(words)

    async def publish(self, subject: str, data: bytes, reply: str = "") -> None:
        """Send something; raises `LinkLost`."""
        try:
            await self._client.publish(subject, data, reply=reply)
        except (NatsError, OSError) as error:
            raise LinkLost(self._words(error)) from error

    async def subscribe(self, subject: str, take: Callable[[Msg], Awaitable[None]]) -> None:
        """Have ``take`` called with what is sent to a subject; raises `LinkLost`."""
        try:
            await self._client.subscribe(subject, cb=take)
        except (NatsError, OSError) as error:
            raise LinkLost(self._words(error)) from error

    async def flush(self) -> None:
        """Return once the server has had everything; raises `LinkLost`."""
        try:
            await self._client.flush(int(CONNECTING))
        except (NatsError, OSError, TimeoutError) as error:
            raise LinkLost(self._words(error)) from error

    def inbox(self) -> str:
        """Return a new subject of its own."""
        return self._client.new_inbox()

    # --- within ----------------------------------------------------------------------------------

    def _authentication(self) -> dict[str, Any]:
        """Return what shows who we are, which is asked for once it is known whether a server encrypts."""
        given = self._servers.credentials
        if given is None:
            return {}
        try:
            found = given if isinstance(given, Credentials) else read_credentials(given)
        except OSError as error:
            raise ValueError(f"cannot read the credentials: {error}") from error

        def checked(value: Any) -> Callable[[], Any]:
            def show() -> Any:
                self._check_encryption()
                return value

            return show

        def sign_nonce(nonce: str) -> bytes:
            self._check_encryption()
            return sign(found.seed, nonce)

        if found.token:
            return {"user_jwt_cb": checked(found.token), "signature_cb": sign_nonce}
        return {"user": checked(found.user), "password": checked(found.password)}

    def _check_encryption(self) -> None:
        if self._servers.tls is not None and not self._client._server_info.get("tls_required"):
            raise Unfit("it does not encrypt, and tls:// is for servers that require it")

    async def _note_error(self, error: Exception) -> None:
        words = str(error)
        if "permissions violation" in words.casefold():
            self._refusal = self._without_names(words)
            self._forbidden(self._refusal)
        else:
            self._error = error

    def _without_names(self, words: str) -> str:
        """Return the words of a server about inboxes of ours with what permits all of them."""
        inbox = re.escape(self._inbox)
        return re.sub(rf'"{inbox}\.[^"]*"', f'"{self._inbox}.>"', words, flags=re.IGNORECASE)

    def _why_silent(self, subject: str, error: BaseException) -> str:
        """Return why nothing was answered: that it was forbidden to ask, or to hear the answer."""
        refusal = self._refusal.casefold()
        subjects = (f"$JS.API.{subject}", f"{self._inbox}.>")
        if any(f'"{each}"'.casefold() in refusal for each in subjects):
            return self._refusal
        return self._words(error)

    async def _note_closed(self) -> None:
        if not self.lost.done():
            self.lost.set_exception(LinkLost(self._words(self._client.last_error or self._error)))

    def _words(self, error: BaseException | None) -> str:
        cause = self._error or error
        if isinstance(cause, TimeoutError):
            return "it does not answer"
        return str(cause) or type(cause).__name__ if cause is not None else "it has closed the connection"


def entry_of(msg: Msg) -> LogEntry | None:
    """Return the entry in a message of a feed, or in an answer; ``None`` if there is none."""
    headers = msg.headers or {}
    position, at = headers.get("Nats-Sequence", ""), _TIME.fullmatch(headers.get("Nats-Time-Stamp", ""))
    if not position.isdecimal() or at is None:
        return None
    return LogEntry(int(position), _microseconds(at), msg.data)


def refusal_of(answer: bytes) -> str:
    """Return in words why an entry was refused, by the answer of a server that has an error in it."""
    try:
        error = json.loads(answer)["error"]
        return f"{error['description']} ({error['err_code']})"
    except (ValueError, KeyError, TypeError):
        return answer.decode("utf-8", "replace")


def microseconds(time: str) -> int | None:
    """Return a time of a server, in microseconds since 1970."""
    match = _TIME.fullmatch(time)
    return None if match is None else _microseconds(match)


def _microseconds(match: "re.Match[str]") -> int:
    seconds = (datetime.fromisoformat(match[1]) - _EPOCH) // _SECOND
    return seconds * 1_000_000 + int(((match[2] or "") + "000000")[:6])
