"""``chat invite``: links that let people in.

A link is printed once, on standard output and nowhere else: the file has its hash.
"""

from typing import TYPE_CHECKING

import typer

from chatcore import UsageError
from chatcore.accounts import Administration, InviteEntry, Role
from cli.columns import iso_time, local_time, write_columns, write_objects
from cli.settings.accounts import open_accounts
from cli.settings.durations import duration
from cli.streams import write_text

if TYPE_CHECKING:
    from chatcore.cluster import ReplicatedAdministration

__all__ = ["list_invites", "make", "print_links", "revoke"]

NO_URL = "no link can be made: the server has not stored how it is reached; start it with --public-url URL"

_ALL = "all"


def make(
    ctx: typer.Context,
    accounts: str | None,
    *,
    role: Role | None,
    uses: int,
    expires: str,
    room: str | None,
    name: str | None,
) -> None:
    """Make an invite, and print its links.

    Raises `UsageError` if the server has no public URL, or for what an invite cannot have.
    """
    seconds = duration(expires)
    with open_accounts(ctx, accounts) as book:
        if not book.urls():
            raise UsageError(NO_URL)
        print_links(book, book.invite(role=role, uses=uses, seconds=seconds, room=room, name=name))


def print_links(book: "Administration | ReplicatedAdministration", invite: InviteEntry) -> None:
    """Print the links of an invite on standard output, and what they are on standard error."""
    write_text(f"{_description(invite)}\n", error=True)
    write_text("".join(f"{link}\n" for link in book.links(invite)), wrap=False)


def list_invites(ctx: typer.Context, accounts: str | None, *, as_json: bool) -> None:
    """Print the invites that can be used, by their ids."""
    with open_accounts(ctx, accounts) as book:
        invites = book.invites()
    if as_json:
        write_objects(_object(invite) for invite in invites)
    else:
        write_columns(
            ("INVITE", "FOR", "ROOM", "USES", "EXPIRES", "BY"),
            [
                (each.id, _whom(each), each.room or "-", f"{each.uses}", local_time(each.until), each.by)
                for each in invites
            ],
        )


def revoke(ctx: typer.Context, accounts: str | None, invite_id: str) -> None:
    """Withdraw an invite, or all; raises `UsageError` if there is no such invite."""
    with open_accounts(ctx, accounts) as book:
        count = book.withdraw(None if invite_id == _ALL else invite_id)
    write_text(f"revoked {count} invite{'' if count == 1 else 's'}\n")


def _description(invite: InviteEntry) -> str:
    times = "once" if invite.uses == 1 else f"{invite.uses} times"
    what = f"makes a key of {invite.name}" if invite.name else f"makes a {invite.role}"
    room = f" who may enter {invite.room}" if invite.room else ""
    return f"This link {what}{room}, {times}, until {local_time(invite.until)}. Send it to nobody else."


def _whom(invite: InviteEntry) -> str:
    return f"{invite.name}'s devices" if invite.name else f"a new {invite.role}"


def _object(invite: InviteEntry) -> dict[str, object]:
    return {
        "id": invite.id,
        "role": invite.role,
        "account": invite.name,
        "room": invite.room,
        "uses": invite.uses,
        "expires": iso_time(invite.until),
        "by": invite.by,
    }
