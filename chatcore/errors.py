"""What can go wrong, as types.

Peer input never raises: on the way in, a wire reports a `Fault`, a value. What a caller of this
library can be told is one tree::

    ChatError
    ├── LocalError              you did it
    │   ├── JournalError        a journal that cannot be opened
    │   ├── UsageError          an argument that cannot be
    │   └── ClosedError         the connection was closed, by you, before this call
    └── RemoteError             the other side did it
        ├── RefusedError        the server said no: `code`, `retry_after`, `room`, `id`
        ├── DisconnectedError   the connection ended: `reason`, `reconnect_after`
        └── ProtocolError       the server broke the protocol
"""

from dataclasses import dataclass
from typing import Literal, get_args

__all__ = [
    "ERROR_CODES",
    "ChatError",
    "ClosedError",
    "DisconnectedError",
    "ErrorCode",
    "Fault",
    "JournalError",
    "LocalError",
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
ERROR_CODES: tuple[str, ...] = get_args(ErrorCode)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that a peer sent and that is not a frame; what is known of it is kept for the answer.

    ``fatal`` says that the stream is out of step: nothing after this point can be understood.
    """

    code: ErrorCode
    message: str
    room: str | None = None
    id: str | None = None
    fatal: bool = False


class ChatError(Exception):
    """The root of all errors that this library raises on purpose."""


class LocalError(ChatError):
    """The caller did something that cannot be."""


class UsageError(LocalError, ValueError):
    """An argument is not one that the protocol allows."""


class JournalError(LocalError):
    """A journal cannot be opened: its message names the file and what is wrong with it."""


class ClosedError(LocalError):
    """The connection was closed by this side before the call, or before its answer."""


class RemoteError(ChatError):
    """The other side refused, left or misbehaved."""


class RefusedError(RemoteError):
    """The server answered with an `error` frame.

    ``retry_after`` is in seconds, and ``None`` where trying again cannot help.
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
    """The connection ended, by the server's `closing` frame or without a word.

    ``reason`` is that of the frame, or ``"lost"``; ``reconnect_after`` is in seconds where the
    server gave one.
    """

    def __init__(self, reason: str, reconnect_after: float | None = None) -> None:
        super().__init__(f"the connection ended ({reason})")
        self.reason = reason
        self.reconnect_after = reconnect_after


class ProtocolError(RemoteError):
    """The server sent what the protocol forbids; the connection is closed."""
