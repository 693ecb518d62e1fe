"""Times on the command line: ``90s``, ``15m``, ``1h``, ``7d``, ``2w``."""

import re

from chatcore import UsageError

__all__ = ["duration"]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_FORM = re.compile(rf"([0-9]{{1,9}})([{''.join(_UNITS)}])")


def duration(text: str) -> float:
    """Return how many seconds something lasts; raises `UsageError` that says what to write."""
    parts = _FORM.fullmatch(text.strip())
    if parts is None or not int(parts[1]):
        raise UsageError(f"{text!r} is not a time; write it like 90s, 15m, 1h or 7d")
    return float(int(parts[1]) * _UNITS[parts[2]])
