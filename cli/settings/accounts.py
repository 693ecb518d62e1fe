"""The accounts on the command line: ``--accounts PATH``, and where the default file is.

Commands that change the accounts use those that a server would use: those that are named, else those in the
settings of ``chat server``, else the file beside the default journal. Where servers share a log, the name is
an address, ``nats://...``: see `cli.settings.nats_accounts`.
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
    from chatcore.cluster import ReplicatedAdministration
    from cli.settings.nats_journal import NatsAddress

__all__ = [
    "accounts_name",
    "accounts_option",
    "accounts_to_check",
    "file_of_accounts",
    "is_shared",
    "open_accounts",
    "operator",
]

_SCHEMES = ("nats://", "tls://")


def accounts_option() -> Any:
    """Return ``--accounts`` for a command that changes them."""
    return typer.Option(
        metavar="PATH",
        help="The file of accounts, or nats://HOST,HOST where servers share them.",
        show_default="the ones that `chat server` uses",
        allow_from_autoenv=False,
    )


def is_shared(setting: str) -> bool:
    """Tell whether accounts are named by the address of a log, not by the path of a file."""
    return setting.startswith(_SCHEMES)


def accounts_to_check(ctx: typer.Context, given: str | None) -> "Path | NatsAddress | None":
    """Return the file or the log that is given, or that the settings of ``chat server`` name, if they do.

    Raises `UsageError` for an invalid address.
    """
    named = given or server_setting(ctx, "accounts")
    if named and is_shared(named):
        from cli.settings.nats_accounts import accounts_address

        return accounts_address(named)
    return Path(named) if named else None


def accounts_name(ctx: typer.Context, given: str | None) -> str:
    """Return the path or the address that is given, or in the settings of ``chat server``, or the default.

    Raises `UsageError` if there is none.
    """
    if named := given or server_setting(ctx, "accounts"):
        return named
    if (path := accounts_file()) is None:
        raise UsageError("there is no home directory; name a file with --accounts, or set HOME")
    return str(path)


def file_of_accounts(given: str, what_else: str) -> Path:
    """Return the path of a file of accounts; raises `UsageError` for an address, with what to do there."""
    if is_shared(given):
        raise UsageError(f"this command needs a file of accounts, not {given}; {what_else}")
    return Path(given)


def open_accounts(
    ctx: typer.Context, given: str | None, *, create: bool = False
) -> "Administration | ReplicatedAdministration":
    """Open the accounts; what is done is noted as this user's. With ``create`` a missing file is made.

    Raises `UsageError` if there are none, and `AccountsError` if they cannot be used.
    """
    named, by = accounts_name(ctx, given), operator()
    if is_shared(named):
        from cli.settings.nats_accounts import accounts_address, administration_of

        return administration_of(accounts_address(named), by=by)
    from chatcore.accounts import Administration

    return Administration(Path(named), by=by, create=create)


def operator() -> str:
    """Return who does what this command does, as the audit has it."""
    return f"local:{_user()}"


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
