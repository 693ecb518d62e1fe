"""Options that several commands have: where the server is, who you are, which room.

A shared setting has two variables in the environment: one for a single command, such as ``CHAT_SEND_NICK``,
and one for all commands, such as ``CHAT_NICK``. The first that is set counts, so they are listed in this
order. `cli.settings.options` reads the same lists, for the file and for ``chat config``.

Where an address is taken, so is the name of a server in ``chat.toml``. Then the table of that server sets
what neither a flag nor the environment does, before the table of the command.
"""

import math
from typing import Any

import typer

from cli.access.trust import Ca
from cli.help.headings import ROOMS, SERVER_AND_YOU
from cli.report import reporting
from cli.settings.complete import complete_room, complete_url

__all__ = [
    "ca_of",
    "ca_option",
    "finite",
    "is_typed",
    "journal_argument",
    "journal_option",
    "key_file_option",
    "nick_option",
    "reader_nick_option",
    "room_argument",
    "rooms_argument",
    "rooms_option",
    "seconds",
    "url_argument",
    "url_option",
]

_NICK_DEFAULT = "your account, or your login name"
"""What stands for a nick that is not set, in words."""

_JOURNAL_HELP = "The journal: sqlite:PATH, or its path."
_JOURNAL_DEFAULT = "the one that servers use"
_URL_HELP = "The server's address, or its name in chat.toml; of several nodes HOST:PORT,HOST:PORT."


def seconds(value: float | None) -> float | None:
    """Return how long something may take; ``inf`` is as long as it takes."""
    if value is not None and math.isnan(value):
        raise typer.BadParameter(f"must be a number or inf, not {value}")
    return value


def finite(value: float | None) -> float | None:
    """Return a number of seconds, or of anything else, unless it is none that can be counted."""
    if value is not None and not math.isfinite(value):
        raise typer.BadParameter(f"must be a number, not {value}")
    return value


def url_option(command: str, *names: str) -> Any:
    """Return ``--url`` for a command; ``names`` are those of the option, if there are others."""
    return typer.Option(
        *names,
        metavar="URL",
        envvar=_variables(command, "URL"),
        help=_URL_HELP,
        callback=_address_of,
        is_eager=True,
        autocompletion=complete_url,
        rich_help_panel=SERVER_AND_YOU,
    )


def url_argument(command: str | None) -> Any:
    """Return the address as an argument; without a command, one that the environment does not set."""
    return typer.Argument(
        metavar="URL",
        envvar=None if command is None else _variables(command, "URL"),
        help=_URL_HELP,
        callback=_address_of,
        is_eager=True,
        autocompletion=complete_url,
    )


def _address_of(ctx: typer.Context, value: str) -> str:
    """Return an address, also of a server that is named; then its table sets what comes after this option."""
    if ctx.resilient_parsing or "://" in value:
        return value
    with reporting():
        table = ctx.find_root().obj.server(value, ctx.info_name)
    ctx.default_map = {**(ctx.default_map or {}), **table}
    return str(table["url"])


def nick_option(command: str) -> Any:
    """Return ``--nick`` for a command."""
    return typer.Option(
        metavar="NICK",
        envvar=_variables(command, "NICK"),
        help="Your name.",
        show_default=_NICK_DEFAULT,
        rich_help_panel=SERVER_AND_YOU,
    )


def reader_nick_option(command: str) -> Any:
    """Return ``--nick`` for a command that only reads: your name is not set for it with that of others."""
    return typer.Option(
        metavar="NICK",
        help="Your name.",
        show_default=f"{_NICK_DEFAULT} with -{command}",
        rich_help_panel=SERVER_AND_YOU,
    )


def key_file_option(command: str) -> Any:
    """Return ``--key-file`` for a command."""
    return typer.Option(
        metavar="PATH",
        envvar=_variables(command, "KEY_FILE"),
        help="A file with the keys to use in place of yours.",
        show_default="keys.json in your data directory",
        rich_help_panel=SERVER_AND_YOU,
    )


def ca_option(command: str) -> Any:
    """Return ``--ca`` for a command."""
    return typer.Option(
        metavar="PATH",
        envvar=_variables(command, "CA"),
        help="A file with the authorities that may vouch for the server's certificate.",
        show_default="those of the system",
        rich_help_panel=SERVER_AND_YOU,
    )


def ca_of(ctx: typer.Context, path: str | None) -> Ca:
    """Return the value of ``--ca``, with where it comes from."""
    return Ca(path, is_typed(ctx, "ca"))


def is_typed(ctx: typer.Context, option: str) -> bool:
    """Tell whether an option was given on the command line, and is no setting."""
    source = ctx.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def rooms_option(command: str, use: str = "join") -> Any:
    """Return ``--room``, which may be repeated, for a command that has a use for rooms."""
    return typer.Option(
        metavar="ROOM",
        envvar=_variables(command, "ROOM"),
        help=f"A room to {use}. Repeat it for more.",
        show_default="lobby",
        autocompletion=complete_room,
        rich_help_panel=ROOMS if use == "join" else None,
    )


def journal_argument() -> Any:
    """Return the journal in a file as an argument."""
    return typer.Argument(metavar="JOURNAL", help=_JOURNAL_HELP, show_default=_JOURNAL_DEFAULT)


def journal_option(*, is_setting: bool = True) -> Any:
    """Return ``--journal`` for a command that needs one in a file."""
    return typer.Option(
        metavar="JOURNAL",
        help=_JOURNAL_HELP,
        show_default=_JOURNAL_DEFAULT,
        allow_from_autoenv=is_setting,
    )


def rooms_argument(command: str) -> Any:
    """Return the room as an argument, which can be a setting. It may have several, to be refused."""
    return typer.Argument(
        metavar="ROOM",
        envvar=_variables(command, "ROOM"),
        help="The room.",
        show_default="the one in your settings",
        autocompletion=complete_room,
    )


def room_argument() -> Any:
    """Return the room as an argument, which has to be given."""
    return typer.Argument(metavar="ROOM", help="The room.", autocompletion=complete_room)


def _variables(command: str, name: str) -> list[str]:
    return [f"CHAT_{command.upper()}_{name}", f"CHAT_{name}"]
