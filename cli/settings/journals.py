"""Journals on the command line: ``memory``, ``sqlite:PATH``, and where the default one is.

SQLite is imported only for a journal in a file: that takes as long as everything else together.
"""

from pathlib import Path

from chatcore import Limits, MemoryJournal, UsageError
from chatcore.journal import Journal

__all__ = ["default_path", "describe", "open_journal"]


def default_path() -> Path:
    """Return the path of the journal that a server uses by default."""
    from platformdirs import user_data_path

    return user_data_path("chatcore", appauthor=False) / "journal.db"


def open_journal(setting: str | None, limits: Limits) -> Journal:
    """Return the journal that ``--journal`` names, not started yet; raises `UsageError`.

    ``sqlite:PATH?synchronous=NORMAL`` is faster, and may lose acknowledged messages in a power failure.
    """
    if setting == "memory":
        return MemoryJournal(limits)
    from chatcore import SqliteJournal

    if setting is None:
        return SqliteJournal(default_path(), limits)
    kind, _, place = setting.partition(":")
    path, _, option = place.partition("?")
    if (
        kind != "sqlite"
        or not path
        or option.casefold() not in ("", "synchronous=full", "synchronous=normal")
    ):
        raise UsageError(f"--journal must be memory or sqlite:PATH, not {setting!r}")
    return SqliteJournal(
        Path(path).expanduser(),
        limits,
        synchronous="NORMAL" if option.casefold().endswith("normal") else "FULL",
    )


def describe(journal: Journal) -> str:
    """Return a line for the person who starts a server: where messages are stored, and how safely."""
    if isinstance(journal, MemoryJournal):
        return "messages are kept in memory, and are lost when this server stops"
    from chatcore import SqliteJournal

    assert isinstance(journal, SqliteJournal)
    return f"messages are kept in {journal.path} ({journal.durability})"
