"""Where a text names somebody."""

import re
from functools import lru_cache

__all__ = ["mentions"]


def mentions(text: str, nick: str) -> list[tuple[int, int]]:
    """Return the places, as start and end, at which a text names a nick as a word of its own.

    An ``@`` before it belongs to it. A dot behind it ends a sentence, unless a longer nick goes on there.
    """
    return [match.span() for match in _pattern(nick).finditer(text)] if nick else []


@lru_cache(maxsize=8)
def _pattern(nick: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-])@?{re.escape(nick)}(?![\w-]|\.\w)", re.IGNORECASE)
