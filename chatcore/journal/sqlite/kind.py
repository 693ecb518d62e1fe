"""The SQLite journal as ``chat server --journal sqlite:PATH`` finds it."""

from pathlib import Path

from chatcore.errors import UsageError
from chatcore.journal import JournalKind
from chatcore.journal.sqlite import SqliteJournal
from chatcore.limits import HistoryLimits
from chatcore.sqlite.database import Synchronous

__all__ = ["SqliteKind", "kind"]

_SYNCHRONOUS: dict[str, Synchronous] = {"synchronous=full": "FULL", "synchronous=normal": "NORMAL"}

_NO_SEARCH = "search=off"


class SqliteKind:
    """``--journal sqlite:PATH``; with ``?synchronous=NORMAL`` it is faster.

    Then it may lose acknowledged messages in a loss of power. With ``?search=off``, or both after a ``&``, it
    has no index and cannot be searched.
    """

    name = "sqlite"
    summary = "in a file, sqlite:PATH or sqlite:PATH?synchronous=NORMAL"

    def open(self, argument: str, limits: HistoryLimits) -> SqliteJournal:
        """Return the journal of a file; raises `UsageError`."""
        path, _, after = argument.partition("?")
        options = {option for option in after.casefold().split("&") if option}
        synchronous = [_SYNCHRONOUS[option] for option in options if option in _SYNCHRONOUS]
        if not path or "\0" in path or len(synchronous) > 1 or options - {*_SYNCHRONOUS, _NO_SEARCH}:
            raise UsageError(
                f"the journal sqlite needs a path, as in --journal sqlite:chat.db, not {argument!r}"
            )
        return SqliteJournal(
            _expanded(path),
            limits,
            synchronous=synchronous[0] if synchronous else "FULL",
            search=_NO_SEARCH not in options,
        )


def _expanded(path: str) -> Path:
    if "\0" in path:
        raise UsageError("the path of a journal cannot have a NUL in it")
    try:
        return Path(path).expanduser()
    except RuntimeError:
        raise UsageError(f"there is no home directory for the journal {path}") from None


kind = SqliteKind()
_: JournalKind = kind
