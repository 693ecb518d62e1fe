"""What can go wrong, as types.

Peer input never raises: on the way in, a wire reports a `Fault`, a value. What a caller of this library
may have to deal with is one tree, and its first branch says whose fault it is::

    ChatError
    ├── LocalError              you did it
    │   ├── UsageError          an invalid argument (also a ValueError)
    │   ├── MisuseError         a call in the wrong place: thread, process, event loop (also a RuntimeError)
    │   ├── ClosedError         the connection was closed, by you, before this call or its answer
    │   ├── JournalError        a journal that does not open
    │   └── AccountsError       a file of accounts that does not open, or cannot be used
    └── RemoteError             the other side did it
        ├── RefusedError        the server said no: `code`, `message`, `retry_after`, `room`, `id`
        ├── DisconnectedError   the connection ended: `reason`, `reconnect_after`
        └── ProtocolError       the server broke the protocol

Two errors of Python's own belong to the library too: `OSError` where a server is not reachable or an
address not free, and `TimeoutError` where a time that you gave is over. They are no `ChatError`.
"""

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "ERROR_CODES",
    "AccountsError",
    "ChatError",
    "ClosedError",
    "DisconnectedError",
    "ErrorCode",
    "Fault",
    "JournalError",
    "LocalError",
    "MisuseError",
    "ProtocolError",
    "RefusedError",
    "RemoteError",
    "UsageError",
]

ErrorCode = Literal[
    "bad_frame",
    "bad_state",
    "bad_name",
    "bad_text",
    "too_long",
    "unknown_type",
    "unknown_kind",
    "unsupported_protocol",
    "nick_taken",
    "not_joined",
    "conflict",
    "rate_limited",
    "limit_exceeded",
    "unavailable",
    "unauthorized",
    "forbidden",
]
"""The ``code`` of an `error` frame, and of a `RefusedError`; ``docs/protocol.md`` says what each means."""

ERROR_CODES: tuple[str, ...] = get_args(ErrorCode)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a peer sent and that is not a frame; a value, and no exception.

    ``room`` and ``id`` are what is known of it, for the answer. ``fatal`` says that the stream is out of
    step: nothing after this point can be understood.
    """

    code: ErrorCode
    message: str
    room: str | None = None
    id: str | None = None
    fatal: bool = False


class ChatError(Exception):
    """The root of all errors that this library raises on purpose."""


class LocalError(ChatError):
    """The caller made a mistake, or closed what it uses. Trying the same again does not help."""


class UsageError(LocalError, ValueError):
    """An argument is invalid: its message says what is allowed. Nothing was sent.

    Only what can be known on this side is checked: a text that is too long for the server, for instance, is
    a `RefusedError`.
    """


class MisuseError(LocalError, RuntimeError):
    """A call that can never work where it was made; its message names the mistake. Nothing was sent.

    It is raised in place of a wait that would never end: for a client that is used in another event loop
    or in a forked process, for a blocking call in the thread that would have to bring the answer, for two
    consumers of the same events, and for a ``connect`` that is used twice.
    """


class ClosedError(LocalError):
    """You have closed the connection before the call, or before its answer came.

    A post that fails with it may be stored or not: nobody waited for the answer.
    """


class JournalError(LocalError):
    """A journal does not open: its message names the file and what is wrong with it."""


class AccountsError(LocalError):
    """A file of accounts does not open, or cannot be used: its message names the file and what is wrong."""


class RemoteError(ChatError):
    """The other side refused, left or broke the protocol."""


class RefusedError(RemoteError):
    """The server answered with an `Error` frame.

    ``code`` is one of `ErrorCode`, or ``"unknown"`` from a newer server, and is what a program decides
    by; ``message`` is for people. ``room`` and ``id`` say what was refused, where that is known.
    ``retry_after`` is in seconds, and ``None`` where trying again does not help. Posts that were refused
    for a while are sent again by the client itself, so a post fails with this only for good.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        room: str | None = None,
        id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.room = room
        self.id = id
        self.retry_after = retry_after


class DisconnectedError(RemoteError):
    """The connection ended, by the server's `Closing` frame or without a word.

    ``reason`` is that of the frame; ``"timeout"`` if the server fell silent, ``"failed"`` if
    the client itself has failed (``__cause__`` says of what), and ``"lost"`` otherwise.
    ``reconnect_after`` is in seconds, where the server named a time. A client that reconnects raises it
    only when there is no way back, as after ``"taken_over"``, and from posts that are too old to be sent
    again. Such a post may be stored or not: post it again under the same ``id`` if it must be stored, and
    it is stored once. ``advice``, for people, ends the message.
    """

    def __init__(self, reason: str, reconnect_after: float | None = None, *, advice: str = "") -> None:
        super().__init__(f"the connection ended ({reason}){advice}")
        self.reason = reason
        self.reconnect_after = reconnect_after


class ProtocolError(RemoteError):
    """The server sent what the protocol forbids, or is no chat server. The connection is closed for good."""
