"""Frames of what a caller of the library gives. What the protocol does not allow is a `UsageError`.

Only what is wrong whatever the server is gets checked: whether a text is too long, for instance, is for the
server to say.
"""

import threading
from math import isnan
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from chatcore.errors import UsageError
from chatcore.fields import Nick
from chatcore.kinds import kind_problem
from chatcore.messages import Frame, Post
from chatcore.names import RULES

__all__ = ["checked", "checked_nick", "checked_post", "checked_timeout"]

F = TypeVar("F", bound=Frame)

TIMEOUT_MAX = min(100 * 365 * 24 * 3600.0, threading.TIMEOUT_MAX)
"""The longest timeout in seconds that is counted: every clock takes it, and hardly anybody sees it end."""

_nick: TypeAdapter[str] = TypeAdapter(Nick)


def checked(frame: type[F], /, **fields: object) -> F:
    """Make a frame of a caller's arguments; raises `UsageError` that says in words what is wrong."""
    try:
        return frame.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise UsageError(RULES.get(field, f"{field}: {first['msg']}")) from None


def checked_post(room: str, text: str, id: str, kind: object, target: object) -> Post:
    """Make a post; raises `UsageError`, also for a kind that no server of this version takes."""
    post = checked(Post, room=room, id=id, kind=kind, target=target, text=text)
    if problem := kind_problem(post.kind, post.target):
        code, _ = problem
        raise UsageError(RULES["kind" if code == "unknown_kind" else "target"])
    return post


def checked_nick(nick: str) -> str:
    """Return a nick as it was given; raises `UsageError`."""
    try:
        return _nick.validate_python(nick, strict=True)
    except ValidationError:
        raise UsageError(RULES["nick"]) from None


def checked_timeout(timeout: float | None) -> float | None:
    """Return how long a caller waits, as every clock takes it; raises `UsageError` for what is not a time.

    ``None`` and ``inf`` are no limit, and less than nothing is nothing.
    """
    if timeout is None:
        return None
    if isnan(timeout):
        raise UsageError("a timeout is a number of seconds, inf or None, not nan")
    return min(max(timeout, 0.0), TIMEOUT_MAX)
