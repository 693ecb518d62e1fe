"""What a gap means to a person: which messages are missing, and why."""

from chatcore import Gap

__all__ = ["describe_gap"]

_REASONS = {"expired": "the server no longer has {}", "damaged": "the server can no longer read {}"}


def describe_gap(gap: Gap) -> str:
    """Return one line without the room.

    After a ``reset`` the numbers of a gap are those of the new journal. How many messages of the old one are
    missing is unknown, so the line names none. What was ``skipped`` is not missing: the reader has asked for
    less. How many messages that is only the server knows, since numbers may be left out.
    """
    if gap.reason == "reset":
        return "the server has a new journal; messages since you were last here may be missing (reset)"
    first, last = gap.after + 1, gap.through
    if gap.reason == "skipped":
        return f"{_skipped(gap.count)} here ({first} to {last})"
    one = first == last
    which = f"message {first} is" if one else f"messages {first} to {last} are"
    why = _REASONS.get(gap.reason, "the server gives no known reason").format("it" if one else "them")
    return f"{which} missing: {why} ({gap.reason})"


def _skipped(count: int | None) -> str:
    if count is None:
        return "messages were skipped"
    return "1 message was skipped" if count == 1 else f"{count:,} messages were skipped"
