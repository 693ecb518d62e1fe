"""What a replicated journal logs. ``docs/operations.md`` says what each event means."""

from logging import ERROR, WARNING

from chatcore.logs import event

__all__ = [
    "draft_impossible",
    "replica_continued",
    "replica_forked",
    "replica_settled",
    "replica_stopped",
    "replica_unsettled",
]


@event("replica.draft_impossible", "chat.journal", ERROR)
def draft_impossible() -> str:
    return "a post was refused that no log may hold"


@event("replica.stopped", "chat.journal", ERROR)
def replica_stopped(*, path: str, reason: str) -> str:
    return f"{path} no longer follows its log, and posts are refused: {reason}"


@event("replica.continued", "chat.journal", WARNING)
def replica_continued(*, path: str) -> str:
    return f"{path} follows its log again"


@event("replica.forked", "chat.journal", ERROR)
def replica_forked(*, path: str, reason: str) -> str:
    return f"servers have read different logs, and posts are refused at {path}: {reason}"


@event("replica.unsettled", "chat.journal", WARNING)
def replica_unsettled(*, path: str, seconds: int) -> str:
    return f"the log of {path} has returned nothing for {seconds} s; posts are refused until it does"


@event("replica.settled", "chat.journal", WARNING)
def replica_settled(*, path: str) -> str:
    return f"the log of {path} answers again; posts are accepted"
