"""The keys of the terminal client in ``chat.toml``: a table ``[keys]`` of actions, each with its keys.

A key is written ``enter``, ``f5``, ``ctrl-j`` or ``alt-enter``, and keys that are pressed one after the other
with a space between them: ``ctrl-x ctrl-s``. What types a character is no key, or it could not be typed.
"""

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["ACTIONS", "USUAL", "Mistake", "check_keys", "keys_of", "names_of", "pressed"]

ACTIONS = {
    "send": ("enter",),
    "newline": ("alt-enter",),
    "cancel": ("ctrl-c",),
    "edit": ("ctrl-x ctrl-e",),
    "suspend": ("ctrl-z",),
    "clear": ("ctrl-l",),
    "complete": ("tab",),
    "older": ("up",),
    "newer": ("down",),
    "find": ("ctrl-r",),
    **{f"room-{number}": (f"alt-{number}",) for number in range(1, 10)},
}
"""What keys do, and the keys that do it."""

MOST_PRESSED = 3
"""Keys that may be pressed one after the other for one action."""

_MOVES = "up|down|left|right|home|end|insert|delete|pageup|pagedown"
_PLAIN = rf"enter|tab|backspace|f(?:[1-9]|1[0-9]|2[0-4])|{_MOVES}"
_KEY = re.compile(
    rf"{_PLAIN}|ctrl-(?:[a-z]|space|{_MOVES})|shift-(?:tab|{_MOVES})|ctrl-shift-(?:{_MOVES})"
    rf"|alt-(?:[a-z0-9]|{_PLAIN})"
)
_LETTER = re.compile(r"[a-z0-9]")


class Mistake(ValueError):
    """A mistake in a table of ``chat.toml``; ``keys`` say where in it."""

    def __init__(self, problem: str, *keys: str) -> None:
        super().__init__(problem)
        self.keys = keys


def check_keys(table: Mapping[str, Any]) -> None:
    """Raise `Mistake` unless a table is valid."""
    for action, value in table.items():
        if action not in ACTIONS:
            raise Mistake(f"is not an action; the actions are {_names()}", action)
        values = value if isinstance(value, list) else [value]
        if not values or not all(isinstance(each, str) for each in values):
            raise Mistake('must be a key, such as "alt-enter", or a list of keys', action)
        for each in values:
            if not _is_key(each):
                example = "write it like enter, f5, ctrl-j, alt-enter or ctrl-x ctrl-s"
                raise Mistake(f"{each!r} is not a key; {example}", action)
    _check_apart(table)


def keys_of(table: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the keys of each action: those of a table, and the usual ones of all others."""
    return {
        action: [value] if isinstance(value := table.get(action, list(usual)), str) else list(value)
        for action, usual in ACTIONS.items()
    }


def names_of(table: Mapping[str, Any]) -> dict[str, str]:
    """Return the first key of each action, as a text for people names it: ``Ctrl-X Ctrl-E``."""
    return {action: keys[0].title() for action, keys in keys_of(table).items()}


def pressed(key: str) -> tuple[str, ...]:
    """Return keys by the names that prompt_toolkit has for them."""
    return tuple(name for each in key.split() for name in _named(each))


def _check_apart(table: Mapping[str, Any]) -> None:
    """Raise `Mistake` for a key that would do two things."""
    done: dict[tuple[str, ...], str] = {}
    for action, keys in sorted(keys_of(table).items(), key=lambda item: item[0] in table):
        for key in keys:
            other = done.setdefault(pressed(key), action)
            if other != action:
                raise Mistake(f"{key} is also the key of {other}; give that another one", action)


def _is_key(text: str) -> bool:
    first, *others = text.split() or [""]
    return (
        len(others) < MOST_PRESSED
        and _KEY.fullmatch(first) is not None
        and all(_KEY.fullmatch(each) or _LETTER.fullmatch(each) for each in others)
    )


def _named(key: str) -> tuple[str, ...]:
    if key.startswith("alt-"):
        return ("escape", *_named(key[len("alt-") :]))
    return (key.replace("ctrl-", "c-").replace("shift-", "s-"),)


def _names() -> str:
    return ", ".join(name for name in ACTIONS if name not in [f"room-{number}" for number in range(2, 9)])


USUAL = names_of({})
"""The keys as `names_of` names them, where none has been changed."""
