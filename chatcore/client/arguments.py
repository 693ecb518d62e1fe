"""Frames of what a caller gives. What the protocol does not allow is a `UsageError`, and nothing is sent.

Only what can be known on this side is checked: whether a text is too long, for instance, is for the server to
say.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TypeVar

from pydantic import ValidationError

from chatcore.errors import UsageError
from chatcore.messages import Frame, History, Join, Post
from chatcore.names import RULES

__all__ = ["checked", "checked_history", "checked_most_missed", "checked_post", "checked_rooms"]

F = TypeVar("F", bound=Frame)

_OWN = "x."
"""The start of the kinds of messages that belong to applications."""

_KIND = re.compile(r"text|action|notice|x\.[a-z0-9.-]{1,30}")


def checked(kind: type[F], /, **fields: object) -> F:
    """Make a frame of a caller's arguments; raises `UsageError` that says in words what is wrong."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise UsageError(RULES.get(field, f"{field}: {first['msg']}")) from None


def checked_post(room: str, text: str, id: str, kind: object, target: object) -> Post:
    """Make a post; raises `UsageError`, also for a kind that no server of this version takes."""
    if kind is not None and not (isinstance(kind, str) and _KIND.fullmatch(kind)):
        raise UsageError(
            "a kind is text, action or notice, or one of your own: x. and up to 30 of a-z, 0-9, '-' and '.'"
        )
    if target is not None and not (isinstance(kind, str) and kind.startswith(_OWN)):
        raise UsageError("only a kind of your own, which begins with x., takes a target")
    return checked(Post, room=room, id=id, kind=kind, target=target, text=text)


def checked_history(
    room: str,
    before: int | None,
    after: int | None,
    before_at: object,
    after_at: object,
    limit: int | None,
    token: str,
) -> History:
    """Make a request for a page; raises `UsageError`, also for two bounds on one side."""
    for name, seq, time in (("after", after, after_at), ("before", before, before_at)):
        if seq is not None and time is not None:
            raise UsageError(f"give either {name} or {name}_at: a page has one bound on each side")
    return checked(
        History,
        room=room,
        before=before,
        after=after,
        before_at=_in_utc("before_at", before_at),
        after_at=_in_utc("after_at", after_at),
        limit=limit,
        token=token,
    )


def _in_utc(name: str, when: object) -> datetime | None:
    """Return a time as a frame has it; raises `UsageError` for one without a time zone."""
    if when is None:
        return None
    if not isinstance(when, datetime) or when.utcoffset() is None:
        raise UsageError(f"{name} is a datetime with a time zone, such as datetime.now(UTC)")
    try:
        return when.astimezone(UTC)
    except OverflowError:
        raise UsageError(f"{name} is before the year 1 or after the year 9999 in UTC") from None


def checked_rooms(rooms: Sequence[str]) -> tuple[str, ...]:
    """Return the rooms that a caller names; raises `UsageError`.

    One string is a sequence of strings too, so the type checker does not see that it is a mistake.
    """
    if isinstance(rooms, str):
        raise UsageError(f"rooms is a sequence of names; for one room write rooms=[{rooms!r}]")
    return tuple(checked(Join, room=room).room for room in rooms)


def checked_most_missed(count: int | None) -> int | None:
    """Return how many missed messages a caller wants at most; raises `UsageError`."""
    try:
        return Join.model_validate({"room": "lobby", "history": count}).history
    except ValidationError:
        raise UsageError(f"most_missed is a number of messages, at least 0, not {count!r}") from None
