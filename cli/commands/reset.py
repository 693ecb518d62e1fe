"""``chat client --reset``: forget what clients in a terminal remember."""

import sys
from collections.abc import Sequence

import typer

from chatcore import UsageError
from cli.access.links import address
from cli.places import state_directory
from cli.sanitize import sanitize
from cli.state.reset import HeldSlot, held_slots
from cli.streams import write_text

__all__ = ["run"]


def run(url: str | None, *, yes: bool) -> int:
    """Forget what is remembered of a server, or of all, unless the user says no; return the exit code.

    Raises `UsageError` if a client uses it, or if nobody can be asked, and `OSError`.
    """
    directory = state_directory()
    if directory is None:
        raise UsageError("you have no home directory, so nothing is remembered")
    with held_slots(directory, None if url is None else address(url)) as slots:
        if not slots:
            write_text(f"nothing is remembered{'' if url is None else f' of {url}'}\n")
            return 0
        if not yes and not _agrees(slots):
            return 1
        for slot in slots:
            slot.remove()
        write_text(f"forgotten: {_counted(slots)}\n")
        return 0


def _agrees(slots: Sequence[HeldSlot]) -> bool:
    counted = _counted(slots)
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(f"this would forget {counted}; add --yes to do it")
    for slot in slots:
        header = slot.remembered.header
        write_text(f"{sanitize(header.who)} at {sanitize(header.server)}: {_counted([slot])}\n")
    return typer.confirm("forget all this?", err=True)


def _counted(slots: Sequence[HeldSlot]) -> str:
    rooms = sum(len(slot.remembered.rooms) for slot in slots)
    unsent = sum(len(slot.remembered.unsent) for slot in slots)
    lines = f"{unsent:,} message{'' if unsent == 1 else 's'} that {'was' if unsent == 1 else 'were'} not sent"
    return f"{rooms:,} room{'' if rooms == 1 else 's'} and {lines}"
