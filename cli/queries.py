"""What a person looks for: words, and from whom, in which room and from which time they are.

``from:ada``, ``in:ops``, ``after:2026-11-23`` and ``before:14:30`` are no words of a query. They become
fields of what is asked. Between quotes they are words, as everything is.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from chatcore import UsageError
from cli.terminal.times import parse_time

__all__ = ["EMPTY_PAGES", "Wanted", "parse_wanted"]

EMPTY_PAGES = 10
"""Pages without a result after which it is better to give up."""

_ITEM = re.compile(r'"[^"]*"?|\S+')
_FIELD = re.compile(r"(?i)(from|in|after|before):(.+)")

_EMPTY = re.compile(r"(?i)(from|in|after|before):")


class Wanted(NamedTuple):
    """What is looked for, under the names that ``search`` of a client has for it.

    ``query`` or ``nick`` is given; times are those of messages.
    """

    query: str | None = None
    nick: str | None = None
    room: str | None = None
    after_at: datetime | None = None
    before_at: datetime | None = None


def parse_wanted(text: str) -> Wanted:
    """Read what was typed; raises `UsageError` that says what is wrong with it."""
    words = list[str]()
    fields = dict[str, str]()
    for item in _ITEM.findall(text):
        if field := _FIELD.fullmatch(item):
            fields[field[1].lower()] = field[2]
        else:
            words.append(item)
    if "from" not in fields and all(_EMPTY.fullmatch(word) for word in words):
        raise UsageError("say what to look for: words, or from:NICK")
    return Wanted(
        query=" ".join(words) or None,
        nick=fields.get("from"),
        room=fields.get("in"),
        after_at=_time("after", fields),
        before_at=_time("before", fields),
    )


def _time(name: str, fields: dict[str, str]) -> datetime | None:
    if (text := fields.get(name)) is None:
        return None
    if (time := parse_time(text, datetime.now(UTC))) is None:
        raise UsageError(f"{name}: takes a time such as 14:30, 2026-11-23 or 2026-11-23T14:30, not {text}")
    return time
