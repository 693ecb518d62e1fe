"""Times as a person types them, and reads them."""

from datetime import datetime, time, timedelta, tzinfo

__all__ = ["describe_time", "parse_time"]

_DAY, _TIME = "%Y-%m-%d", "%H:%M"
_MOMENTS = (f"{_DAY} {_TIME}", f"{_DAY}T{_TIME}", _DAY)


def parse_time(text: str, now: datetime, zone: tzinfo | None = None) -> datetime | None:
    """Read ``14:30``, ``2026-11-23 14:00`` or ``2026-11-23``; return ``None`` for anything else.

    A time without a day is the last one before ``now``. The zone is ``zone``, or else the local one.
    """
    words = " ".join(text.split())
    if (clock := _read(words, _TIME)) is not None:
        return _last(clock.time(), now.astimezone(zone), zone)
    found = (_read(words, form) for form in _MOMENTS)
    return next((_placed(each, zone) for each in found if each is not None), None)


def _last(clock: time, now: datetime, zone: tzinfo | None) -> datetime | None:
    """Return when it was this time of day last."""
    today = datetime.combine(now.date(), clock)
    when = _placed(today, zone)
    return when if when is None or when <= now else _placed(today - timedelta(days=1), zone)


def describe_time(at: datetime, now: datetime, zone: tzinfo | None = None) -> str:
    """Return when something was: ``18:02``, ``yesterday 18:02`` or ``2026-11-23 18:02``."""
    try:
        local, today = at.astimezone(zone), now.astimezone(zone).date()
    except (OverflowError, ValueError, OSError):  # a time that no calendar here can show
        return "--:--"
    if local.date() == today:
        return f"{local:{_TIME}}"
    day = "yesterday" if local.date() == today - timedelta(days=1) else f"{local:{_DAY}}"
    return f"{day} {local:{_TIME}}"


def _read(words: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(words, form)  # noqa: DTZ007  # `_placed` knows the zone
    except ValueError:
        return None


def _placed(naive: datetime, zone: tzinfo | None) -> datetime | None:
    """Return a time of a zone; ``None`` for one that no calendar here can hold."""
    try:
        return naive.astimezone() if zone is None else naive.replace(tzinfo=zone)
    except (OverflowError, ValueError, OSError):
        return None
