"""``chat ban``, ``chat unban`` and ``chat bans``: who is kept out, by account or by address."""

from collections.abc import Iterable

import typer

from chatcore import Moderate, UsageError, fold
from chatcore.accounts import BanEntry, owns
from cli.columns import iso_time, local_time, write_columns, write_objects
from cli.settings.accounts import open_accounts
from cli.settings.durations import duration
from cli.streams import write_text

__all__ = ["add", "lift", "list_bans"]


def add(
    ctx: typer.Context, accounts: str | None, target: str, seconds: str | None, reason: str | None
) -> None:
    """Ban an account, an address or a network; raises `UsageError` if it is none of these.

    A reason is what one that comes over the protocol may be: on one line, in ASCII.
    """
    _check_reason(reason)
    lasts = None if seconds is None else duration(seconds)
    with open_accounts(ctx, accounts) as book:
        ban = book.ban(target, seconds=lasts, reason=reason)
    until = f"until {local_time(ban.until)}" if ban.until is not None else "until `chat unban`"
    write_text(f"banned {ban.target} {until}\n")


def _check_reason(reason: str | None) -> None:
    try:
        Moderate(act="ban", reason=reason)
    except ValueError:
        raise UsageError("a reason is at most 128 printable ASCII characters, on one line") from None


def lift(ctx: typer.Context, accounts: str | None, target: str, room: str | None) -> None:
    """End the ban and the mute of an account, or the ban of an address or a network.

    Raises `UsageError` if there are none, and says where there are any.
    """
    with open_accounts(ctx, accounts) as book:
        found = [ban for ban in book.bans() if _concerns(ban, target)]
        ended = [ban for ban in found if ban.room == (None if room is None else fold(room))]
        if found and not ended:
            raise UsageError(_elsewhere(target, found))
        book.lift(target, room=room)
    write_text(f"{target} is no longer {_kinds(ended) or 'banned'}{f' in {room}' if room else ''}\n")


def _concerns(ban: BanEntry, target: str) -> bool:
    """Tell whether a ban or a mute is of the account that has a nick."""
    return ban.kind != "address" and owns(ban.target, target)


def _kinds(bans: Iterable[BanEntry]) -> str:
    return " or ".join(sorted({_KINDS[ban.kind] for ban in bans}))


def _elsewhere(target: str, bans: Iterable[BanEntry]) -> str:
    """Return what somebody may not do elsewhere, and the commands that end it."""
    by_room: dict[str | None, list[BanEntry]] = {}
    for ban in bans:
        by_room.setdefault(ban.room, []).append(ban)
    return "; ".join(
        f"{target} is {_kinds(each)} {f'in {room}' if room else 'everywhere'}, "
        f"so run: chat unban {target}{f' --room {room}' if room else ''}"
        for room, each in by_room.items()
    )


def list_bans(ctx: typer.Context, accounts: str | None, *, as_json: bool) -> None:
    """Print the bans and mutes that have not ended."""
    with open_accounts(ctx, accounts) as book:
        bans = book.bans()
    if as_json:
        write_objects(_object(ban) for ban in bans)
    else:
        write_columns(
            ("WHO", "WHAT", "ROOM", "UNTIL", "REASON"),
            [
                (ban.target, _KINDS[ban.kind], ban.room or "-", local_time(ban.until), ban.reason or "-")
                for ban in bans
            ],
        )


_KINDS = {"ban": "banned", "mute": "muted", "address": "banned"}


def _object(ban: BanEntry) -> dict[str, object]:
    return {
        "kind": ban.kind,
        "target": ban.target,
        "room": ban.room,
        "until": iso_time(ban.until),
        "reason": ban.reason,
    }
