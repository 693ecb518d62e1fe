"""Which options can be set without a flag: in the environment, or in the file ``chat.toml``.

A flag wins over the environment, the environment over the file, and the file over the default. The option
``--nick`` of ``chat send`` is ``CHAT_SEND_NICK`` in the environment, and ``nick`` in the table ``[send]`` of
the file. An option that several commands share is also ``CHAT_NICK``, and ``nick`` above all tables; a
setting for one command wins over a shared one.

The settings are read from the signatures of the commands, so nothing is declared twice. An invalid value is
a `UsageError` that says where it is and what would be valid.
"""

import inspect
import math
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, get_args

from typer.models import ArgumentInfo, CommandInfo, OptionInfo

from chatcore import UsageError
from cli.settings.shared import seconds

__all__ = ["Setting", "check_environment", "nearest", "settings_of"]

PREFIX = "CHAT_"

_KINDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text in quotes"}
_TRUTH = dict.fromkeys(("1", "true", "t", "yes", "y", "on"), True) | (
    dict.fromkeys(("0", "false", "f", "no", "n", "off"), False)
)


@dataclass(frozen=True, slots=True)
class Setting:
    """One option of one command.

    ``variables`` are its names in the environment: the first one that is set counts. ``many`` says that it
    takes a list, and ``endless`` that it takes ``inf``. ``summary`` describes a default that is not a value,
    in words.
    """

    command: str
    name: str
    kind: type
    many: bool
    variables: tuple[str, ...]
    minimum: float | None
    endless: bool
    default: object
    summary: str

    @property
    def shared(self) -> bool:
        """Whether other commands have this option too."""
        return PREFIX + self.name.upper() in self.variables

    @property
    def example(self) -> str:
        """A valid value, as the file writes it."""
        return '["..."]' if self.many else {bool: "true", int: "20", float: "30.0", str: '"..."'}[self.kind]

    def from_environment(self) -> tuple[str, Any] | None:
        """Return the variable that sets it and the value, or ``None``; an empty variable sets nothing.

        Raises `UsageError` for an invalid value.
        """
        name = next((name for name in self.variables if os.environ.get(name)), None)
        if name is None:
            return None
        try:
            return name, self._parse(os.environ[name])
        except ValueError as error:
            raise UsageError(f"{name} {error}, not {os.environ[name]!r}") from None

    def check(self, value: object) -> None:
        """Raise `ValueError` that says what is valid, unless this value of the file is."""
        kinds = (int, float) if self.kind is float else (self.kind,)
        values: list[Any] = value if isinstance(value, list) else [value]
        if self.many != isinstance(value, list) or any(type(each) not in kinds for each in values):
            raise ValueError(self._requirement())
        if self.kind is float and any(not self._is_counted(each) for each in values):
            raise ValueError(self._requirement())
        if self.minimum is not None and any(each < self.minimum for each in values):
            raise ValueError(f"must be at least {self.minimum}")

    def _is_counted(self, value: float) -> bool:
        return math.isfinite(value) or (self.endless and not math.isnan(value))

    def _parse(self, text: str) -> Any:
        value: Any = text.split() if self.many else text
        if self.kind is bool:
            value = _TRUTH.get(text.strip().casefold())
        elif self.kind in (int, float):
            try:
                value = self.kind(text)
            except ValueError:
                raise ValueError(self._requirement()) from None
        self.check(value)
        return value

    def _requirement(self) -> str:
        return f"must be {f'a list, such as {self.example}' if self.many else _KINDS[self.kind]}"


def settings_of(commands: Iterable[CommandInfo]) -> dict[str, dict[str, Setting]]:
    """Return the settings of all commands, by command and name."""
    found: dict[str, dict[str, Setting]] = {}
    for command in commands:
        assert command.callback is not None
        name = command.name or command.callback.__name__
        settings = {each.name: each for each in _settings(name, command.callback)}
        if settings:
            found[name] = settings
    return found


def _settings(command: str, callback: Any) -> Iterator[Setting]:
    hints = inspect.get_annotations(callback)
    for parameter in inspect.signature(callback).parameters.values():
        annotation, *notes = get_args(hints[parameter.name]) or (None,)
        info = next((each for each in notes if isinstance(each, OptionInfo | ArgumentInfo)), None)
        variables = () if info is None else _variables(command, parameter.name, info)
        if info is None or not variables:
            continue
        kind, many = _kind(annotation)
        yield Setting(
            command=command,
            name=parameter.name,
            kind=kind,
            many=many,
            variables=variables,
            minimum=info.min,
            endless=info.callback is seconds,
            default=parameter.default,
            summary=info.show_default if isinstance(info.show_default, str) else "",
        )


def _variables(command: str, name: str, info: OptionInfo | ArgumentInfo) -> tuple[str, ...]:
    if info.envvar is not None:
        return (info.envvar,) if isinstance(info.envvar, str) else tuple(info.envvar)
    if isinstance(info, OptionInfo) and info.allow_from_autoenv:
        return (f"{PREFIX}{command}_{name}".upper(),)
    return ()


def _kind(annotation: Any) -> tuple[type, bool]:
    """Return the type of a value, and whether there can be several: ``int | None``, ``list[str]``."""
    parts = [part for part in get_args(annotation) if part is not type(None)]
    many = getattr(annotation, "__origin__", None) is list
    if many:
        return _kind(parts[0])[0], True
    if parts:
        return _kind(parts[0])
    return (annotation if annotation in _KINDS else str), False


def check_environment(settings: Mapping[str, Mapping[str, Setting]], command: str | None) -> list[str]:
    """Check the variables of a command; return a complaint about each variable that no command reads."""
    for setting in settings.get(command or "", {}).values():
        setting.from_environment()
    known = {name for table in settings.values() for each in table.values() for name in each.variables}
    known.add(f"{PREFIX}CONFIG")
    unread = sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known)
    # Other programs may have variables with this prefix, so only those that look like ours are reported.
    ours = tuple(f"{PREFIX}{each}_".upper() for each in settings)
    return [
        f"unknown variable {name}{nearest(name, known)}"
        for name in unread
        if name.startswith(ours) or nearest(name, known)
    ]


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a question about the word that was probably meant, or an empty text."""
    near = get_close_matches(word, known, 1, 0.8)
    return f"; did you mean {near[0]}?" if near else ""
