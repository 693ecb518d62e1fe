"""Journals on the command line: ``memory``, ``sqlite:PATH``, and where the default one is.

What only a file needs is imported where there is one: it takes as long as all the rest.
"""

from pathlib import Path

from chatcore.errors import UsageError
from chatcore.journal import Journal
from chatcore.journal.memory import MemoryJournal
from chatcore.limits import Limits

__all__ = ["default_path", "describe", "open_journal"]


def default_path() -> Path:
    """Return where a server keeps its journal unless it is told otherwise."""
    from platformdirs import user_data_path

    return user_data_path("chatcore", appauthor=False) / "journal.db"


def open_journal(setting: str | None, limits: Limits) -> Journal:
    """Return the journal that ``--journal`` names, not started yet; raises `UsageError`.

    ``sqlite:PATH?synchronous=NORMAL`` gives up safety from a loss of power for speed.
    """
    if setting == "memory":
        return MemoryJournal(limits)
    from chatcore.journal.sqlite import SqliteJournal

    if setting is None:
        return SqliteJournal(default_path(), limits)
    kind, _, place = setting.partition(":")
    path, _, option = place.partition("?")
    if (
        kind != "sqlite"
        or not path
        or option.casefold() not in ("", "synchronous=full", "synchronous=normal")
    ):
        raise UsageError(
            f"--journal {setting!r} is none of memory, sqlite:PATH and sqlite:PATH?synchronous=NORMAL"
        )
    return SqliteJournal(
        Path(path).expanduser(),
        limits,
        synchronous="NORMAL" if option.casefold().endswith("normal") else "FULL",
    )


def describe(journal: Journal) -> str:
    """Say where messages are kept, for whoever starts a server."""
    if isinstance(journal, MemoryJournal):
        return "messages are kept in memory and end with this server"
    from chatcore.journal.sqlite import SqliteJournal

    assert isinstance(journal, SqliteJournal)
    return f"messages are kept in {journal.path} ({journal.durability})"
