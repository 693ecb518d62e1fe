"""What a roster logs. ``docs/operations.md`` says what each event means."""

from logging import ERROR, WARNING

from chatcore.logs import event

__all__ = ["roster_back", "roster_cut_off", "roster_kick_lost", "roster_stopped"]


@event("roster.cut_off", "chat.core", WARNING)
def roster_cut_off(*, seconds: int) -> str:
    return (
        f"cut off: nothing was heard of who is here for {seconds} s, "
        "and the other servers take this one for gone"
    )


@event("roster.back", "chat.core", WARNING)
def roster_back(*, lost: int) -> str:
    return f"it is known again who is here; {lost} sessions have lost their nicks meanwhile"


@event("roster.kick_lost", "chat.core", WARNING)
def roster_kick_lost(*, who: str, room: str) -> str:
    return f"{who} may still be in {room} at other servers, which cannot be reached"


@event("roster.stopped", "chat.core", ERROR)
def roster_stopped(*, version: int) -> str:
    return f"another server writes who is here in version {version}, which this one does not know"
