"""A conversation that enters one room, posts there and ends: without I/O, and without the models of frames.

To load the models takes a program that says one thing longer than to say it. So this knows the few frames of
such a conversation, and no others: `chatcore.client.session` is for everything else. Its promises are the
same:

- Posts are sent in their order, each after the answer to the one before. One that was refused for a while is
  sent again after that while.
- A connection that is lost after a ``welcome`` is made again, unless it was ended for good. The seat is taken
  over by the secret of the ``welcome``, and what has no answer is sent again under its id, unless that is so
  long ago that the server may have forgotten it.
- What a server sends never raises: it ends the conversation, with an ``error``.

A driver's rhythm: `connection_made` with each connection, then write `data_to_send` until it is empty, give
what comes to `receive_data`, and call `handle_deadline` at `next_deadline`. When ``done`` is true, or there
is an ``error``, it is over. After `connection_lost` or `dial_failed`, dial at ``dial_at``, if it is not over.
"""

import json
import re
from collections.abc import Callable, Sequence
from math import isfinite
from typing import Any, NamedTuple

from chatcore.client.backoff import Backoff
from chatcore.client.foreign import foreign
from chatcore.client.redial import Redial
from chatcore.client.route import Route
from chatcore.errors import ChatError, DisconnectedError, ProtocolError, RefusedError, UsageError
from chatcore.names import NICK_PATTERN, POST_ID_PATTERN, ROOM_PATTERN, RULES, fold

__all__ = ["Ack", "Posting", "Said"]

PROTOCOL = 1
"""The version that is spoken here, which `chatcore.messages` has too."""

LINE_BYTES = 1024 * 1024
"""The longest line that is taken, as `chatcore.limits` has it."""

TEXT = 512
"""Characters of an error that are shown."""

_WORD = re.compile(r"[ -~]{1,128}")

HANDSHAKE_SECONDS = 10.0
SILENCE_SECONDS = 90.0
"""How long a server may take to say welcome, and may be silent later: it asks for signs of life by itself."""

DEDUPE_SECONDS = 120.0
"""How long a post is sent again by itself, unless the server says how long it remembers ids."""


class Said(NamedTuple):
    """One post."""

    id: str
    kind: str | None
    text: str


class Ack(NamedTuple):
    """An acknowledgement: the number of the message, and the frame as a line."""

    seq: int
    line: bytes


