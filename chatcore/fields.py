"""The fields of frames: what each kind of value looks like.

What of names and ids needs no library of models is in `chatcore.names`. Where a word comes from an open set
(a reason, a durability), a client decodes one that it does not know as ``unknown``.
"""

import re
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, GetPydanticSchema
from pydantic_core import core_schema

from chatcore.errors import ErrorCode
from chatcore.names import NICK_PATTERN, POST_ID_PATTERN, ROOM_PATTERN
from chatcore.terms import QUERY_CHARS

__all__ = [
    "NEEDS_NICK",
    "NEEDS_ROOM",
    "SEQ_MAX",
    "Act",
    "AskedTime",
    "ClosingReason",
    "ClosingWord",
    "Code",
    "Count",
    "Cursor",
    "Durability",
    "DurabilityWord",
    "Epoch",
    "GapReason",
    "GapWord",
    "Key",
    "Kind",
    "Label",
    "LeftReason",
    "LeftWord",
    "Link",
    "Nick",
    "PostId",
    "Query",
    "RoomName",
    "Seconds",
    "Secret",
    "Seq",
    "Text",
    "Time",
    "Token",
]

SEQ_MAX = 2**53 - 1  # what a JSON number holds exactly in every language (RFC 7493, section 2.2)

Seq = Annotated[int, Field(ge=0, le=SEQ_MAX)]
Count = Annotated[int, Field(ge=0, le=SEQ_MAX)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Nick = Annotated[str, Field(pattern=NICK_PATTERN)]
RoomName = Annotated[str, Field(pattern=ROOM_PATTERN)]
PostId = Annotated[str, Field(pattern=POST_ID_PATTERN)]
Token = Annotated[str, Field(pattern=r"^[ -~]{1,64}$")]
Cursor = Annotated[str, Field(pattern=r"^[ -~]{1,128}$")]
Query = Annotated[str, Field(pattern=rf"^[^\x00-\x1f\x7f-\x9f]{{1,{QUERY_CHARS}}}$")]
Epoch = Annotated[str, Field(pattern=r"^[!-~]{1,64}$")]
Secret = Annotated[str, Field(pattern=r"^[!-~]{1,128}$")]
Key = Annotated[str, Field(pattern=r"^[!-~]{43,4096}$")]
Label = Annotated[str, Field(pattern=r"^[ -~]{0,128}$")]
Link = Annotated[str, Field(pattern=r"^[!-~]{1,1024}$")]

# The control characters are Unicode's category Cc: C0, DEL and C1. Tab and newline are text.
Text = Annotated[str, Field(min_length=1, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")]


# An offset of no seconds: UTC, and checked where all else is.
Time = Annotated[datetime, GetPydanticSchema(lambda _, __: core_schema.datetime_schema(tz_constraint=0))]

# Pydantic reads more: a number in quotes, of seconds or milliseconds, and times without seconds.
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00:00)", re.ASCII)


def _parse_time(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _RFC_3339.fullmatch(value.upper()):
        raise ValueError("a time is written as in RFC 3339, in UTC")
    return datetime.fromisoformat(value.upper())


AskedTime = Annotated[Time, BeforeValidator(_parse_time)]
"""A time that a client names; those of messages are our own."""


def _open_set(literal: Any) -> BeforeValidator:
    """Let a word that this version does not know decode as ``unknown``."""
    known = frozenset(get_args(literal))
    return BeforeValidator(lambda word: word if not isinstance(word, str) or word in known else "unknown")


def _none_for_text(kind: str) -> str | None:
    return None if kind == "text" else kind


Kind = Annotated[str, Field(pattern=r"^[a-z][a-z0-9.-]{0,31}$"), AfterValidator(_none_for_text)]
"""What a message is, besides a text that was said: that is ``None``, and ``text`` is another word for it."""

Act = Literal["close", "open", "admit", "kick", "mute", "ban", "lift"]
"""What `Moderate` does; ``docs/protocol.md`` has who may."""

NEEDS_ROOM: frozenset[Act] = frozenset({"close", "open", "admit", "kick"})
NEEDS_NICK: frozenset[Act] = frozenset({"admit", "kick", "mute", "ban", "lift"})
"""The acts that name a room, and those that name somebody. Without a room the others are for everywhere."""

DurabilityWord = Literal["memory", "written", "synced", "replicated"]
"""What an acknowledged message survives; see `Ack`."""

GapWord = Literal["expired", "reset", "damaged", "skipped"]
LeftWord = Literal["expelled"]
ClosingWord = Literal["drain", "taken_over", "stalled", "timeout", "protocol", "banned", "revoked"]

Durability = Annotated[DurabilityWord | Literal["unknown"], _open_set(DurabilityWord)]
GapReason = Annotated[GapWord | Literal["unknown"], _open_set(GapWord)]
LeftReason = Annotated[LeftWord | Literal["unknown"], _open_set(LeftWord)]
ClosingReason = Annotated[ClosingWord | Literal["unknown"], _open_set(ClosingWord)]
Code = Annotated[ErrorCode | Literal["unknown"], _open_set(ErrorCode)]
