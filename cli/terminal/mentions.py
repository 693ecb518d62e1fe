"""Where a text mentions a nick."""

import re
from functools import lru_cache

__all__ = ["mentions"]


def mentions(text: str, nick: str) -> list[tuple[int, int]]:
    """Return where a text has a nick as a word of its own, in any case, as pairs of start and end.

    An ``@`` before the nick belongs to it. A dot after it ends a sentence, unless a longer nick continues
    there.
    """
    return [match.span() for match in _pattern(nick).finditer(text)] if nick else []


@lru_cache(maxsize=8)
def _pattern(nick: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w.-])@?{re.escape(nick)}(?![\w-]|\.\w)", re.IGNORECASE)
