"""Limits on the command line: ``--limit NAME=VALUE``."""

from collections.abc import Sequence

from pydantic import ValidationError

from chatcore import Limits, UsageError

__all__ = ["parse_limits"]


def parse_limits(settings: Sequence[str]) -> Limits:
    """Read ``NAME=VALUE`` settings; ``none`` turns a limit off. Raises `UsageError`."""
    values: dict[str, str | None] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if name not in Limits.model_fields or not equals:
            known = ", ".join(Limits.model_fields)
            raise UsageError(f"--limit must be NAME=VALUE, not {setting!r}; the names are {known}")
        values[name] = None if value.casefold() == "none" else value
    try:
        return Limits.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else ""
        if name and values.get(name, "") is None:
            raise UsageError(f"--limit {name}: this limit cannot be turned off") from None
        message = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"--limit {name}: {message}" if name else f"--limit: {message}") from None
