"""The commands for those who run a server with accounts: what each takes, and its help.

They work on the file of accounts, beside a server that has it open, which sees what they do within a second.
"""

from typing import TYPE_CHECKING, Annotated, cast

import typer

from cli.help.command import Command, Group
from cli.report import reporting
from cli.settings.accounts import accounts_option
from cli.settings.complete import complete_role

if TYPE_CHECKING:
    from chatcore.accounts import Role

__all__ = [
    "account_app",
    "add_account",
    "audit",
    "ban",
    "bans",
    "invite",
    "list_accounts",
    "list_keys",
    "remove_account",
    "revoke_key",
    "set_role",
    "unban",
]

Accounts = Annotated[str | None, accounts_option()]
Name = Annotated[str, typer.Argument(metavar="NAME", help="The account.")]
AsJson = Annotated[
    bool, typer.Option("--json", help="Print JSON, one object per line.", allow_from_autoenv=False)
]

_ROLES = "owner, moderator, member or guest"

account_app = typer.Typer(
    cls=Group,
    rich_markup_mode=None,
    help="Make and remove accounts, their roles and their keys.",
)


@account_app.command(name="add", cls=Command)
def add_account(
    ctx: typer.Context,
    name: Name,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE",
            help=f"What the account may do: {_ROLES}.",
            show_default="owner for the first one, then member",
            autocompletion=complete_role,
            allow_from_autoenv=False,
        ),
    ] = None,
    accounts: Accounts = None,
) -> None:
    """Make an account, and print a link that makes its first key.

    The file of accounts is made if it is missing. A name belongs to its account for good, and so does every
    nick that is the name, a dash and more: ada-phone is ada's.

    \b
    Example: # The first one is the owner's:
             chat account add ada
             chat account add grace --role moderator
    """
    with reporting():
        from cli.commands.account import add

        add(ctx, accounts, name, cast("Role | None", role))


@account_app.command(name="list", cls=Command)
def list_accounts(ctx: typer.Context, json: AsJson = False, accounts: Accounts = None) -> None:
    """List all accounts.

    \b
    Example: chat account list
    """
    with reporting():
        from cli.commands.account import list_accounts as run

        run(ctx, accounts, as_json=json)


@account_app.command(name="role", cls=Command)
def set_role(
    ctx: typer.Context,
    name: Name,
    role: Annotated[
        str,
        typer.Argument(metavar="ROLE", help=f"What it may do: {_ROLES}.", autocompletion=complete_role),
    ],
    accounts: Accounts = None,
) -> None:
    """Change what an account may do.

    \b
    Example: chat account role grace moderator
    """
    with reporting():
        from cli.commands.account import set_role as run

        run(ctx, accounts, name, cast("Role", role))


@account_app.command(name="remove", cls=Command)
def remove_account(
    ctx: typer.Context,
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.", allow_from_autoenv=False)] = False,
    accounts: Accounts = None,
) -> None:
    """Remove an account with all its keys.

    Its sessions end, and its messages stay. Nobody can have the name again.

    \b
    Example: chat account remove mallory
    """
    with reporting():
        from cli.commands.account import remove

        raise typer.Exit(remove(ctx, accounts, name, yes=yes))


@account_app.command(name="keys", cls=Command)
def list_keys(ctx: typer.Context, name: Name, json: AsJson = False, accounts: Accounts = None) -> None:
    """List the keys of an account, one for each device.

    \b
    Example: chat account keys ada
    """
    with reporting():
        from cli.commands.account import list_keys as run

        run(ctx, accounts, name, as_json=json)


@account_app.command(name="revoke", cls=Command)
def revoke_key(
    ctx: typer.Context,
    name: Name,
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="A key, as `chat account keys` prints it.")
    ] = None,
    everything: Annotated[
        bool,
        typer.Option("--all", help="Revoke all keys, and all invites to it.", allow_from_autoenv=False),
    ] = False,
    only: Annotated[
        bool,
        typer.Option("--only", help="Leave the keys that came from its invites.", allow_from_autoenv=False),
    ] = False,
    accounts: Accounts = None,
) -> None:
    """Revoke a key, as of a device that was stolen.

    Its sessions end, and it is never let in again. With it go the keys that came from invites that it asked
    for, unless you say --only. `chat invite --for NAME` lets the account make a new one.

    \b
    Example: chat account keys ada
             chat account revoke ada KEY
             # All that ada has:
             chat account revoke ada --all
    """
    with reporting():
        from cli.commands.account import revoke

        revoke(ctx, accounts, name, key, everything=everything, only=only)


