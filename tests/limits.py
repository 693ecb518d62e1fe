"""Limits in tests: by name, those of a server and those of its journal together."""

from typing import Any

from chatcore.limits import HistoryLimits, Limits

__all__ = ["split_limits"]


def split_limits(limits: dict[str, Any]) -> tuple[Limits, HistoryLimits]:
    """Return the limits of a server, and those of its journal."""
    names = HistoryLimits.model_fields
    history = {name: value for name, value in limits.items() if name in names}
    others = {name: value for name, value in limits.items() if name not in names}
    return Limits.model_validate(others), HistoryLimits.model_validate(history)
