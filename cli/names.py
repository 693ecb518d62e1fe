"""Names of rooms that a user gives to a command that asks no server."""

from chatcore import RULES, Join, UsageError, fold

__all__ = ["folded_room"]


def folded_room(name: str) -> str:
    """Return the name of a room as journals have it; raises `UsageError` that says what a name is."""
    try:
        return fold(Join(room=name).room)
    except ValueError:
        raise UsageError(f"{name!r} is not a room: {RULES['room']}") from None
