"""Where a text mentions a nick, or a word that the user wants to hear of."""

import re
from functools import lru_cache

__all__ = ["mentions"]


def mentions(text: str, *names: str) -> list[tuple[int, int]]:
    """Return where a text has a name as a word of its own, in any case, as pairs of start and end.

    An ``@`` before the name belongs to it. A dot after it ends a sentence, unless a longer name continues
    there.
    """
    wanted = tuple(name for name in names if name)
    return [match.span() for match in _pattern(wanted).finditer(text)] if wanted else []


@lru_cache(maxsize=8)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    any_name = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![\w.-])@?(?:{any_name})(?![\w-]|\.\w)", re.IGNORECASE)
