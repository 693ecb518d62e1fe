"""The command ``chat``: all commands, in the order of ``chat --help``.

They are declared in `cli.declarations`. Everything that takes long to import is imported by the command that
needs it, so that ``chat --help`` and a shell that completes a line wait for nothing.

The first paragraph of a docstring is the command's summary in ``chat --help``, and has at most 60
characters. The rest is shown by ``chat COMMAND --help``, an example last. ``\\b`` keeps the lines of a
paragraph as they are.
"""

from collections.abc import Callable
from typing import Annotated

import typer

from chatcore import COMPILED, __version__
from cli.declarations.accounts import account_app, audit, ban, bans, invite, unban
from cli.declarations.clients import bench, client, join, rooms, search, send, status, tail
from cli.declarations.cluster import cluster_app
from cli.declarations.servers import (
    backup,
    doctor,
    history,
    journals,
    remove_room,
    restore,
    schema,
    server,
    transports,
)
from cli.declarations.trust import trust
from cli.help.command import Command, Group
from cli.report import complain, ending, reporting
from cli.settings.complete import Completing
from cli.streams import open_missing, write_text

__all__ = ["app", "main"]

app = typer.Typer(
    name="chat",
    cls=Completing,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"auto_envvar_prefix": "CHAT", "help_option_names": ["-h", "--help"]},
)


def main() -> None:
    """Run the command line."""
    open_missing()
    with ending():
        app(prog_name="chat")


def _print_version(wanted: bool) -> None:
    if wanted:
        with reporting():
            write_text(f"chat {__version__} ({'compiled' if COMPILED else 'pure Python'})\n")
        raise typer.Exit


@app.callback()
def chat(
    ctx: typer.Context,
    config: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Read settings from this file.",
            show_default="chat.toml in your configuration directory",
        ),
    ] = None,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Print the version and the build.",
            callback=_print_version,
            is_eager=True,
            allow_from_autoenv=False,
        ),
    ] = False,
) -> None:
    """A chat server, a terminal client, and tools for both.

    \b
    Example: # In one terminal:
             chat server
             # In another:
             chat client
    """
    with reporting():
        from cli.settings.file import ConfigFile
        from cli.settings.options import check_environment, settings_of

        settings = settings_of(app.registered_commands)
        for complaint in check_environment(settings, ctx.invoked_subcommand):
            complain(complaint)
        file = ConfigFile(config, settings)
        if file.unreachable:
            complain(f"{file.unreachable}; going on without settings")
        ctx.default_map = file.defaults()
        ctx.obj = file


def config(
    ctx: typer.Context,
    path: Annotated[
        bool, typer.Option("--path", help="Print only the path of the file.", allow_from_autoenv=False)
    ] = False,
) -> None:
    """Print all settings, and where each comes from.

    A setting comes from the environment, from the file, or is the default. The output can be used as a file.

    \b
    Example: chat config
             chat config --path
    """
    with reporting():
        from cli.commands.config import run
        from cli.settings.file import ConfigFile
        from cli.settings.options import settings_of

        settings = settings_of(app.registered_commands)
        named = ctx.find_root().params["config"]
        run(ConfigFile(named, settings), settings, path=path)


COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Running a server": (server, backup, restore, transports, journals),
    "People and access": (invite, ban, unban, bans, audit),
    "Talking": (client, send, join, trust),
    "Looking": (tail, rooms, status, search, history),
    "Settings and checks": (config, doctor, bench, schema),
}
"""The commands, by the headings of ``chat --help``."""

for panel, commands in COMMANDS.items():
    for command in commands:
        app.command(cls=Command, rich_help_panel=panel)(command)

room_app = typer.Typer(cls=Group, rich_markup_mode=None, help="Remove a room from a journal.")
room_app.command(name="remove", cls=Command)(remove_room)
app.add_typer(room_app, name="room", rich_help_panel="Running a server")
app.add_typer(account_app, name="account", rich_help_panel="People and access")
app.add_typer(cluster_app, name="cluster", rich_help_panel="Running a server")