class Posting:
    """The conversation, over any number of connections.

    ``posts`` gives what to post, once the room is entered, from the server's limit of bytes for a text; what
    it raises, a `ChatError`, ends the conversation. ``acks`` are the answers so far. Raises `UsageError` for
    a nick or a room that is not valid.
    """

    def __init__(
        self,
        nick: str,
        room: str,
        posts: Callable[[int | None], Sequence[Said]],
        *,
        clock: Callable[[], float],
        client: str | None = None,
        key: str | None = None,
        backoff: Backoff | None = None,
        route: Route | None = None,
    ) -> None:
        _check(nick, NICK_PATTERN, "nick")
        _check(room, ROOM_PATTERN, "room")
        self.acks: list[Ack] = []
        self.error: ChatError | None = None
        self.shows_key = key is not None
        self._hello = {"type": "hello", "protocol": PROTOCOL, "nick": nick, "client": client, "key": key}
        self._room = fold(room)
        self._posts = posts
        self._clock = clock
        self._redial = Redial(backoff or Backoff(), clock, wanted=True, route=route)
        self._waiting: list[Said] | None = None  # what has no answer; None before the room was entered
        self._first_sent: float | None = None  # when the first of these was sent first
        self._dedupe_seconds = DEDUPE_SECONDS
        self._limit: int | None = None
        self._begin(0.0)

    def _begin(self, now: float) -> None:
        """Forget the last connection."""
        self._live = False
        self._entered = False
        self._reason: str | None = None  # the server's, for the end
        self._reconnect_after: float | None = None
        self._rest = b""
        self._output = b""
        self._resume_at: float | None = None  # when to ask for the room, or post, again
        self._heard_at = now

    # --- for a driver ----------------------------------------------------------------------------

    @property
    def done(self) -> bool:
        """Whether everything is acknowledged."""
        return self._waiting == []

    @property
    def over(self) -> bool:
        """Whether there is nothing more to do."""
        return self.done or self.error is not None

    @property
    def dial_at(self) -> float | None:
        """When to connect again, on the clock."""
        return self._redial.at

    def connection_made(self) -> None:
        """Begin a connection."""
        self._begin(self._clock())
        self._redial.cancel()
        self._send(self._hello)

    def data_to_send(self) -> bytes:
        """Return what is to be written, handed over for good."""
        data, self._output = self._output, b""
        return data

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the server."""
        self._heard_at = self._clock()
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.strip() and not self.over and self._reason is None:
                self._receive(line)
        if len(self._rest) > LINE_BYTES:
            self._fail(ProtocolError("a line of the server is too long"))
        if not self._live and (words := foreign(self._rest.lstrip()[:2])) and not self.over:
            self._fail(ProtocolError(words))

    @property
    def was_welcomed(self) -> bool:
        """Whether the server has said welcome, on any connection."""
        return self._redial.was_welcomed

    def connection_lost(self, reason: str = "lost") -> None:
        """Learn that the connection has ended."""
        reason = self._reason or reason
        if self.over or self._redial.at is not None:  # which a refusal has planned
            return
        if not self._redial.follows_loss(reason):
            self._fail(DisconnectedError(reason, self._reconnect_after))
        elif self._is_too_old():
            self._fail(DisconnectedError("lost"))
        else:
            self._redial.plan(reason, self._reconnect_after or 0.0)

    def dial_failed(self, reason: str) -> None:
        """Learn that the server could not be reached again."""
        self._begin(self._clock())
        self.connection_lost(reason)

    def next_deadline(self) -> float:
        """Return when `handle_deadline` has something to do."""
        silence = self._heard_at + (SILENCE_SECONDS if self._live else HANDSHAKE_SECONDS)
        return silence if self._resume_at is None else min(silence, self._resume_at)

    def handle_deadline(self) -> bool:
        """Ask again what was refused for a while; return false if the silence has lasted too long."""
        now = self._clock()
        if self._resume_at is not None and now >= self._resume_at:
            self._resume_at = None
            self._ask()
        return now < self._heard_at + (SILENCE_SECONDS if self._live else HANDSHAKE_SECONDS)

    # --- frames ----------------------------------------------------------------------------------

    def _receive(self, line: bytes) -> None:
        try:
            frame = json.loads(line.decode())
        except (ValueError, RecursionError):
            frame = None
        if not isinstance(frame, dict):
            self._fail(ProtocolError((not self._live and foreign(line[:2])) or "the server sent no frame"))
            return
        try:
            self._handle(frame)
        except (AttributeError, KeyError, TypeError, ValueError):
            self._fail(ProtocolError(f"the server sent an invalid frame ({str(frame.get('type'))[:32]})"))

    def _handle(self, frame: dict[str, Any]) -> None:
        """Do what a frame means. Raises `KeyError`, `TypeError` or `ValueError` for one that is invalid."""
        match frame.get("type"):
            case "welcome":
                self._receive_welcome(frame)
            case "joined" if frame["room"] == self._room:
                self._receive_joined()
            case "ack" if self._is_answer(frame):
                self._receive_ack(frame)
            case "error":
                self._receive_error(frame)
            case "left" if frame["room"] == self._room and not self._entered:
                self._fail(RefusedError("forbidden", f"you were put out of {self._room}", room=self._room))
            case "closing":
                self._reason = _word(frame["reason"])
                self._reconnect_after = _seconds(frame.get("reconnect_after"))
            case "ping":
                token = frame.get("token")
                self._send({"type": "pong", "token": None if token is None else _word(token)})
            case _:  # what others in the room do, and what later versions add
                pass

    def _receive_welcome(self, frame: dict[str, Any]) -> None:
        if frame["protocol"] != PROTOCOL:
            words = f"the server chose protocol {int(frame['protocol'])}, and we speak {PROTOCOL}"
            self._fail(RefusedError("unsupported_protocol", words))
            return
        self._live = True
        self._redial.note_welcome()
        self._hello["session"] = _word(frame["session"])
        self._limit = _count(frame["limits"].get("text_bytes"))
        self._dedupe_seconds = _seconds(frame["limits"].get("dedupe_seconds")) or DEDUPE_SECONDS
        self._ask()

    def _receive_joined(self) -> None:
        self._entered = True
        if self._waiting is None:
            try:
                self._waiting = list(self._posts(self._limit))
                for said in self._waiting:
                    _check(said.id, POST_ID_PATTERN, "id")
            except ChatError as error:
                self._fail(error)
                return
        self._ask()

    def _receive_ack(self, frame: dict[str, Any]) -> None:
        seq = _count(frame["seq"])
        if seq is None:
            raise TypeError
        ack = {"type": "ack", "room": self._room, "id": frame["id"], "seq": seq}
        self.acks.append(Ack(seq, _line(**ack, durability=_word(frame["durability"]))))
        self._redial.note_success()
        self._first_sent = None
        if self._waiting:
            del self._waiting[0]
            self._ask()

    def _receive_error(self, frame: dict[str, Any]) -> None:
        retry_after = _seconds(frame.get("retry_after"))
        room, id_, message = frame.get("room"), frame.get("id"), frame["message"]
        if not isinstance(message, str):
            raise TypeError
        error = RefusedError(_word(frame["code"]), message[:TEXT], room=room, id=id_, retry_after=retry_after)
        if not self._live and room is None:
            if self._redial.follows_refusal(error):
                self._redial.plan_after(error)
                self._reason = error.code
            else:
                self._fail(error)
        elif self._is_answer(frame) or (room == self._room and id_ is None and not self._entered):
            if retry_after is None or (not self._entered and self._waiting is None):
                self._fail(error)
            else:
                self._resume_at = self._clock() + retry_after

    def _is_answer(self, frame: dict[str, Any]) -> bool:
        """Tell whether a frame answers the post that has no answer yet."""
        return bool(
            self._entered
            and self._waiting
            and (frame.get("room"), frame.get("id")) == (self._room, self._waiting[0].id)
        )

    def _ask(self) -> None:
        """Ask for the room, or post what is next."""
        if not self._entered:
            self._send({"type": "join", "room": self._room})
        elif self._waiting:
            if self._first_sent is None:
                self._first_sent = self._clock()
            said = self._waiting[0]
            self._send({"type": "post", "room": self._room, **said._asdict()})

    def _is_too_old(self) -> bool:
        return self._first_sent is not None and self._clock() - self._first_sent > self._dedupe_seconds

    def _send(self, frame: dict[str, Any]) -> None:
        self._output += _line(**frame)

    def _fail(self, error: ChatError) -> None:
        if self.error is None:
            self.error = error


def _check(value: str, pattern: str, name: str) -> None:
    if not re.fullmatch(pattern, value) or value.endswith("\n"):
        raise UsageError(RULES[name])


def _line(**frame: Any) -> bytes:
    given = {name: value for name, value in frame.items() if value is not None}
    return json.dumps(given, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _word(value: str) -> str:
    """Return a secret, a token or a code; raises `TypeError` or `ValueError` for what is none."""
    if not _WORD.fullmatch(value):
        raise ValueError
    return value


def _seconds(value: object) -> float | None:
    """Return a time; raises `TypeError` or `ValueError` for what is none."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not isfinite(value) or value < 0:
        raise ValueError
    return float(value)


def _count(value: object) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError
    return value
