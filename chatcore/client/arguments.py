"""What a caller of a client gives, beyond what `chatcore.arguments` checks for all. Nothing wrong is sent."""

from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import ValidationError

from chatcore.arguments import checked
from chatcore.errors import UsageError
from chatcore.messages import NEEDS_NICK, NEEDS_ROOM, History, Join, Moderate, Search
from chatcore.terms import parse_query

__all__ = [
    "CONNECT_TIMEOUT",
    "checked_history",
    "checked_moderation",
    "checked_most_missed",
    "checked_rooms",
    "checked_search",
    "out_of_time",
]

_NEEDS = {"room": NEEDS_ROOM, "nick": NEEDS_NICK}

_ENDS = {"mute", "ban"}  # acts that may last for a time

CONNECT_TIMEOUT = 30.0
"""Seconds until ``connect`` gives up by default: 10 to reach a server, 10 for its welcome, 10 for rooms."""


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


def checked_search(token: str, *, after_at: object, before_at: object, **fields: object) -> Search:
    """Make a search; raises `UsageError`, also for a query that no server of this version can answer."""
    frame = checked(
        Search,
        after_at=_in_utc("after_at", after_at),
        before_at=_in_utc("before_at", before_at),
        token=token,
        **fields,
    )
    if frame.query is None and frame.nick is None:
        raise UsageError("give a query, a nick or both")
    if frame.room is None and not (frame.after is None and frame.before is None):
        raise UsageError("after and before are numbers of one room: name it, or use after_at and before_at")
    try:
        if frame.query is not None:
            parse_query(frame.query)
    except ValueError as error:
        raise UsageError(str(error)) from None
    return frame


def checked_moderation(
    act: str,
    room: str | None,
    nick: str | None,
    seconds: float | None,
    reason: str | None,
    token: str,
) -> Moderate:
    """Make a request to moderate; raises `UsageError`, also for an act that does not say where or whom."""
    frame = checked(Moderate, act=act, room=room, nick=nick, seconds=seconds, reason=reason, token=token)
    missing = [name for name, acts in _NEEDS.items() if act in acts and getattr(frame, name) is None]
    if missing:
        raise UsageError(f"to {act}, name the {' and the '.join(missing)}")
    if seconds is not None and act not in _ENDS:
        raise UsageError(f"{act} has no end: seconds are for mute and ban")
    return frame


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


def out_of_time(url: str, timeout: float | None) -> TimeoutError:
    """Return what ``connect`` raises at the end of its time."""
    return TimeoutError(f"{url} did not let us in within {timeout:g} s")
