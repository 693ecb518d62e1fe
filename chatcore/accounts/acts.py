"""Acts: all that changes the accounts, as data that can be stored, sent and done elsewhere.

An act is its name, under ``act``, and its values. Keys and invites are in it by their hashes, in hex; whoever
asks for an act makes them, so that doing it needs no chance. When it is done is no part of it. Who may do it
is decided by what is in the file by then.

`is_act` is for acts that come from elsewhere. It does not say that an act is allowed, nor that it does
anything: only that doing it, and reading what it has done, cannot fail.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, get_args

from chatcore.accounts.networks import is_network
from chatcore.accounts.records import LONGEST, ROLES
from chatcore.gate import Act

__all__ = ["MOST_USES", "MOST_USES_NOTED", "Content", "is_act"]

Content = Mapping[str, Any]
"""An act."""

MOST_USES: Final = 1_000_000
"""How often an invite can be used at most."""

MOST_USES_NOTED: Final = 4_096
"""Keys in one act that notes when they were used."""

_Check = Callable[[object], bool]

_HASH = re.compile(r"[0-9a-f]{64}")
_ID = re.compile(r"[!-~]{1,64}")
_NAME = re.compile(r"[!-~]{1,64}")  # ASCII, so that folding it is the same everywhere
_FOLDED = re.compile(r"[a-z0-9._-]{1,64}")
_TEXT = re.compile(r"[^\x00\ud800-\udfff]{0,4096}")
_BY = re.compile(r"[^\x00\ud800-\udfff]{1,256}")
_URL = re.compile(r"(?:https?|chats?)://[!-~]{1,800}")
_PIN = re.compile(r"[A-Za-z0-9_-]{43}")

_URLS: Final = 100


def is_act(content: Content) -> bool:
    """Tell whether this is an act, with all that it has to have and nothing else."""
    fields = _ACTS.get(act) if isinstance(act := content.get("act"), str) else None
    if fields is None or len(content) != len(fields) + 1:
        return False
    return all(name in content and check(content[name]) for name, check in fields.items())


def _matches(pattern: re.Pattern[str]) -> _Check:
    return lambda value: isinstance(value, str) and pattern.fullmatch(value) is not None


def _or_none(check: _Check) -> _Check:
    return lambda value: value is None or check(value)


def _each(check: _Check, most: int) -> _Check:
    return lambda value: isinstance(value, list) and len(value) <= most and all(map(check, value))


def _is_member(value: object) -> bool:
    """Tell whether this is an account, and the id of one of its keys."""
    return isinstance(value, list) and len(value) == 2 and _is_name(value[0]) and _is_id(value[1])


def _is_url(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and _is_url_text(value[0]) and _is_pin(value[1])


def _is_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 < value <= LONGEST  # type: ignore[operator]  # a number


def _is_any_seconds(value: object) -> bool:
    return type(value) in (int, float) and 0 <= value <= 2 * LONGEST  # type: ignore[operator]  # a number


def _is_uses(value: object) -> bool:
    return type(value) is int and 1 <= value <= MOST_USES


def _is_network(value: object) -> bool:
    return isinstance(value, str) and is_network(value)


def _is_role(value: object) -> bool:
    return isinstance(value, str) and value in ROLES


def _is_act_of_moderation(value: object) -> bool:
    return isinstance(value, str) and value in get_args(Act)


def _is_flag(value: object) -> bool:
    return isinstance(value, bool)


_is_hash = _matches(_HASH)
_is_id = _matches(_ID)
_is_name = _matches(_NAME)
_is_room = _matches(_FOLDED)
_is_text = _matches(_TEXT)
_is_by = _matches(_BY)
_is_url_text = _matches(_URL)
_is_pin = _or_none(_matches(_PIN))

_ACTS: Final[Mapping[str, Mapping[str, _Check]]] = {
    # of people
    "redeem": {"nick": _is_name, "key": _is_hash, "invite": _is_hash},
    "moderate": {
        "person": _is_member,
        "what": _is_act_of_moderation,
        "room": _or_none(_is_room),
        "nick": _or_none(_is_name),
        "seconds": _or_none(_is_any_seconds),
        "reason": _or_none(_is_text),
        "present": _each(_is_room, 100_000),
    },
    "invite_device": {"person": _is_member, "invite": _is_hash},
    "forget_device": {"person": _is_member},
    # of servers
    "forget_room": {"room": _is_room},
    "note_uses": {"keys": _each(_is_hash, MOST_USES_NOTED)},
    # of operators
    "add": {"by": _is_by, "name": _is_name, "role": _or_none(_is_role)},
    "role": {"by": _is_by, "name": _is_name, "role": _is_role},
    "remove": {"by": _is_by, "name": _is_name},
    "revoke": {"by": _is_by, "name": _is_name, "key": _or_none(_is_id), "only": _is_flag},
    "invite": {
        "by": _is_by,
        "invite": _is_hash,
        "role": _or_none(_is_role),
        "uses": _is_uses,
        "seconds": _is_seconds,
        "room": _or_none(_is_room),
        "name": _or_none(_is_name),
    },
    "withdraw": {"by": _is_by, "id": _or_none(_is_id)},
    "ban": {
        "by": _is_by,
        "target": _is_name,
        "network": _or_none(_is_network),
        "seconds": _or_none(_is_seconds),
        "reason": _or_none(_is_text),
    },
    "lift": {
        "by": _is_by,
        "target": _is_name,
        "network": _or_none(_is_network),
        "room": _or_none(_is_room),
    },
    "publish": {"by": _is_by, "urls": _each(_is_url, _URLS)},
    "repin": {"by": _is_by, "urls": _each(_is_url_text, _URLS), "pin": _is_pin},
}
