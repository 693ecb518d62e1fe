"""``chat account``: who has an account, with which role and which keys."""

import sys

import typer

from chatcore import UsageError
from chatcore.accounts import AccountEntry, KeyEntry, Role
from cli.columns import iso_time, local_time, write_columns, write_objects
from cli.commands.invite import print_links
from cli.settings.accounts import accounts_name, open_accounts
from cli.streams import write_text

__all__ = ["add", "list_accounts", "list_keys", "remove", "revoke", "set_role"]


def add(ctx: typer.Context, accounts: str | None, name: str, role: Role | None) -> None:
    """Make an account, in a new file if there is none, and print a link that makes its first key.

    Without a public URL there is no link yet, and the user learns how to get one.
    """
    where = accounts_name(ctx, accounts)
    named = f"'{where}'" if "?" in where else where  # as a shell takes it
    with open_accounts(ctx, accounts, create=True) as book:
        role = book.add(name, role)
        write_text(f"{name} is now {'an' if role == 'owner' else 'a'} {role}, in {where}\n", error=True)
        if book.urls():
            print_links(book, book.invite(name=name))
            return
        write_text(
            "There is no link yet, since the server has not stored how it is reached. Start it with\n"
            f"    chat server --accounts {named} --public-url URL\n"
            f"and then get the link with\n    chat invite --for {name} --accounts {named}\n",
            error=True,
            wrap=False,
        )


def list_accounts(ctx: typer.Context, accounts: str | None, *, as_json: bool) -> None:
    """Print all accounts."""
    with open_accounts(ctx, accounts) as book:
        found = book.accounts()
    if as_json:
        write_objects(_account_object(each) for each in found)
    else:
        write_columns(
            ("ACCOUNT", "ROLE", "KEYS", "MADE", "LAST SEEN"),
            [
                (each.name, each.role, f"{each.keys}", local_time(each.made), _day(each.used))
                for each in found
            ],
        )


def set_role(ctx: typer.Context, accounts: str | None, name: str, role: Role) -> None:
    """Change what an account may do."""
    with open_accounts(ctx, accounts) as book:
        book.set_role(name, role)
    write_text(f"{name} is now {'an' if role == 'owner' else 'a'} {role}\n")


def remove(ctx: typer.Context, accounts: str | None, name: str, *, yes: bool) -> int:
    """Remove an account, unless the user says no; return the exit code."""
    with open_accounts(ctx, accounts) as book:
        count = len(book.keys(name))
        if not yes and not _confirm(f"{name} with {count} key{'' if count == 1 else 's'}"):
            return 1
        book.remove(name)
    write_text(f"removed {name}\n")
    return 0


def list_keys(ctx: typer.Context, accounts: str | None, name: str, *, as_json: bool) -> None:
    """Print the keys of an account, by their ids."""
    with open_accounts(ctx, accounts) as book:
        keys = book.keys(name)
    if as_json:
        write_objects(_key_object(each) for each in keys)
    else:
        write_columns(
            ("KEY", "MADE", "LAST USED", "INVITED BY"),
            [(each.id, local_time(each.made), _day(each.used), each.invited_by or "-") for each in keys],
        )


def revoke(
    ctx: typer.Context, accounts: str | None, name: str, key: str | None, *, everything: bool, only: bool
) -> None:
    """Revoke a key of an account and those that came from it, or it only, or all."""
    if (key is None) != everything or (only and everything):
        raise UsageError(f"name one key, as `chat account keys {name}` prints it, or use --all")
    with open_accounts(ctx, accounts) as book:
        keys = book.revoke(name, key, only=only)
    write_text(f"revoked {len(keys)} key{'' if len(keys) == 1 else 's'} of {name}\n")
    if key is not None and len(keys) > 1:
        write_text(f"With {key} went the keys that came from its invites: {', '.join(keys[1:])}\n")


def _confirm(what: str) -> bool:
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"this would remove {what}; add --yes to do it")
    return typer.confirm(f"remove {what}, for good? Nobody can have the name again.", err=True)


def _day(at: float | None) -> str:
    return local_time(at, "never").partition(" ")[0]


def _account_object(each: AccountEntry) -> dict[str, object]:
    return {
        "name": each.name,
        "role": each.role,
        "keys": each.keys,
        "made": iso_time(each.made),
        "used": iso_time(each.used),
    }


def _key_object(each: KeyEntry) -> dict[str, object]:
    return {
        "id": each.id,
        "made": iso_time(each.made),
        "used": iso_time(each.used),
        "invited_by": each.invited_by,
    }
