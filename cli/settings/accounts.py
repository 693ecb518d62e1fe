"""The accounts on the command line: ``--accounts PATH``, and where the default file is.

Commands that change the accounts use the file that a server would use: the one that is named, else the one
in the settings of ``chat server``, else the one beside the default journal.
"""

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from chatcore import UsageError
from cli.places import accounts_file
from cli.settings.server import server_setting

if TYPE_CHECKING:
    from chatcore.accounts import Administration

__all__ = ["accounts_option", "default_accounts", "open_accounts", "server_accounts"]


def accounts_option() -> Any:
    """Return ``--accounts`` for a command that changes them."""
    return typer.Option(
        metavar="PATH",
        help="The file of accounts.",
        show_default="the one that `chat server` uses",
        allow_from_autoenv=False,
    )


def server_accounts(ctx: typer.Context) -> Path | None:
    """Return the file that the settings of ``chat server`` name, if they do."""
    named = server_setting(ctx, "accounts")
    return Path(named) if named else None


def default_accounts(ctx: typer.Context) -> Path:
    """Return the file that the settings of ``chat server`` name, or the default one.

    Raises `UsageError` if there is none.
    """
    if named := server_accounts(ctx):
        return named
    if (path := accounts_file()) is None:
        raise UsageError("there is no home directory; name a file with --accounts, or set HOME")
    return path


def open_accounts(ctx: typer.Context, given: str | None, *, create: bool = False) -> "Administration":
    """Open the file of accounts; what is done is noted as this user's.

    Raises `UsageError` if there is none, and `AccountsError` if it cannot be used.
    """
    from chatcore.accounts import Administration

    path = default_accounts(ctx) if given is None else Path(given)
    return Administration(path, by=f"local:{_user()}", create=create)


def _user() -> str:
    """Return who runs this command; no variable of the environment decides that."""
    if sys.platform == "win32":
        import getpass

        return getpass.getuser()
    import pwd

    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())
