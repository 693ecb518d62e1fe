"""Times on the command line: ``90s``, ``15m``, ``1h``, ``7d``, ``2w``."""

import re

from chatcore import UsageError

__all__ = ["duration", "duration_text"]

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_FORM = re.compile(rf"([0-9]{{1,9}})([{''.join(_UNITS)}])")


def duration(text: str) -> float:
    """Return how many seconds something lasts; raises `UsageError` that says what to write."""
    parts = _FORM.fullmatch(text.strip())
    if parts is None or not int(parts[1]):
        raise UsageError(f"{text!r} is not a time; write it like 90s, 15m, 1h or 7d")
    return float(int(parts[1]) * _UNITS[parts[2]])


def duration_text(seconds: float) -> str:
    """Write seconds as `duration` reads them, in the largest unit that fits."""
    unit = next(unit for unit in reversed(_UNITS) if seconds % _UNITS[unit] == 0 or unit == "s")
    return f"{seconds / _UNITS[unit]:.10g}{unit}"
