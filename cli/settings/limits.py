"""Limits on the command line: ``--limit NAME=VALUE``.

The limits of a server and those of its journal have their names in common there.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chatcore import HistoryLimits, Limits, UsageError

__all__ = ["RECORD_LIMITS", "default_limits", "parse_limits", "parse_record_limits"]

RECORD_LIMITS = ("dedupe_seconds", "history_messages", "history_bytes", "history_seconds")
"""The limits that belong to a log that servers share, and not to any of them."""

_MODELS = (Limits, HistoryLimits)

M = TypeVar("M", bound=BaseModel)


def default_limits() -> dict[str, object]:
    """Return all limits by name, with their defaults."""
    return {name: field.default for model in _MODELS for name, field in model.model_fields.items()}


def parse_limits(settings: Sequence[str]) -> tuple[Limits, HistoryLimits]:
    """Read ``NAME=VALUE`` settings; ``none`` turns a limit off. Raises `UsageError`."""
    values = _values(settings, tuple(default_limits()), "--limit must be ")
    return _validate(Limits, values, "--limit"), _validate(HistoryLimits, values, "--limit")


def parse_record_limits(settings: Sequence[str]) -> dict[str, float | None]:
    """Read ``NAME=VALUE`` settings of a log that servers share, as `parse_limits` does."""
    values = _values(settings, RECORD_LIMITS, "a limit of the log is ")
    limits = _validate(HistoryLimits, values, "the limit")
    return {name: getattr(limits, name) for name in values}


def _values(settings: Sequence[str], known: Sequence[str], must: str) -> dict[str, str | None]:
    values: dict[str, str | None] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if name not in known or not equals:
            raise UsageError(f"{must}NAME=VALUE, not {setting!r}; the names are {', '.join(known)}")
        values[name] = None if value.casefold() == "none" else value
    return values


def _validate(model: type[M], values: Mapping[str, str | None], option: str) -> M:
    """Make a model of those values that are its own."""
    try:
        return model.model_validate({name: values[name] for name in values if name in model.model_fields})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if name and values.get(name, "") is None:
            raise UsageError(f"{option} {name}: this limit cannot be turned off") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{option} {name}: {message}" if name else f"{option}: {message}") from None
