"""Times as people type and read them: ``90s``, ``15m``, ``1h``, ``7d``, ``2w``."""

import re
from typing import NamedTuple

from chatcore import UsageError

__all__ = ["DURATION", "duration", "duration_text", "duration_words"]


class _Unit(NamedTuple):
    letter: str
    seconds: int
    name: str


_UNITS = {
    unit.letter: unit
    for unit in (
        _Unit("s", 1, "second"),
        _Unit("m", 60, "minute"),
        _Unit("h", 3_600, "hour"),
        _Unit("d", 86_400, "day"),
        _Unit("w", 604_800, "week"),
    )
}

DURATION = rf"[1-9][0-9]{{0,8}}[{''.join(_UNITS)}]"
"""The pattern of a time."""


def duration(text: str) -> float:
    """Return how many seconds something lasts; raises `UsageError` that says what to write."""
    typed = text.strip()
    if not re.fullmatch(DURATION, typed):
        raise UsageError(f"{text!r} is not a time; write it like 90s, 15m, 1h or 7d")
    return float(int(typed[:-1]) * _UNITS[typed[-1]].seconds)


def duration_text(seconds: float) -> str:
    """Write seconds as `duration` reads them, in the largest unit that fits."""
    unit = _largest(seconds)
    return f"{seconds / unit.seconds:.10g}{unit.letter}"


def duration_words(seconds: float) -> str:
    """Write seconds in words, in the largest unit that fits: ``10 minutes``."""
    unit = _largest(seconds)
    count = seconds / unit.seconds
    return f"{count:,.10g} {unit.name}{'' if count == 1 else 's'}"


def _largest(seconds: float) -> _Unit:
    """Return the largest unit that fits, or the smallest if none does."""
    units = [unit for unit in _UNITS.values() if seconds and seconds % unit.seconds == 0]
    return units[-1] if units else _UNITS["s"]
