"""What a caller of the library gives, checked before anything is done with it."""

from typing import TypeVar

from pydantic import BaseModel, TypeAdapter, ValidationError

from chatcore.errors import UsageError
from chatcore.names import RULES, Nick

__all__ = ["checked", "checked_nick"]

M = TypeVar("M", bound=BaseModel)

_nick: TypeAdapter[str] = TypeAdapter(Nick)


def checked(frame: type[M], /, **fields: object) -> M:
    """Make a frame of a caller's arguments; raises `UsageError` that says in words what is wrong."""
    try:
        return frame.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise UsageError(RULES.get(field, f"{field}: {first['msg']}")) from None


def checked_nick(nick: str) -> str:
    """Return a nick as it was given; raises `UsageError`."""
    try:
        return _nick.validate_python(nick, strict=True)
    except ValidationError:
        raise UsageError(RULES["nick"]) from None
