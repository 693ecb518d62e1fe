"""Candidates for a shell that completes a command line.

The user waits for them, so as little as possible is imported, and no server is contacted: rooms and
addresses are those in the settings.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import typer

from chatcore import DEFAULT_URL, UsageError
from cli.help.command import Group

if TYPE_CHECKING:
    from cli.settings.file import ConfigFile

__all__ = [
    "Completing",
    "complete_background",
    "complete_kind",
    "complete_role",
    "complete_room",
    "complete_transport",
    "complete_url",
]


class Completing(Group):
    """The group of all commands.

    While a shell completes, values are not converted or checked: typer does that with a library of models,
    which takes longer to load than all else together. For the same reason a value that is what it should be
    already is left as it is when a command runs.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read a command line."""
        if ctx.resilient_parsing:
            commands = (self, *self.commands.values())
            for parameter in (each for command in commands for each in command.get_params(ctx)):
                setattr(parameter, "process_value", _as_it_is)  # noqa: B010  # a method, to the type checker
        else:
            _spare(self.get_params(ctx))
        return super().parse_args(ctx, args)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Find the command that is named."""
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and not ctx.resilient_parsing:
            _spare(command.get_params(ctx))
        return name, command, rest


def _as_it_is(ctx: object, value: Any) -> Any:
    return value


def _spare(parameters: Iterable[Any]) -> None:
    """Have parameters convert only what needs it."""
    for parameter in parameters:
        kind = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
        if kind in (str, float, int, bool):
            parameter.process_value = partial(_spared, parameter, kind, parameter.process_value)


def _spared(parameter: Any, kind: type, convert: Callable[..., Any], ctx: object, value: Any) -> Any:
    """Convert a value, unless that would change nothing; the file's values were checked when it was read."""
    if type(value) is not kind and not (value is None and not parameter.required):
        return convert(ctx, value)
    return value if parameter.callback is None else parameter.callback(ctx, parameter, value)


def complete_transport(incomplete: str) -> list[str]:
    """Return the transports that are installed."""
    from importlib.metadata import entry_points

    # As `chatcore.transport` does, which would load the models of all frames.
    names = {point.name for point in entry_points(group="chat.transports")}
    return [name for name in sorted(names) if name.startswith(incomplete)]


def complete_kind(incomplete: str) -> list[str]:
    """Return what a message may be."""
    return _beginning(incomplete, ["action", "notice"])


def complete_background(incomplete: str) -> list[str]:
    """Return what the background of a terminal may be."""
    return _beginning(incomplete, ["auto", "dark", "light"])


def complete_role(incomplete: str) -> list[str]:
    """Return what an account may be."""
    return _beginning(incomplete, ["owner", "moderator", "member", "guest"])


def complete_url(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the servers in the settings, by name and by address, and the default one."""
    return _beginning(incomplete, [*_servers(ctx), *_known(ctx, "url"), DEFAULT_URL])


def complete_room(ctx: typer.Context, incomplete: str) -> list[str]:
    """Return the rooms in the settings, and the default one."""
    return _beginning(incomplete, [*_known(ctx, "room"), "lobby"])


def _beginning(incomplete: str, words: list[str]) -> list[str]:
    return [word for word in dict.fromkeys(words) if word.startswith(incomplete)]


def _servers(ctx: typer.Context) -> list[str]:
    """Return the names of servers in the file."""
    try:
        return list(_file(ctx).servers)
    except UsageError:
        return []


def _known(ctx: typer.Context, name: str) -> Iterator[str]:
    """Yield the values of a setting of any command, from the environment and the file."""
    try:
        file = _file(ctx)
        for command, table in file.settings.items():
            if name in table:
                found = table[name].from_environment()
                value: Any = found[1] if found else file.value(command, name)
                yield from [value] if isinstance(value, str) else value or ()
    except UsageError:
        return  # the command will report it


def _file(ctx: typer.Context) -> "ConfigFile":
    from cli.app import app
    from cli.settings.file import ConfigFile
    from cli.settings.options import settings_of

    return ConfigFile(ctx.find_root().params.get("config"), settings_of(app.registered_commands))
