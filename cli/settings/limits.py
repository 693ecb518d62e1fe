"""Limits on the command line: ``--limit NAME=VALUE``.

The limits of a server and those of its journal have their names in common there.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from chatcore import HistoryLimits, Limits, UsageError

__all__ = ["default_limits", "parse_limits"]

_MODELS = (Limits, HistoryLimits)

M = TypeVar("M", bound=BaseModel)


def default_limits() -> dict[str, object]:
    """Return all limits by name, with their defaults."""
    return {name: field.default for model in _MODELS for name, field in model.model_fields.items()}


def parse_limits(settings: Sequence[str]) -> tuple[Limits, HistoryLimits]:
    """Read ``NAME=VALUE`` settings; ``none`` turns a limit off. Raises `UsageError`."""
    known = default_limits()
    values: dict[str, str | None] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if name not in known or not equals:
            raise UsageError(f"--limit must be NAME=VALUE, not {setting!r}; the names are {', '.join(known)}")
        values[name] = None if value.casefold() == "none" else value
    return _validate(Limits, values), _validate(HistoryLimits, values)


def _validate(model: type[M], values: Mapping[str, str | None]) -> M:
    """Make a model of those values that are its own."""
    try:
        return model.model_validate({name: values[name] for name in values if name in model.model_fields})
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if name and values.get(name, "") is None:
            raise UsageError(f"--limit {name}: this limit cannot be turned off") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"--limit {name}: {message}" if name else f"--limit: {message}") from None
