"""What the accounts of a cluster log. ``docs/operations.md`` says what each event means."""

from logging import ERROR, WARNING

from chatcore.accounts.log_events import accounts_recovered, accounts_unusable
from chatcore.logs import event
from chatcore.replication.follower import FollowerLog
from chatcore.sqlite.words import log_failure

__all__ = [
    "ReplicaLog",
    "accounts_continued",
    "accounts_forked",
    "accounts_settled",
    "accounts_stopped",
    "accounts_unsettled",
]


@event("accounts.stopped", "chat.accounts", ERROR)
def accounts_stopped(*, reason: str) -> str:
    return f"the accounts no longer follow their log, and changes are refused: {reason}"


@event("accounts.continued", "chat.accounts", WARNING)
def accounts_continued() -> str:
    return "the accounts follow their log again"


@event("accounts.forked", "chat.accounts", ERROR)
def accounts_forked(*, reason: str) -> str:
    return f"servers have read different logs of accounts, and changes are refused: {reason}"


@event("accounts.unsettled", "chat.accounts", WARNING)
def accounts_unsettled(*, seconds: int) -> str:
    return f"the log of the accounts has returned nothing for {seconds} s; changes are refused until it does"


@event("accounts.settled", "chat.accounts", WARNING)
def accounts_settled() -> str:
    return "the log of the accounts answers again; changes are accepted"


class ReplicaLog:
    """What a follower of the log logs."""

    def stopped(self, reason: str) -> None:
        """Log that it applies nothing more."""
        accounts_stopped.log(reason=reason)

    def continued(self) -> None:
        """Log that it does again."""
        accounts_continued.log()

    def unwritable(self, error: Exception) -> None:
        """Log that the file has failed."""
        log_failure(accounts_unusable, error, error=str(error))

    def recovered(self) -> None:
        """Log that the file can be used again."""
        accounts_recovered.log()


_: type[FollowerLog] = ReplicaLog