def invite(
    ctx: typer.Context,
    role: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE",
            help=f"What a new account may do: {_ROLES}.",
            show_default="member, or guest with --room",
            autocompletion=complete_role,
            allow_from_autoenv=False,
        ),
    ] = None,
    uses: Annotated[
        int,
        typer.Option(min=1, metavar="N", help="How many people can use it.", allow_from_autoenv=False),
    ] = 1,
    expires: Annotated[
        str, typer.Option(metavar="TIME", help="For how long.", allow_from_autoenv=False)
    ] = "7d",
    room: Annotated[
        str | None,
        typer.Option(metavar="ROOM", help="Let them into this room.", allow_from_autoenv=False),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="NAME",
            help="Make one more key of this account, not a new account.",
            allow_from_autoenv=False,
        ),
    ] = None,
    listed: Annotated[
        bool, typer.Option("--list", help="List the invites there are.", allow_from_autoenv=False)
    ] = False,
    revoked: Annotated[
        str | None,
        typer.Option("--revoke", metavar="ID|all", help="Revoke an invite.", allow_from_autoenv=False),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="With --list: print JSON.", allow_from_autoenv=False)
    ] = False,
    accounts: Accounts = None,
) -> None:
    """Print a link that lets somebody in.

    There is one link for each --public-url of the server. Whoever has it makes an account and a key.

    \b
    Example: chat invite
             # For a class, until tomorrow:
             chat invite --uses 20 --expires 1d
             # For ada's new phone:
             chat invite --for ada
    """
    with reporting():
        from cli.commands.invite import list_invites, make, revoke

        if revoked is not None:
            revoke(ctx, accounts, revoked)
        elif listed:
            list_invites(ctx, accounts, as_json=json)
        else:
            make(
                ctx,
                accounts,
                role=cast("Role | None", role),
                uses=uses,
                expires=expires,
                room=room,
                name=name,
            )


def ban(
    ctx: typer.Context,
    target: Annotated[
        str, typer.Argument(metavar="NAME|ADDRESS[/BITS]", help="An account, or where connections come from.")
    ],
    seconds: Annotated[
        str | None,
        typer.Option(
            "--for",
            metavar="TIME",
            help="For how long.",
            show_default="until chat unban",
            allow_from_autoenv=False,
        ),
    ] = None,
    reason: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Why; it is noted for you.", allow_from_autoenv=False),
    ] = None,
    accounts: Accounts = None,
) -> None:
    """Put somebody out, and do not let them in again.

    An IPv6 address stands for its /64.

    \b
    Example: chat ban mallory --for 1d --reason spam
             # Whoever connects from there:
             chat ban 203.0.113.0/24
    """
    with reporting():
        from cli.commands.ban import add

        add(ctx, accounts, target, seconds, reason)


def unban(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(metavar="NAME|ADDRESS[/BITS]", help="As `chat bans` prints it.")],
    room: Annotated[
        str | None,
        typer.Option(metavar="ROOM", help="The ban from this room.", allow_from_autoenv=False),
    ] = None,
    accounts: Accounts = None,
) -> None:
    """End a ban or a mute.

    \b
    Example: chat unban mallory
    """
    with reporting():
        from cli.commands.ban import lift

        lift(ctx, accounts, target, room)


def bans(ctx: typer.Context, json: AsJson = False, accounts: Accounts = None) -> None:
    """List who is banned or muted.

    \b
    Example: chat bans
    """
    with reporting():
        from cli.commands.ban import list_bans

        list_bans(ctx, accounts, as_json=json)


def audit(
    ctx: typer.Context,
    limit: Annotated[
        int, typer.Option("-n", min=1, metavar="N", help="The last N acts.", allow_from_autoenv=False)
    ] = 100,
    json: AsJson = False,
    accounts: Accounts = None,
) -> None:
    """Print who did what to accounts, rooms and people.

    \b
    Example: chat audit -n 20
    """
    with reporting():
        from cli.commands.audit import run

        run(ctx, accounts, limit, as_json=json)
