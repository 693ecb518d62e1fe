"""What a log over JetStream logs. ``docs/operations.md`` says what each event means."""

from logging import ERROR, INFO, WARNING

from chatcore.logs import event

__all__ = [
    "stream_connected",
    "stream_entry_refused",
    "stream_entry_too_large",
    "stream_failed",
    "stream_forbidden",
    "stream_incomplete",
    "stream_lost",
    "stream_made",
    "stream_unfit",
    "stream_unreachable",
    "stream_unsynced",
]


@event("stream.connected", "chat.journal", INFO)
def stream_connected(*, stream: str, server: str, first: int, last: int) -> str:
    return f"the log {stream} is connected through {server}, and has entries {first} to {last}"


@event("stream.made", "chat.journal", WARNING)
def stream_made(*, stream: str, server: str) -> str:
    return f"there was no log {stream}, so {server} was asked to make an empty one"


@event("stream.lost", "chat.journal", WARNING)
def stream_lost(*, stream: str, server: str, error: str) -> str:
    return f"the connection of the log {stream} to {server} is lost: {error}"


@event("stream.unreachable", "chat.journal", WARNING)
def stream_unreachable(*, stream: str, error: str) -> str:
    return f"the log {stream} cannot be reached: {error}; it is tried again"


@event("stream.unfit", "chat.journal", ERROR)
def stream_unfit(*, stream: str, server: str, reason: str) -> str:
    return f"the log {stream} at {server} cannot be used: {reason}"


@event("stream.unsynced", "chat.journal", WARNING)
def stream_unsynced(*, stream: str, reason: str) -> str:
    return f"the log {stream} may lose acknowledged messages if all its machines lose power: {reason}"


@event("stream.incomplete", "chat.journal", ERROR)
def stream_incomplete(*, stream: str, position: int, seconds: int) -> str:
    return f"the log {stream} has not given out its entry {position} for {seconds} s; no later one is read"


@event("stream.entry_refused", "chat.journal", WARNING)
def stream_entry_refused(*, stream: str, error: str) -> str:
    return f"the log {stream} refuses entries: {error}"


@event("stream.forbidden", "chat.journal", ERROR)
def stream_forbidden(*, stream: str, error: str) -> str:
    return f"the user of NATS may not do all that the log {stream} needs: {error}"


@event("stream.entry_too_large", "chat.journal", ERROR)
def stream_entry_too_large(*, stream: str, size: int, limit: int) -> str:
    return f"an entry of {size} bytes was not sent: the log {stream} takes at most {limit}"


@event("stream.failed", "chat.journal", ERROR)
def stream_failed(*, stream: str) -> str:
    return f"the connection to the log {stream} has failed, and begins again"
