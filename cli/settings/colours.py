"""The colours of the terminal client in ``chat.toml``: a table ``[colours]`` of roles, each with its colour.

``[colours.dark]`` and ``[colours.light]`` are for one background, and win over what is above them.
"""

import re
from collections.abc import Mapping
from typing import Any

from cli.settings.keys import Mistake

__all__ = ["BACKGROUNDS", "ROLES", "check_colours"]

ROLES = ("quiet", "mention", "mark", "warning")
"""What has a colour, besides nicks, which have a list of them."""

BACKGROUNDS = ("dark", "light")

MOST_NICKS = 8

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_FORM = 'must be a colour, such as "#5f87ff"'


def check_colours(table: Mapping[str, Any]) -> None:
    """Raise `Mistake` unless a table is valid."""
    _check_roles({role: value for role, value in table.items() if role not in BACKGROUNDS})
    for background in BACKGROUNDS:
        own = table.get(background, {})
        if not isinstance(own, dict):
            raise Mistake(f"must be a table, [colours.{background}]", background)
        _check_roles(own, background)


def _check_roles(table: Mapping[str, Any], *where: str) -> None:
    for role, value in table.items():
        if role == "nicks":
            if not isinstance(value, list) or not 1 <= len(value) <= MOST_NICKS:
                raise Mistake(f"must be a list of 1 to {MOST_NICKS} colours", *where, role)
            colours = value
        elif role in ROLES:
            colours = [value]
        else:
            raise Mistake(f"has no colour; the roles are {', '.join(ROLES)} and nicks", *where, role)
        for colour in colours:
            if not isinstance(colour, str) or not _COLOUR.fullmatch(colour):
                raise Mistake(f"{_FORM}, not {colour!r:.80}", *where, role)
