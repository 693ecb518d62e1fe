"""``chat audit``: what was done to accounts, rooms and people, when and by whom."""

import typer

from chatcore.accounts import AuditEntry
from cli.columns import iso_time, local_time, write_columns, write_objects
from cli.settings.accounts import open_accounts
from cli.settings.durations import duration_text

__all__ = ["run"]


def run(ctx: typer.Context, accounts: str | None, limit: int, *, as_json: bool) -> None:
    """Print the latest entries of the audit, the oldest first."""
    with open_accounts(ctx, accounts) as book:
        entries = book.audit(limit)
    if as_json:
        write_objects(_object(each) for each in entries)
    else:
        write_columns(
            ("TIME", "BY", "ACT", "ROOM", "ON", "FOR", "REASON"),
            [
                (
                    local_time(each.at),
                    each.by,
                    each.act,
                    each.room or "-",
                    each.target or "-",
                    "-" if each.seconds is None else duration_text(each.seconds),
                    each.reason or "-",
                )
                for each in entries
            ],
        )


def _object(each: AuditEntry) -> dict[str, object]:
    return {
        "at": iso_time(each.at),
        "by": each.by,
        "act": each.act,
        "room": each.room,
        "target": each.target,
        "seconds": each.seconds,
        "reason": each.reason,
    }
