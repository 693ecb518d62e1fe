"""What a replicated journal logs. ``docs/operations.md`` says what each event means."""

from logging import ERROR, WARNING
from pathlib import Path

from chatcore.journal.sqlite.log_events import journal_recovered, journal_unwritable
from chatcore.logs import event
from chatcore.replication.follower import FollowerLog
from chatcore.sqlite.words import log_failure

__all__ = [
    "ReplicaLog",
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


class ReplicaLog:
    """What a follower of the log logs, whose state is at ``path``."""

    def __init__(self, path: Path) -> None:
        self._path = str(path)

    def stopped(self, reason: str) -> None:
        """Log that it applies nothing more."""
        replica_stopped.log(path=self._path, reason=reason)

    def continued(self) -> None:
        """Log that it does again."""
        replica_continued.log(path=self._path)

    def unwritable(self, error: Exception) -> None:
        """Log that the file has failed."""
        log_failure(journal_unwritable, error, path=self._path, error=str(error))

    def recovered(self) -> None:
        """Log that the file can be used again."""
        journal_recovered.log(path=self._path)


_: type[FollowerLog] = ReplicaLog
