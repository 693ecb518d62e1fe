"""What a gap means to a person: which messages are missing, and why."""

from chatcore import Gap

__all__ = ["describe_gap"]

_REASONS = {"expired": "the server no longer has them", "damaged": "the server can no longer read them"}


def describe_gap(gap: Gap) -> str:
    """Return one line without the room.

    After a ``reset`` the numbers of a gap are those of the new journal. How many messages of the old one are
    missing is unknown, so the line names none.
    """
    if gap.reason == "reset":
        return "the server has a new journal; messages since you were last here may be missing (reset)"
    first, last = gap.after + 1, gap.through
    which = f"message {first} is" if first == last else f"messages {first} to {last} are"
    return f"{which} missing: {_REASONS.get(gap.reason, 'the server gives no known reason')} ({gap.reason})"
