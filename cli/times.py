"""Times as options take them."""

from datetime import datetime

from chatcore import UsageError

__all__ = ["read_time"]


def read_time(option: str, text: str | None) -> datetime | None:
    """Read the time that an option has; one without an offset is local. Raises `UsageError`."""
    try:
        return None if text is None else datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError, OSError):
        examples = "2026-11-23, '2026-11-23 14:30' or 2026-11-23T14:30:00Z"
        raise UsageError(f"{option} must be a time such as {examples}, not {text!r}") from None
